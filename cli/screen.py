"""What commands print. Texts come from users and providers: they are shown as they are, and tell the terminal nothing.

Nothing else in `cli` makes a console or a text of its own, so that no command can take `[/b]` in a payload for a style.
"""

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleDimensions
from rich.progress import ProgressColumn, Task
from rich.table import Table
from rich.text import Text

ID_WIDTH = 36
NO_TERMINAL_WIDTH = 10_000
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Part = str | tuple[str, str]


class Screen(Console):
    """Shows every string as it is written: without markup, names of emojis or commands to the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False})

    @property  # type: ignore[misc]  # Console's can be set, which nobody does
    def size(self) -> ConsoleDimensions:
        """In a pipe or a file a row is one line, however long: for `grep`, and for the ids in it."""
        size = super().size
        bounded = self.is_terminal or "COLUMNS" in os.environ
        return size if bounded else ConsoleDimensions(NO_TERMINAL_WIDTH, size.height)


class Words(ProgressColumn):
    """A text of a bar's task, by the name of the field."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self._field = field

    def render(self, task: Task) -> Text:
        return line(str(task.fields[self._field]))


console = Screen()
faults = Screen(stderr=True)


def visible(text: str) -> str:
    r"""Control characters, which a terminal obeys, as escapes such as `\x1b`; ends of lines and tabs stay."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def line(*parts: Part) -> Text:
    """Of texts, and of pairs of a text and its style."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((visible(text), style) for text, style in pairs))


def say(*parts: Part) -> None:
    """A line, which the terminal breaks where it must: what is copied from it is whole."""
    console.print(line(*parts), soft_wrap=True)


def fail(message: str) -> NoReturn:
    """End the command with exit code 1."""
    faults.print(line((message, "red")), soft_wrap=True)
    raise typer.Exit(1)


def show_rows(columns: Sequence[Sequence[str]], rows: Iterable[Sequence[str]]) -> None:
    """A table with a line for each row; where that is too wide, the columns that stand together are put below each
    other. The cells of a row come in the order of all headings. Without rows nothing is shown."""
    cells = list(rows)
    if not cells:
        return
    wide = _table([[heading] for group in columns for heading in group], cells)
    needed = console.measure(wide, options=console.options.update(width=NO_TERMINAL_WIDTH)).maximum
    console.print(wide if needed <= console.width else _table(columns, cells))


def _table(columns: Sequence[Sequence[str]], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for group in columns:
        table.add_column("\n".join(group), overflow="fold", width=ID_WIDTH if group[0] == "id" else None)
    for row in rows:
        cells = iter(row)
        table.add_row(*("\n".join(next(cells) for _ in group).rstrip("\n") for group in columns))
    return table
