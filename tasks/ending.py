"""How the processes of a worker learn that it is to end. Celery lets them work for as long as their jobs take, and
tells them nothing; who stops containers kills them after a while."""

import asyncio
import os
from collections.abc import Callable


class Bell:
    """Rung once, in the worker's parent process; heard by every process forked from it, before or after."""

    def __init__(self) -> None:
        self._hearing, self._ringing = os.pipe()

    def ring(self) -> None:
        """Safe in a signal's handler."""
        os.write(self._ringing, b"\a")

    def when_rung(self, loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> None:
        """`do` once, on the loop. What was rung is left in the pipe for the other processes."""

        def hear() -> None:
            loop.remove_reader(self._hearing)
            do()

        loop.add_reader(self._hearing, hear)
