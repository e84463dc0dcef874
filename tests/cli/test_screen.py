"""What is printed is what was written: texts of users are no styles, no emojis and no commands to the terminal."""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.progress import Progress

from cli import screen
from cli.screen import Screen, Words, line, say, show_rows
from tests.support.servers import REPOSITORY

ID = "0198c0de-0000-7000-8000-000000000001"
TEXTS = pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((text, text) for text in ("[/b]", "[true]", "[null]", "[true,false]", "[bold]x", ":smile:", r"\[b]")),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b2J", r"\x9b2J"),
    ],
)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Where everything goes that is printed meanwhile, as into a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)
    output = io.StringIO()
    monkeypatch.setattr(screen, "console", Screen(file=output))
    return output


def narrow(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(screen, "console", Screen(file=printed))


@TEXTS
def test_a_text_is_printed_as_it_is(printed: io.StringIO, text: str, shown: str) -> None:
    screen.console.print(text)
    screen.console.print(text, markup=True, emoji=True, style="bold")
    say(text)
    say(("mark", "red"), " ", (text, "bold"))
    show_rows([[text]], [[text]])
    with Progress(Words("message"), console=screen.console) as bar:
        bar.add_task("", message=text)
    lines = [line.rstrip() for line in printed.getvalue().splitlines() if line.strip()]
    assert lines == [shown, shown, shown, f"mark {shown}", shown, shown, shown]


def test_a_row_is_one_line_where_nobody_looks(printed: io.StringIO) -> None:
    show_rows([("id", "name"), ("about",)], [[ID, "x" * 200, "y " * 200]])
    assert [len(line.split()) for line in printed.getvalue().splitlines()] == [3, 202]


def test_columns_that_do_not_fit_are_put_below_each_other(
    printed: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(printed, monkeypatch)
    show_rows([("id", "kind"), ("status", "progress"), ("made",)], [[ID, "k" * 40, "running", "4/9", "m " * 20]])
    lines = printed.getvalue().splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["id", "status"], ["kind", "progress"], [ID, "running"]]
    assert [word for line in lines[3:] for word in line.split() if word != "m"] == ["k" * 36, "4/9", "kkkk"]
    assert max(map(len, lines)) <= 80


def test_columns_that_fit_stand_side_by_side(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(printed, monkeypatch)
    show_rows([("id", "kind"), ("status",)], [[ID, "probe.echo", "running"]])
    assert printed.getvalue().splitlines()[1].split() == [ID, "probe.echo", "running"]


def test_without_rows_there_is_no_heading(printed: io.StringIO) -> None:
    show_rows([("id",)], [])
    assert printed.getvalue() == ""


def test_ends_of_lines_and_tabs_stay() -> None:
    assert line("a\n\tb").plain == "a\n\tb"


def own_means(path: Path, source: str) -> Iterator[str]:
    """Where a module of `cli` makes a console or a text without the screen, which would read its markup."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        else:
            continue
        allowed = {f"rich.progress.{name}" for name in ("BarColumn", "MofNCompleteColumn", "Progress", "TaskID")}
        allowed |= {"rich.progress.TimeElapsedColumn", "rich.table.Table"}
        yield from (f"{path} imports {name}" for name in names if name.startswith("rich") and name not in allowed)


def test_nothing_else_prints_by_its_own_means() -> None:
    modules = [path for path in (REPOSITORY / "cli").rglob("*.py") if path.name != "screen.py"]
    assert len(modules) > 20
    assert [found for path in modules for found in own_means(path, path.read_text())] == []


@pytest.mark.parametrize(
    "planted",
    [
        "from rich.console import Console", "import rich", "from rich import print", "from rich.text import Text",
        "from rich.progress import TextColumn", "def f():\n    from rich.markup import render",
    ],
)  # fmt: skip
def test_a_module_that_does_is_found(planted: str) -> None:
    assert list(own_means(Path("cli/planted.py"), planted))
