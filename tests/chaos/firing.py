"""Schedules that fire once a minute each, all of their times made up for: together a fire each ten seconds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.chaos.client import Client

SCHEDULES = 6
MINUTE = timedelta(minutes=1)


class Clockwork:
    """`first_fires` holds the first fire time of each schedule, by its id."""

    def __init__(self, client: Client, api_key: str) -> None:
        self._client = client
        self._key = {"X-API-Key": api_key}
        self.first_fires: dict[str, datetime] = {}

    async def wind(self) -> None:
        """By a key each, so that asking again makes no second one."""
        start = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        for number in range(SCHEDULES):
            starts_at = start + number * MINUTE / SCHEDULES
            body = {
                "name": f"Tick {number}", "kind": "chaos.tick", "payload": {}, "rrule": "FREQ=MINUTELY",
                "startsAt": starts_at.isoformat(), "timezone": "UTC", "catchUp": "all",
            }  # fmt: skip
            answer = await self._client.insist("PUT", f"/schedules/by-key/tick-{number}", self._key, body)
            self.first_fires[answer.body["id"]] = datetime.fromisoformat(answer.body["nextFireAt"])

    def due(self, until: datetime) -> set[tuple[str, datetime]]:
        """Schedules and the times at which they must have fired."""
        return {(id_, at) for id_, first in self.first_fires.items() for at in _minutes(first, until)}


def _minutes(first: datetime, until: datetime) -> Iterator[datetime]:
    while first <= until:
        yield first
        first += MINUTE
