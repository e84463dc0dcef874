"""Signs of a scheduler's life: a file that it touches, and a row that says when it last looked at what waits.

`python -m scheduler.heartbeat` looks at the file: for containers, where nothing listens that could be asked.
"""

import os
import socket
import time

from models.jobs.liveness import see_scheduler
from models.kernel.heartbeat import beat, check
from models.kernel.session import Database

STALE_SECONDS = 60.0
SHOW_SECONDS = 5.0


class Heartbeat:
    """The row is written now and then, and at once when the broker goes away or comes back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._shown: tuple[float, bool] | None = None

    async def show(self, *, broker_away: bool) -> None:
        now = time.monotonic()
        if self._shown is None or self._shown[1] != broker_away or now - self._shown[0] >= SHOW_SECONDS:
            await see_scheduler(self._database, self._name, broker_away=broker_away)
            self._shown = now, broker_away

    def beat(self) -> None:
        beat("scheduler")


def main() -> None:
    check("scheduler", STALE_SECONDS)


if __name__ == "__main__":
    main()
