"""What writes the trail of changes: the functions of `trail.sql`, and three triggers on each audited table.

They follow from the tables as they are now, so no revision holds them: each `upgrade` ends by installing what the
database is without, and `differences` names it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Table, inspect, text

from models.kernel.base import Base
from models.kernel.integrity import thing_named

_SQL = Path(__file__).with_name("trail.sql").read_text()
FUNCTIONS = {found[2]: found[1] for found in re.finditer(r"(CREATE OR REPLACE FUNCTION (\w+).*?\$\$;)", _SQL, re.S)}
ROWS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
UNNOTICED = frozenset({"version", "updated_at"})

INSTALLED_FUNCTIONS = """
SELECT proname, prosrc FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prosecdef AND proconfig @> ARRAY['search_path=public, pg_temp']
"""
INSTALLED_TRIGGERS = """
SELECT relname AS table, replace(tgname, 'audit_', '') AS event,
       string_to_array(encode(tgargs, 'escape'), '\\000') AS arguments
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND tgfoid = to_regproc('public.audit_change') AND tgenabled <> 'D'
"""


class Trigger(NamedTuple):
    """`arguments`: what a row of the table is called, and by commas the columns of its key, masked, unnoticed."""

    table: str
    event: str
    arguments: tuple[str, ...]

    @property
    def creation(self) -> str:
        arguments = ", ".join(f"'{each}'" for each in self.arguments)
        return (
            f"CREATE OR REPLACE TRIGGER audit_{self.event} AFTER {self.event} ON {self.table} "
            f"REFERENCING {ROWS[self.event]} FOR EACH STATEMENT EXECUTE FUNCTION audit_change({arguments})"
        )

    @property
    def removal(self) -> str:
        return f"DROP TRIGGER audit_{self.event} ON {self.table}"


def install(connection: Connection) -> None:
    """Leave alone what is as it should be, so that it waits for no lock, and tables that no revision has made yet."""
    for name in _missing_functions(connection):
        connection.exec_driver_sql(FUNCTIONS[name])
        connection.execute(text(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC"))
    tables = set(inspect(connection).get_table_names())
    there, wanted = _installed(connection), {trigger for trigger in triggers() if trigger.table in tables}
    for trigger in sorted(there - wanted):
        connection.execute(text(trigger.removal))
    for trigger in sorted(wanted - there):
        connection.execute(text(trigger.creation))


def differences(connection: Connection) -> list[str]:
    there, wanted = _installed(connection), set(triggers())
    return [
        *(f"the function {name} is missing or another" for name in _missing_functions(connection)),
        *(f"the trigger {trigger} is missing" for trigger in sorted(wanted - there)),
        *(f"the trigger {trigger} is there, but not in the code" for trigger in sorted(there - wanted)),
    ]


def triggers() -> Iterator[Trigger]:
    """Those of every table that does not say why it has none."""
    for mapper in Base.registry.mappers:
        class_, table = mapper.class_, mapper.local_table
        assert isinstance(table, Table)
        if class_.unaudited is None:
            key = [column.name for column in mapper.primary_key]
            unnoticed = sorted((class_.unnoticed | UNNOTICED) & set(table.columns.keys()))
            entity = thing_named(table.name).replace(" ", "_")
            arguments = (entity, ",".join(key), ",".join(sorted(class_.masked)), ",".join(unnoticed))
            yield from (Trigger(table.name, event, arguments) for event in ROWS)


def _missing_functions(connection: Connection) -> list[str]:
    there = {row.proname: row.prosrc for row in connection.execute(text(INSTALLED_FUNCTIONS))}
    return [name for name, creation in FUNCTIONS.items() if there.get(name) != creation.split("$$")[1]]


def _installed(connection: Connection) -> set[Trigger]:
    rows = connection.execute(text(INSTALLED_TRIGGERS))
    return {Trigger(row.table, row.event, tuple(row.arguments[:-1])) for row in rows}
