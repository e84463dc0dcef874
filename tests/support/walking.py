"""Every operation as its guards declare it, and how to call it so that only who may call it matters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.auth import access_of, own_verb_of
from api.examples import example_of
from models.identity.permissions import Verb
from tests.support.client import ApiClient

NOWHERE = "0198c0de-0000-7000-8000-000000000001"


class Guarded(msgspec.Struct, frozen=True):
    """`path` has its parameters in braces; `body` is the example of the document, None without a body.

    `own_verb` is what callers may do with their own rows whom the operation lets in beside those with its scope.
    """

    name: str
    method: str
    path: str
    access: str
    own_verb: Verb | None
    body: Any

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def at(self, ids: Mapping[str, Any]) -> str:
        """The address, with an id that leads nowhere for parameters that are not given."""
        return "http://test" + re.sub(r"{(\w+)}", lambda found: str(ids.get(found[1], NOWHERE)), self.path)

    async def call(
        self, client: ApiClient, ids: Mapping[str, Any] | None = None, *, body: Any = None, **more: Any
    ) -> httpx.Response:
        """Without a body unless one is given: whoever is let in is then told what is missing."""
        return await client.request(self.method, self.at(ids or {}), json=body, **more)

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.access})"


def guarded_operations(app: Litestar) -> list[Guarded]:
    """All but those outside of `/api/v1`."""
    return sorted(_operations(app), key=lambda each: (each.path, each.method))


def _operations(app: Litestar) -> Iterator[Guarded]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or not route.path.startswith("/api/v1"):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                field = handler.parsed_data_field
                yield Guarded(
                    handler.handler_name, method, route.path_format, access_of(handler)[0], own_verb_of(handler),
                    example_of(field.annotation) if field else None,
                )  # fmt: skip
