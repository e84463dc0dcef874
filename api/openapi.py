"""The OpenAPI document: what the routes do not say themselves is added here, for all of them alike.

That is: the scope an operation needs, the problems it can answer, the headers it understands, and examples.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args, get_origin

import litestar
import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.routes import HTTPRoute

from api.access import PUBLIC, scopes_of, sentence
from api.auth import access_of, takes_job_tokens
from api.document_types import take_strings_too
from api.examples import example_of
from api.health.routes import VERSION
from api.jobs.schemas import JobOut
from api.problems import PROBLEM_JSON
from api.swagger import SwaggerUI
from models.jobs.kinds import JobKind, all_kinds

API = "/api/v1"
SAFE = {"GET", "HEAD", "OPTIONS"}
NAMES_A_KIND = {"submit_job", "submit_batch"}
NEEDS_AN_END = {"download_export"}
PROBLEMS = {
    400: ("VALIDATION_ERROR", "A field, parameter or header is at fault; `errors` names every one."),
    401: ("UNAUTHORIZED", "There are no credentials, or they are not valid."),
    403: ("FORBIDDEN", "The caller lacks what this operation needs."),
    404: ("NOT_FOUND", "There is no such thing, or it is not the caller's to see."),
    409: ("CONFLICT", "Something that is there already excludes this."),
    412: ("PRECONDITION_FAILED", "Someone else has changed the resource since (`If-Match`)."),
    413: ("PAYLOAD_TOO_LARGE", "The body is too long."),
    422: ("UNPROCESSABLE", "Well-formed, but it cannot be done as things stand."),
    429: ("RATE_LIMITED", "Too many requests in a minute; `Retry-After` says when to come again."),
    503: ("SERVICE_UNAVAILABLE", "A part is away; `Retry-After` says when to try again."),
}
OPTIONS = {
    "runAt": "2099-01-01T08:00:00Z", "startBy": "2099-01-01T09:00:00Z", "priority": 7, "dedupeKey": "nightly",
    "onDuplicate": "replace", "tags": ["import:2026-02"], "maxAttempts": 3,
    "callbackUrl": "https://example.com/hooks/bellwork",
}  # fmt: skip
IF_MATCH = 'The version to change, as its `ETag` gave it (`"3"`); another one is refused with 412.'
IDEMPOTENCY_KEY = "A repetition with the same key and body gets the first answer again, for 24 hours."
PREFER = "`wait=N` holds the answer until the job ends, for N seconds at most (30)."
HEADERS = {
    "IfMatch": ("If-Match", IF_MATCH),
    "IdempotencyKey": ("Idempotency-Key", IDEMPOTENCY_KEY),
    "Prefer": ("Prefer", PREFER),
}


def openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Bellwork",
        version=VERSION,
        description="The asynchronous back office of a teaching business: whatever is slow becomes a durable job.",
        path="/schema",
        render_plugins=[SwaggerUI()],
        components=Components(
            responses={f"Problem{status}": _problem(status) for status in PROBLEMS},
            parameters={key: _header(*header) for key, header in HEADERS.items()},
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="an access token, an API key, or a job's token"
                ),
                "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
                "jobToken": SecurityScheme(
                    type="apiKey",
                    name="access_token",
                    security_scheme_in="query",
                    description="a job's token (`POST /jobs/{job_id}/tokens`), for `EventSource`: it sends no headers",
                ),
            },
        ),
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _method, _path: _camel(handler.handler_name),
    )


def complete(app: Litestar) -> None:
    """Add to every operation of the application's document what all have in common."""
    document = app.openapi_schema
    assert document.components is not None
    document.components.schemas = {**(document.components.schemas or {}), "Problem": _problem_schema()}
    for path, handler, operation in _operations(app):
        _add_security(operation, handler)
        _add_headers(operation, handler)
        _add_examples(operation, handler)
        _add_problems(operation, handler, path)
    take_strings_too(document)


def _operations(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler, Operation]]:
    for route in app.routes:
        item = (app.openapi_schema.paths or {}).get(route.path_format)
        if not isinstance(route, HTTPRoute) or item is None:
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if (operation := getattr(item, method.lower(), None)) is not None:
                yield route.path_format, handler, operation


def _add_security(operation: Operation, handler: HTTPRouteHandler) -> None:
    """A scheme's list holds the scopes needed (OpenAPI 3.1 allows it for every scheme)."""
    access, scopes = access_of(handler), scopes_of(handler)
    operation.security = [] if PUBLIC in access else [{"bearer": scopes}, {"apiKey": scopes}]
    if takes_job_tokens(handler):
        operation.security.append({"jobToken": []})
    needs = sentence(handler)
    operation.description = f"{operation.description}\n\n{needs}" if operation.description else needs


def _add_headers(operation: Operation, handler: HTTPRouteHandler) -> None:
    keys = []
    if _takes(handler, "match"):
        keys.append("IfMatch")
    if _writes(handler) and operation.security:
        keys.append("IdempotencyKey")
    if _answer_type(handler) is JobOut:
        keys.append("Prefer")
    references = [Reference(ref=f"#/components/parameters/{key}") for key in keys]
    operation.parameters = [*(operation.parameters or []), *references] or None


def _add_examples(operation: Operation, handler: HTTPRouteHandler) -> None:
    if isinstance(operation.request_body, RequestBody):
        for type_, media in operation.request_body.content.items():
            if type_ == "application/json":
                _add_body_example(media, handler)
    returned = _answer_type(handler)
    for response in (operation.responses or {}).values():
        if isinstance(response, OpenAPIResponse) and response.content and returned is not None:
            for type_, media in response.content.items():
                if type_ == "application/json" and isinstance(media, OpenAPIMediaType):
                    media.example = example_of(returned)


def _add_body_example(media: OpenAPIMediaType, handler: HTTPRouteHandler) -> None:
    if handler.handler_name == "submit_job":
        kinds = [kind for kind in all_kinds() if kind.public]
        media.examples = {kind.name: _submission(kind) for kind in kinds}
        media.examples["with options"] = _submission(kinds[0], **OPTIONS)
    else:
        assert handler.parsed_data_field is not None
        media.example = example_of(handler.parsed_data_field.annotation)


def _submission(kind: JobKind, **options: Any) -> Example:
    summary = kind.description.partition("\n")[0]
    return Example(summary=summary, value={"kind": kind.name, "payload": kind.example, **options})


def _answer_type(handler: HTTPRouteHandler) -> Any:
    """The struct in `Response[Struct]`, or what is returned bare, of several the first; None for streams, files and
    nothing.
    """
    type_ = handler.parsed_return_field.annotation
    if isinstance(type_, UnionType):
        type_ = get_args(type_)[0]
    origin = get_origin(type_) or type_
    if isinstance(origin, type) and issubclass(origin, litestar.Response):
        type_ = next(iter(get_args(type_)), None)
        origin = get_origin(type_) or type_
    known = isinstance(origin, type) and (issubclass(origin, msgspec.Struct) or origin in (list, dict))
    return type_ if known else None


def _add_problems(operation: Operation, handler: HTTPRouteHandler, path: str) -> None:
    responses = {status: answer for status, answer in (operation.responses or {}).items() if status != "400"}
    if "202" in responses and _answer_type(handler) is JobOut:
        responses.setdefault("200", responses["202"])
    for status in _problem_statuses(operation, handler, path):
        responses.setdefault(str(status), Reference(ref=f"#/components/responses/Problem{status}"))
    operation.responses = dict(sorted(responses.items()))


def _problem_statuses(operation: Operation, handler: HTTPRouteHandler, path: str) -> Iterator[int]:
    yield 401
    if operation.parameters or operation.request_body:
        yield 400
    if operation.security:
        yield 403
    if "{" in path or handler.handler_name in NAMES_A_KIND:
        yield 404
    if _takes(handler, "match"):
        yield 412
    if _writes(handler):
        yield from (409, 413, 422)
    if handler.handler_name in NEEDS_AN_END:
        yield 409
    if path.startswith(API):
        yield 429
    if path.startswith(API) or handler.handler_name == "metrics":
        yield 503


def _writes(handler: HTTPRouteHandler) -> bool:
    return not handler.http_methods <= SAFE


def _takes(handler: HTTPRouteHandler, name: str) -> bool:
    return name in handler.parsed_fn_signature.parameters


def _problem(status: int) -> OpenAPIResponse:
    code, meaning = PROBLEMS[status]
    example: dict[str, Any] = {
        "type": "about:blank", "title": meaning.partition(";")[0].rstrip("."), "status": status, "detail": meaning,
        "instance": "/api/v1/customers", "code": code, "requestId": "0198c0de-0000-7000-8000-00000000000a",
    }  # fmt: skip
    if status == 400:
        example["errors"] = [{"field": "phone", "message": "is required"}]
    media = OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"), example=example)
    headers = {"X-Request-ID": OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING))}
    if status in (429, 503):
        headers["Retry-After"] = OpenAPIHeader(schema=Schema(type=OpenAPIType.INTEGER), description="seconds")
    return OpenAPIResponse(description=meaning, headers=headers, content={PROBLEM_JSON: media})  # type: ignore[arg-type]


def _problem_schema() -> Schema:
    text = Schema(type=OpenAPIType.STRING)
    fault = Schema(type=OpenAPIType.OBJECT, required=["field", "message"], properties={"field": text, "message": text})
    properties = dict.fromkeys(("type", "title", "detail", "instance", "code", "requestId"), text)
    return Schema(
        type=OpenAPIType.OBJECT,
        title="Problem",
        description="RFC 9457 problem details; further members carry the ids a client needs.",
        required=[*properties, "status"],
        properties={
            **properties,
            "status": Schema(type=OpenAPIType.INTEGER),
            "errors": Schema(type=OpenAPIType.ARRAY, items=fault),
        },
    )


def _header(name: str, description: str) -> Parameter:
    """Without an example, which the page would send unasked."""
    text = Schema(type=OpenAPIType.STRING)
    return Parameter(name=name, param_in="header", required=False, description=description, schema=text)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
