"""Bodies of requests: read once, strictly, and before all else that a handler asks for.

Litestar would read them as it reads a query: the text `"null"` as null, numbers as instants, `"true"` and 1 as true.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from api.conditions import IF_MATCH, condition_faults
from models.kernel.errors import Fault, Invalid
from models.kernel.settings import Settings
from models.kernel.validation import decode, refuse_nuls

# What a route finds wrong with a body, of which some fields cannot be read, as plain JSON: `@post(…, judge=…)`.
Judge = Callable[[Settings, Any], list[Fault]]


class BodyRequest(Request[Any, Any, Any]):
    async def json(self) -> Any:
        """The handler's `data`, as `read_body` has read it."""
        return self.scope["state"]["data"]


async def read_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    """A `before_request` hook: the body, the texts in the path, and the answer to who asks for the methods."""
    if request.method == "OPTIONS":
        return _methods(request)
    refuse_nuls([name for name, text in request.path_params.items() if isinstance(text, str) and "\0" in text])
    _read_body(request)
    return None


def _methods(request: Request[Any, Any, Any]) -> Response[None]:
    """All of the path. (Litestar names those of the first handler that it has met.)"""
    of_paths = ((route.path_format, route) for route in request.app.routes)
    found = (route.methods for path, route in of_paths if path == request.scope["path_template"])
    methods = sorted(set().union(*found))
    return Response(None, status_code=204, headers={"Allow": ", ".join(methods)})


def _read_body(request: Request[Any, Any, Any]) -> None:
    """Raises Invalid with everything that is wrong with the body, and with `If-Match`."""
    handler, state = request.route_handler, request.scope["state"]
    field = handler.parsed_data_field
    if field is None or (not state["raw_body"] and field.has_default):
        return
    _check_media_type(request)
    faults = condition_faults(request, IF_MATCH) if "match" in handler.parsed_fn_signature.parameters else []
    try:
        state["data"] = decode(state["raw_body"], field.annotation)
    except Invalid as invalid:
        if not invalid.errors:
            raise
        faults = [*invalid.errors, *faults]
    if faults:
        raise Invalid.of(_with_judged(request, faults))


def _check_media_type(request: Request[Any, Any, Any]) -> None:
    """Without one it is taken for JSON. Raises 415."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent and sent != "application/json" and not sent.endswith("+json"):
        raise HTTPException(f"A body is `application/json`, and not `{sent}`.", status_code=415)


def _with_judged(request: Request[Any, Any, Any], faults: list[Fault]) -> list[Fault]:
    """Together with what the handler would find in the rest of the body."""
    judge: Judge | None = request.route_handler.opt.get("judge")
    if judge is None:
        return faults
    named = {fault.field for fault in faults}
    body = msgspec.json.decode(request.scope["state"]["raw_body"])
    return [*faults, *(fault for fault in judge(request.app.state.settings, body) if fault.field not in named)]
