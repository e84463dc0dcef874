"""What is registered at import: routes with who may call them, kinds with their handlers."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.auth import access_of, public
from models.jobs.kinds import all_kinds
from tasks.handlers import handles
from tests.support.probes import Echo
from tests.support.servers import REPOSITORY

HANDLERS_MATCH_KINDS = """
import models.all_contexts, tasks.all_handlers
from models.jobs.kinds import all_kinds
from tasks.handlers import handled_kinds
print(sorted({kind.name for kind in all_kinds() if kind.performed} ^ handled_kinds()))
"""


def undeclared(app: Litestar) -> Iterator[str]:
    """The operations that do not say, exactly once, who may call them."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path.startswith("/schema"):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS" and len(_access(handler)) != 1:
                yield f"{method} {route.path}: {_access(handler)}"


def _access(handler: HTTPRouteHandler) -> list[str]:
    return access_of(handler)


def test_every_route_declares_who_may_call_it(app: Litestar) -> None:
    assert list(undeclared(app)) == []


def test_a_route_without_a_declaration_is_found() -> None:
    @get("/open")
    async def forgotten() -> None: ...

    @get("/closed", guards=[public])
    async def declared() -> None: ...

    app = Litestar([forgotten, declared], openapi_config=None)
    assert list(undeclared(app)) == ["GET /open: []"]


def test_every_kind_has_a_handler_and_every_handler_a_kind() -> None:
    """Without the tests' own kinds, in a process of its own."""
    command = [sys.executable, "-c", HANDLERS_MATCH_KINDS]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_second_handler_of_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"probe\.echo has two handlers"):
        handles(Echo)(lambda context, args: None)  # type: ignore[arg-type, return-value]


def test_kinds_say_what_they_do() -> None:
    for kind in all_kinds():
        assert kind.description, kind.name
