"""Every statement over what is held of a person, made from what the tables declare (`models.kernel.personal`)."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.kernel.personal import MASK
from models.privacy.holdings import Holding

ROOTS = {
    "students": "SELECT id FROM students WHERE user_id = ANY (:users) OR customer_id = ANY (:customers)",
    "instructors": "SELECT id FROM instructors WHERE user_id = ANY (:users)",
}

# A session of theirs that has ended is known by the trail alone.
IDS_IN_TRAIL = """
SELECT DISTINCT entity_id FROM audit_entries
WHERE coalesce(new, old) ->> 'user_id' = ANY (CAST(CAST(:users AS uuid[]) AS text[]))
   OR coalesce(new, old) ->> 'student_id' = ANY (CAST(CAST(:students AS uuid[]) AS text[]))
   OR coalesce(new, old) ->> 'customer_id' = ANY (CAST(CAST(:customers AS uuid[]) AS text[]))
"""

ERASE_IN_TRAIL = """
SELECT audit_erase(
    :entity, :subject, CAST(:entity_ids AS text[]), CAST(:fields AS text[]), CAST(:naming AS text[]), :most
) AS masked
"""

SHUT_OUT = """
UPDATE users SET blocked_at = clock_timestamp(), version = version + 1, updated_at = clock_timestamp()
WHERE id = ANY (:users) AND blocked_at IS NULL
"""

ANSWERS = (
    "SELECT caller, key, body FROM keyed_answers WHERE (caller, key) > (:caller, :key) ORDER BY caller, key LIMIT :most"
)

FORGET_ANSWERS = """
DELETE FROM keyed_answers WHERE (caller, key) IN (SELECT * FROM unnest(CAST(:callers AS text[]), CAST(:keys AS text[])))
"""

FILES = """
SELECT id, file_key FROM exports WHERE file_key IS NOT NULL AND id > :after ORDER BY id LIMIT :most
"""

FORGET_FILE = "DELETE FROM exports WHERE id = :id"

OWN_FILES = """
SELECT id, file_key, format, resource FROM exports
WHERE owner = ANY (:owners) AND file_key IS NOT NULL AND resource <> 'personal-data' ORDER BY id
"""


async def run(session: AsyncSession, sql: str, parameters: Mapping[str, Any]) -> Sequence[RowMapping]:
    """With those of the parameters that the statement names."""
    result = await session.execute(_with(sql, parameters))
    return result.mappings().all()


async def change(session: AsyncSession, sql: str, parameters: Mapping[str, Any]) -> int:
    """How many rows were changed."""
    result = await session.execute(_with(sql, parameters))
    assert isinstance(result, CursorResult)
    return result.rowcount


async def stream(session: AsyncSession, sql: str, parameters: Mapping[str, Any]) -> AsyncIterator[Any]:
    """One value of each row, at constant memory."""
    result = await session.stream_scalars(_with(sql, parameters), execution_options={"yield_per": 500})
    async for value in result:
        yield value


def _with(sql: str, parameters: Mapping[str, Any]) -> TextClause:
    named = set(re.findall(r"(?<!:):([a-z_]+)", sql))
    return text(sql).bindparams(**{name: parameters[name] for name in named})


def names_of(holding: Holding) -> str:
    return f"SELECT {', '.join(sorted(holding.personal.names))} FROM {holding.table} WHERE {holding.personal.whose}"


def ids_of(holding: Holding) -> str:
    return f"SELECT id FROM {holding.table} WHERE {holding.personal.whose}"


def given_rows(holding: Holding) -> str:
    """What the person is given of the table, a JSON object a row."""
    columns = [
        f"{holding.personal.shown[name]} AS {name}" if name in holding.personal.shown else f'"{name}"'
        for name in holding.columns
        if name not in holding.secret
    ]
    return f"""
SELECT row_to_json(given)::text FROM (
    SELECT {", ".join(columns)} FROM {holding.table} WHERE {holding.personal.given} ORDER BY {", ".join(holding.key)}
) AS given
"""


def erase_some(holding: Holding) -> str:
    """Rows of the person go, or what is personal in them; at most `:most`. None is left that was done before."""
    whose = f"({holding.personal.whose})"
    if holding.personal.ends:
        return f"DELETE FROM {holding.table} WHERE {_some(holding, whose)}"
    erased = holding.personal.erased
    undone = " OR ".join(f"{column} IS DISTINCT FROM {sql}" for column, sql in erased.items())
    return _update(holding, erased, f"{whose} AND ({undone})")


def mask_some(holding: Holding) -> str:
    """What names the person in free text of any row gives way to a mask; in at most `:most` rows."""
    values, found = {}, []
    for name in sorted(holding.personal.mentions):
        if name in holding.lists:
            each = f"regexp_replace(each, :pattern, '{MASK}', 'gi')"
            values[name] = f"CASE WHEN {name} IS NOT NULL THEN ARRAY(SELECT {each} FROM unnest({name}) AS each) END"
            found.append(f"EXISTS (SELECT FROM unnest({name}) AS each WHERE each ~* :pattern)")
            continue
        column = f"CAST({name} AS text)" if name in holding.json else name
        pattern = ":json_pattern" if name in holding.json else ":pattern"
        replaced = f"regexp_replace({column}, {pattern}, '{MASK}', 'gi')"
        matches = f"{column} ~* {pattern}"
        if name in holding.unique:  # what differed in the names alone would be the same
            told_apart = " || ".join([replaced, *(f"' ' || CAST({part} AS text)" for part in holding.key)])
            values[name] = f"CASE WHEN {matches} THEN {told_apart} ELSE {name} END"
        else:
            values[name] = f"CAST({replaced} AS jsonb)" if name in holding.json else replaced
        found.append(matches)
    return _update(holding, values, " OR ".join(found))


def _update(holding: Holding, values: Mapping[str, str], condition: str) -> str:
    changes = [f"{column} = {sql}" for column, sql in values.items()]
    if "version" in holding.columns:
        changes += ["version = version + 1", "updated_at = clock_timestamp()"]
    return f"UPDATE {holding.table} SET {', '.join(changes)} WHERE {_some(holding, condition)}"


def _some(holding: Holding, condition: str) -> str:
    return f"ctid = ANY (ARRAY(SELECT ctid FROM {holding.table} WHERE {condition} LIMIT :most FOR UPDATE))"
