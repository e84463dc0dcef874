"""Signs of a worker's life: a file that it touches, and a row for each of its queues, when it takes something from the
broker and while it is busy with that. A worker that is up and takes nothing shows none.

`python -m tasks.heartbeat NAME@HOST` looks at the file of the worker with that name on this machine.
"""

import sys
import time
from collections.abc import Collection

from models.jobs.liveness import see_worker
from models.kernel.heartbeat import beat, check
from models.kernel.logs import get_logger
from models.kernel.session import Connection

STALE_SECONDS = 120.0
SHOW_SECONDS = 5.0
log = get_logger(__name__)


class Heartbeat:
    """Of one process of a worker. `node` is the worker's name, known from before its processes are forked."""

    node = "worker"

    def __init__(self) -> None:
        self._shown: dict[str, float] = {}

    async def show(self, on: Connection, queues: Collection[str]) -> None:
        """To be called at each occasion: what was shown lately is not shown again. Never raises."""
        now = time.monotonic()
        due = [queue for queue in queues if now - self._shown.get(queue, -SHOW_SECONDS) >= SHOW_SECONDS]
        if not due:
            return
        self._shown.update(dict.fromkeys(due, now))
        beat(self.node)
        try:
            await see_worker(on, due, self.node)
        except Exception as error:
            log.warning("heartbeat_not_written", error=repr(error))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tasks.heartbeat NAME@HOST")
    check(sys.argv[1], STALE_SECONDS)


if __name__ == "__main__":
    main()
