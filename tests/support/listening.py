"""Listening to a stream in this process, where the client of the tests hears it only once it has ended."""

from types import SimpleNamespace
from typing import Any, cast

from litestar import Litestar

from models.identity.caller import Caller


def listening(app: Litestar) -> Any:
    """A request by the platform itself, as far as `following.stream` looks into it."""
    user = Caller(kind="system", role=None, scopes=frozenset({"*"}))
    return cast(Any, SimpleNamespace(app=app, scope={"state": {}}, user=user))
