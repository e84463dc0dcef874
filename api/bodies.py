"""Bodies of requests: read once, strictly, and before all else that a handler asks for.

Litestar would read them as it reads a query: the text `"null"` as null, numbers as instants, `"true"` and 1 as true.
"""

from typing import Any

from litestar import Request

from models.kernel.validation import decode


class BodyRequest(Request[Any, Any, Any]):
    async def json(self) -> Any:
        """The handler's `data`, as `read_body` has read it."""
        return self.scope["state"]["data"]


async def read_body(request: Request[Any, Any, Any]) -> None:
    """A `before_request` hook. Raises Invalid with everything that is wrong with the body."""
    field, state = request.route_handler.parsed_data_field, request.scope["state"]
    if field is None or (not state["raw_body"] and field.has_default):
        return
    state["data"] = decode(state["raw_body"], field.annotation)
