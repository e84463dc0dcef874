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
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.routes import HTTPRoute

from api.access import PUBLIC, scopes_of, sentence
from api.auth import access_of, takes_job_tokens
from api.document_headers import PARAMETERS, add_headers, parameter
from api.document_types import take_strings_too, tighten
from api.examples import example_of
from api.health.routes import VERSION
from api.problems import PROBLEM_JSON
from api.swagger import SwaggerUI
from models.jobs.kinds import JobKind, all_kinds

API = "/api/v1"
SAFE = {"GET", "HEAD", "OPTIONS"}
NAMES_A_KIND = {"submit_job", "create_schedule"}
NEEDS_AN_END = {"download_export"}
PROBLEMS = {
    400: ("VALIDATION_ERROR", "A field, parameter or header is at fault; `errors` names every one."),
    401: ("UNAUTHORIZED", "There are no credentials, or they are not valid."),
    403: ("FORBIDDEN", "The caller lacks what this operation needs."),
    404: ("NOT_FOUND", "There is no such thing, or it is not the caller's to see."),
    409: ("CONFLICT", "Something that is there already excludes this."),
    412: ("PRECONDITION_FAILED", "Someone else has changed the resource since (`If-Match`)."),
    413: ("PAYLOAD_TOO_LARGE", "The body is too long."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The body is not said to be JSON."),
    422: ("UNPROCESSABLE", "Well-formed, but it cannot be done as things stand."),
    429: ("RATE_LIMITED", "Too many requests in a minute; `Retry-After` says when to come again."),
    503: ("SERVICE_UNAVAILABLE", "A part is away; `Retry-After` says when to try again."),
}
OPTIONS = {
    "runAt": "2099-01-01T08:00:00Z", "startBy": "2099-01-01T09:00:00Z", "priority": 7, "dedupeKey": "nightly",
    "onDuplicate": "replace", "tags": ["import:2026-02"], "maxAttempts": 3,
    "callbackUrl": "https://example.com/hooks/bellwork",
}  # fmt: skip
# Of what is no JSON.
TEXTS = {
    "text/event-stream": 'event: progress\nid: 5f0c1d2e3a4b5c6d\ndata: {"status":"running"}\n\n',
    "text/csv": "id,name\r\n0198c0de-0000-7000-8000-000000000001,Noa Levi\r\n",
    "text/plain": "bellwork_jobs 7.0\n",
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
            parameters={key: parameter(*header) for key, header in PARAMETERS.items()},
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
    bodies = []
    for path, handler, operation in _operations(app):
        if handler.parsed_data_field is not None:
            bodies.append(handler.parsed_data_field.annotation)
        _add_security(operation, handler)
        add_headers(operation, handler, _answer_type(handler))
        _add_examples(operation, handler)
        _add_problems(operation, handler, path)
    take_strings_too(document)
    tighten(document, bodies)


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


def _add_examples(operation: Operation, handler: HTTPRouteHandler) -> None:
    if isinstance(operation.request_body, RequestBody):
        for type_, media in operation.request_body.content.items():
            if type_ == "application/json":
                _add_body_example(media, handler)
    for status, response in (operation.responses or {}).items():
        if isinstance(response, OpenAPIResponse) and status.startswith("2"):
            for type_, media in (response.content or {}).items():
                if isinstance(media, OpenAPIMediaType):
                    media.example = TEXTS.get(type_) or _answer_example(handler, status)


def _answer_example(handler: HTTPRouteHandler, status: str) -> Any:
    spec = (handler.responses or {}).get(int(status))
    type_ = _told_by(spec.data_container) if spec else _answer_type(handler)
    return None if type_ is None else example_of(type_)


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
    return _told_by(handler.parsed_return_field.annotation)


def _told_by(type_: Any) -> Any:
    """The struct in `Response[Struct]`, or what is returned bare, of several the first; None for streams, files and
    nothing.
    """
    if isinstance(type_, UnionType):
        return _told_by(get_args(type_)[0])
    origin = get_origin(type_) or type_
    if isinstance(origin, type) and issubclass(origin, litestar.Response):
        return _told_by(next(iter(get_args(type_)), None))
    known = isinstance(origin, type) and (issubclass(origin, msgspec.Struct) or origin in (list, dict))
    return type_ if known else None


def _add_problems(operation: Operation, handler: HTTPRouteHandler, path: str) -> None:
    responses = {status: answer for status, answer in (operation.responses or {}).items() if status != "400"}
    for status in _problem_statuses(operation, handler, path):
        responses.setdefault(str(status), Reference(ref=f"#/components/responses/Problem{status}"))
    operation.responses = dict(sorted(responses.items()))


def _problem_statuses(operation: Operation, handler: HTTPRouteHandler, path: str) -> Iterator[int]:
    yield 401
    if operation.parameters or operation.request_body:
        yield 400
    if operation.request_body:
        yield 415
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


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
