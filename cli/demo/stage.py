"""What the spectator sees: acts, live bars (plain lines where there is no terminal), checks, tables."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table

from cli.screen import Part, Screen, Words, line

_LINE_SECONDS = 5.0


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


class CheckFailed(DemoError):
    """The platform did not do what the demo expects of it."""


@dataclass(frozen=True)
class Check:
    act: str
    text: str
    passed: bool


class Bar:
    """Progress towards `total`, which may become known later."""

    def __init__(self, label: str, total: int | None) -> None:
        self.label, self.total, self.current = label, total, 0

    def advance(self) -> None:
        self.to(self.current + 1)

    def to(self, current: int, total: int | None = None) -> None:
        self.current, self.total = current, total if total is not None else self.total


class _LiveBar(Bar):
    def __init__(self, label: str, total: int | None, progress: Progress, task: TaskID) -> None:
        super().__init__(label, total)
        self._progress, self._task = progress, task

    def to(self, current: int, total: int | None = None) -> None:
        super().to(current, total)
        self._progress.update(self._task, completed=self.current, total=self.total)


class _PlainBar(Bar):
    """A line now and then while it takes long, and one at its end."""

    def __init__(self, label: str, total: int | None, console: Screen) -> None:
        super().__init__(label, total)
        self._console, self._told_at, self._told = console, time.monotonic(), -1

    def to(self, current: int, total: int | None = None) -> None:
        super().to(current, total)
        if time.monotonic() - self._told_at > _LINE_SECONDS:
            self.tell()

    def tell(self) -> None:
        if self._told == self.current:
            return
        self._told_at, self._told = time.monotonic(), self.current
        of = "" if self.total is None else f" of {self.total:,}"
        self._console.print(f"  · {self.label}: {self.current:,}{of}")


class Stage:
    def __init__(self, console: Screen) -> None:
        self.console = console
        self.checks: list[Check] = []
        self.seconds: dict[str, float] = {}
        self._act = ""

    @contextmanager
    def act(self, letter: str, title: str) -> Iterator[None]:
        self._act = letter
        self.console.print(f"\n{letter}. {title}", style="bold")
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[letter] = round(time.monotonic() - began, 1)

    def tell(self, text: str) -> None:
        self.console.print(line("  ", ("·", "dim"), " ", text))

    def check(self, text: str, passed: bool, otherwise: object = "") -> None:
        """Raises CheckFailed, with what was found in its place, when it does not hold."""
        self.checks.append(Check(self._act, text, passed))
        self.console.print(line("  ", mark(passed), " ", text))
        self.require(passed, text, otherwise)

    def require(self, passed: bool, text: str, otherwise: object = "") -> None:
        """A check that is not worth a line of its own while it holds."""
        if not passed:
            raise CheckFailed(f"act {self._act}: not so: {text}; in its place: {otherwise}")

    @contextmanager
    def bar(self, label: str, total: int | None = None) -> Iterator[Bar]:
        if not self.console.is_terminal:
            bar = _PlainBar(label, total, self.console)
            yield bar
            bar.tell()
            return
        columns = (
            Words("label"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )  # fmt: skip
        with Progress(*columns, console=self.console) as progress:
            yield _LiveBar(label, total, progress, progress.add_task("", total=total, label=f"  {label:<34}"))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers_from: int) -> None:
        """Columns from `numbers_from` on are set to the right."""
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
        for at, column in enumerate(columns):
            table.add_column(column, justify="right" if at >= numbers_from else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self.console.print(table)


def mark(passed: bool) -> Part:
    return ("✓", "green") if passed else ("✗", "red")
