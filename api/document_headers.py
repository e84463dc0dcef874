"""The headers that the OpenAPI document tells of: what operations understand, and what their answers carry."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import (
    OpenAPIHeader,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    Schema,
)

from api.jobs.schemas import CancelOut, JobOut

IF_MATCH = 'The version to change, as its `ETag` gave it (`"3"`, or several); another one is refused with 412.'
IF_NONE_MATCH = "What you have, by its `ETag` (or several): 304 while nothing changed."
NEW_ONLY = "`*`: only if it is not there yet, else 412."
IDEMPOTENCY_KEY = "A repetition with the same key and body gets the first answer again, for 24 hours; the first answer \
to who waits is the `202`."
PREFER = "`wait=N` holds the answer until the job ends, for N seconds at most (30)."
PARAMETERS = {
    "IfMatch": ("If-Match", IF_MATCH),
    "IfNoneMatch": ("If-None-Match", IF_NONE_MATCH),
    "NewOnly": ("If-None-Match", NEW_ONLY),
    "IdempotencyKey": ("Idempotency-Key", IDEMPOTENCY_KEY),
    "Prefer": ("Prefer", PREFER),
}
ANSWERED = {
    "Location": (OpenAPIType.STRING, "the job's place"),
    "ETag": (OpenAPIType.STRING, "the state of the job, for `If-None-Match` and `If-Match`"),
    "Retry-After": (OpenAPIType.INTEGER, "seconds until another look is likely to find the job ended; until it has"),
    "Preference-Applied": (OpenAPIType.STRING, "what was understood of `Prefer`"),
}
ENDED = "The job, which has ended (`Prefer: wait`)"
UNCHANGED = "Nothing has changed since that `ETag`."


def parameter(name: str, description: str) -> Parameter:
    """Without an example, which the page would send unasked."""
    text = Schema(type=OpenAPIType.STRING)
    return Parameter(name=name, param_in="header", required=False, description=description, schema=text)


def add_headers(operation: Operation, handler: HTTPRouteHandler, answered: Any) -> None:
    """`answered` is what the handler gives back."""
    keys = list(_understood(operation, handler, answered))
    references = [Reference(ref=f"#/components/parameters/{key}") for key in keys]
    operation.parameters = [*(operation.parameters or []), *references] or None
    if answered in (JobOut, CancelOut):
        _add_answered(operation, handler, answered)


def _understood(operation: Operation, handler: HTTPRouteHandler, answered: Any) -> Iterable[str]:
    names = handler.parsed_fn_signature.parameters
    if "match" in names:
        yield "IfMatch"
    if handler.handler_name == "get_job":
        yield "IfNoneMatch"
    if "new_only" in names:
        yield "NewOnly"
    if not handler.http_methods <= {"GET", "HEAD", "OPTIONS"} and operation.security:
        yield "IdempotencyKey"
    if answered in (JobOut, CancelOut) and handler.handler_name != "update_job":
        yield "Prefer"


def _add_answered(operation: Operation, handler: HTTPRouteHandler, answered: Any) -> None:
    responses = operation.responses = dict(operation.responses or {})
    states = ["ETag"] if answered is JobOut else []
    if isinstance(accepted := responses.get("202"), OpenAPIResponse):
        responses.setdefault("200", replace(accepted, description=ENDED))
        _carry(responses["202"], "Location", *states, "Retry-After", "Preference-Applied")
        _carry(responses["200"], "Location", *states, "Preference-Applied")
        return
    _carry(responses["200"], *states, "Retry-After")
    if handler.handler_name == "get_job":
        responses["304"] = OpenAPIResponse(description=UNCHANGED)
        _carry(responses["304"], *states, "Retry-After", "Preference-Applied")
        _carry(responses["200"], "Preference-Applied")


def _carry(response: OpenAPIResponse | Reference, *names: str) -> None:
    assert isinstance(response, OpenAPIResponse)
    carried = {name: OpenAPIHeader(schema=Schema(type=type_), description=why) for name, (type_, why) in _of(names)}
    response.headers = {**(response.headers or {}), **carried}


def _of(names: Iterable[str]) -> Iterable[tuple[str, tuple[OpenAPIType, str]]]:
    return ((name, ANSWERED[name]) for name in names)
