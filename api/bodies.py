"""Bodies of requests: read once, strictly, and before all else that a handler asks for.

Litestar would read them as it reads a query: the text `"null"` as null, numbers as instants, `"true"` and 1 as true.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request

from api.conditions import IF_MATCH, condition_faults
from models.kernel.errors import Fault, Invalid
from models.kernel.settings import Settings
from models.kernel.validation import decode

# What a route finds wrong with a body, of which some fields cannot be read, as plain JSON: `@post(…, judge=…)`.
Judge = Callable[[Settings, Any], list[Fault]]


class BodyRequest(Request[Any, Any, Any]):
    async def json(self) -> Any:
        """The handler's `data`, as `read_body` has read it."""
        return self.scope["state"]["data"]


async def read_body(request: Request[Any, Any, Any]) -> None:
    """A `before_request` hook. Raises Invalid with everything that is wrong with the body, and with `If-Match`."""
    handler, state = request.route_handler, request.scope["state"]
    field = handler.parsed_data_field
    if field is None or (not state["raw_body"] and field.has_default):
        return
    faults = condition_faults(request, IF_MATCH) if "match" in handler.parsed_fn_signature.parameters else []
    try:
        state["data"] = decode(state["raw_body"], field.annotation)
    except Invalid as invalid:
        if not invalid.errors:
            raise
        faults = [*invalid.errors, *faults]
    if faults:
        raise Invalid.of(_with_judged(request, faults))


def _with_judged(request: Request[Any, Any, Any], faults: list[Fault]) -> list[Fault]:
    """Together with what the handler would find in the rest of the body."""
    judge: Judge | None = request.route_handler.opt.get("judge")
    if judge is None:
        return faults
    named = {fault.field for fault in faults}
    body = msgspec.json.decode(request.scope["state"]["raw_body"])
    return [*faults, *(fault for fault in judge(request.app.state.settings, body) if fault.field not in named)]
