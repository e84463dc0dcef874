"""What an attempt tells while it runs: its progress, and lines of its job's log."""

import asyncio
import contextlib
import time
from typing import Any

from models.jobs.lifecycle import report_progress
from models.jobs.logs import LINES_KEPT, NewLine, Sent, keep_lines, line_of
from models.jobs.records import JobRecord
from models.jobs.rules import LogLevel, Progress
from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

WRITE_SECONDS = 0.2
PATIENCE_SECONDS = 5.0
log = get_logger(__name__)


class Reporter:
    """Writes beside the handler's transaction, a few times a second at most: the newest progress, and every line.

    It does nothing until there is something to write. What cannot be written is no matter of the handler's.
    """

    def __init__(self, database: Database, job: JobRecord) -> None:
        self._database = database
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._newest: Progress | None = None
        self._lines: list[tuple[int, float, NewLine]] = []
        self._said = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def report(self, progress: Progress) -> None:
        self._newest = progress
        self._start()

    def log(self, message: str, level: LogLevel, fields: dict[str, Any]) -> None:
        """From any thread; never raises."""
        try:
            line = line_of(message, level, fields)
            getattr(log, line.level)("job_line", message=line.message, fields=line.fields)
            if asyncio._get_running_loop() is self._loop:
                self._take(line, time.monotonic())
            else:
                self._loop.call_soon_threadsafe(self._take, line, time.monotonic())
        except Exception as error:
            log.warning("job_line_lost", error=type(error).__name__)

    async def stop(self) -> None:
        """Write what is left; nothing is taken any more."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self._write()
            if self._lines:
                log.warning("job_lines_lost", lines=len(self._lines))

    def _take(self, line: NewLine, said_at: float) -> None:
        """One more than a job keeps, because that tells that there are more."""
        if not self._stopped and self._said <= LINES_KEPT:
            self._said += 1
            self._lines.append((self._said, said_at, line))
            self._start()

    def _start(self) -> None:
        if self._task is None and not self._stopped:
            self._task = asyncio.create_task(self._write_forever())

    async def _write_forever(self) -> None:
        while True:
            await self._write()
            await asyncio.sleep(WRITE_SECONDS)

    async def _write(self) -> None:
        await self._write_progress()
        await self._write_lines()

    async def _write_progress(self) -> None:
        """Forgotten once it was tried; not when the writing was broken off, as `stop` does."""
        progress = self._newest
        if progress is None:
            return
        with contextlib.suppress(Exception):
            await report_progress(self._database, self._job, progress)
        if self._newest is progress:
            self._newest = None

    async def _write_lines(self) -> None:
        """Those that PostgreSQL has not taken, because it is away, are sent again: it knows them by their places."""
        lines, now = list(self._lines), time.monotonic()
        if not lines:
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await keep_lines(
                    self._database, self._job, [Sent(line, place, now - said_at) for place, said_at, line in lines]
                )
        except Exception as error:
            if is_away(error):
                return
            log.warning("job_lines_refused", lines=len(lines), error=repr(error))
        del self._lines[: len(lines)]
