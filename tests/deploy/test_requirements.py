"""`docs/requirements.md` claims only what is there."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from models.jobs.kinds import all_kinds
from tests.support.servers import REPOSITORY

OPERATION = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE)(?:, (?:GET|POST|PUT|PATCH|DELETE))*) (/[^`?]*)[^`]*`")
KIND = re.compile(r"[Jj]ob `([a-z]+\.[a-z_]+)`")
BESIDE_THE_API = ("/health", "/metrics", "/schema", "/swagger")


def claims() -> Iterator[tuple[int, str, str, str]]:
    """Line, what is said to be there, status and test of every row."""
    for number, line in enumerate((REPOSITORY / "docs/requirements.md").read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and cells[2].strip("`") in ("there", "partly", "not yet", "left out"):
            yield number, cells[1].partition("missing")[0], cells[2].strip("`"), cells[3].strip(" |")


@pytest.fixture
def operations(app: Litestar) -> set[str]:
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    return {f"{method} {_plain(route.path)}" for route in routes for method in route.route_handler_map}


def test_every_operation_said_to_be_there_is_there(operations: set[str]) -> None:
    absent = []
    for number, text, status, _ in claims():
        if status in ("there", "partly"):
            for methods, path in OPERATION.findall(text):
                full = path if path.startswith(BESIDE_THE_API) else f"/api/v1{path}"
                wanted = {f"{method} {_plain(full)}" for method in methods.split(", ")}
                absent += [f"line {number}: {each}" for each in sorted(wanted - operations)]
    assert absent == []


def test_no_operation_said_to_be_missing_is_there(operations: set[str]) -> None:
    present = []
    for number, text, status, _ in claims():
        if status == "not yet":
            for methods, path in OPERATION.findall(text):
                wanted = {f"{method} {_plain(f'/api/v1{path}')}" for method in methods.split(", ")}
                present += [f"line {number}: {each}" for each in sorted(wanted & operations)]
    assert present == []


def test_every_kind_of_job_named_is_there() -> None:
    kinds = {kind.name for kind in all_kinds()}
    named = {kind for _, text, status, _ in claims() if status in ("there", "partly") for kind in KIND.findall(text)}
    assert named
    assert named <= kinds


def test_what_is_there_names_the_test_that_holds_it() -> None:
    rows = list(claims())
    assert len(rows) > 400
    for number, _, status, test in rows:
        if status == "there":
            assert re.fullmatch(r"\[`[^`]+`\]\(\.\./tests/[a-z_/]+\.py\)", test), f"line {number}: {test}"
        elif status in ("not yet", "left out"):
            assert test == "—", f"line {number}: {test}"


def _plain(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path).rstrip("/")
