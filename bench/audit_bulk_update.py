"""100,000 meetings changed by one statement, each leaving its row in the trail of changes.

The limit is the same statement with no trail at all; the peer has one by the customary trigger, which is called for
each row and keeps both rows whole. What narrow rows with few indexes cost (customers, for whom the update itself is
cheap) is noted.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Contenders, Figure, Stage
from bench.school import found_school, hold_meetings
from models.kernel.origin import Origin, acting
from models.kernel.session import fetch

ROWS = 100_000
UPDATE_MEETINGS = """
UPDATE meetings SET status = 'cancelled', notes = 'The school is closed.', version = version + 1,
                    updated_at = clock_timestamp()
"""
UPDATE_CUSTOMERS = "UPDATE customers SET city = 'Haifa', version = version + 1, updated_at = clock_timestamp()"
CUSTOMERS = """
INSERT INTO customers (id, name, phone, email, address, city, notes)
SELECT gen_random_uuid(), 'Noa Levi ' || n, '+97250' || n, n || '@example.com', n || ' HaNassi Boulevard', 'Lod', 'VIP'
FROM generate_series(1, $1) AS n
"""
ORIGIN = Origin("user:0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-00000000000a")
ROW_TRIGGER = """
CREATE TABLE peer_trail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, actor text, entity text NOT NULL,
    entity_id text NOT NULL, old jsonb NOT NULL, new jsonb NOT NULL
);
CREATE INDEX ON peer_trail (entity_id);
CREATE FUNCTION peer_trail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO peer_trail (at, actor, entity, entity_id, old, new) VALUES (
        clock_timestamp(), current_setting('bellwork.origin')::jsonb ->> 'actor', TG_TABLE_NAME, new.id,
        to_jsonb(old), to_jsonb(new));
    RETURN NULL;
END $$;
ALTER TABLE meetings DISABLE TRIGGER audit_update;
CREATE TRIGGER peer_trail AFTER UPDATE ON meetings FOR EACH ROW EXECUTE FUNCTION peer_trail();
"""
NO_ROW_TRIGGER = """
ALTER TABLE meetings ENABLE TRIGGER audit_update;
DROP FUNCTION IF EXISTS peer_trail CASCADE;
DROP TABLE IF EXISTS peer_trail;
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    found_school(stage, stage.scaled(ROWS))
    _note_customers(stage)
    yield Contenders(lambda: _meetings(stage, ORIGIN), lambda: _by_row_trigger(stage), lambda: _meetings(stage, None))


def _meetings(stage: Stage, origin: Origin | None) -> float:
    hold_meetings(stage)
    _settle(stage, "meetings")
    return stage.scaled(ROWS) / _update(stage, UPDATE_MEETINGS, origin)


def _by_row_trigger(stage: Stage) -> float:
    stage.run(stage.database.execute(ROW_TRIGGER))
    try:
        return _meetings(stage, ORIGIN)
    finally:
        stage.run(stage.database.execute(NO_ROW_TRIGGER))


def _update(stage: Stage, statement: str, origin: Origin | None) -> float:
    """Seconds; without an origin there is no trail."""

    async def run() -> None:
        assert origin is not None
        with acting(origin):
            async with stage.database.transaction() as session:
                await fetch(session, statement)

    started = time.perf_counter()
    if origin is None:
        stage.sql(statement)
    else:
        stage.run(run())
    return time.perf_counter() - started


def _note_customers(stage: Stage) -> None:
    def seconds(origin: Origin | None) -> float:
        stage.sql("TRUNCATE customers, audit_entries, audit_statements CASCADE")
        stage.sql(CUSTOMERS, stage.scaled(ROWS))
        _settle(stage, "customers")
        return _update(stage, UPDATE_CUSTOMERS, origin)

    bare, audited = min(seconds(None) for _ in range(3)), min(seconds(ORIGIN) for _ in range(3))
    stage.note(
        FIGURE.name, f"customers: {audited:.2f} s with the trail, {bare:.2f} s without, {audited / bare:.2f} times"
    )


def _settle(stage: Stage, table: str) -> None:
    """Whatever came before: what is measured pays neither for it nor for the server's housekeeping."""
    stage.sql(f"VACUUM ANALYZE {table}")
    stage.sql("CHECKPOINT")


FIGURE = Figure("audit_bulk_update", "rows/s", "a trigger for each row", "the same without a trail", contenders)
