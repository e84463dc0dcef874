"""Every error answer: RFC 9457 problem details, with all faults at once and never a stack or SQL."""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Scope, Send

from models.kernel.errors import DomainError, Fault, Invalid
from models.kernel.integrity import explain
from models.kernel.logs import get_logger
from models.kernel.session import constraint, is_away, sqlstate, table_and_detail

PROBLEM_JSON = "application/problem+json"
log = get_logger(__name__)

STATUS_OF_CODE = {
    "VALIDATION_ERROR": 400,
    "UNAUTHORIZED": 401,
    "PAYMENT_REQUIRED": 402,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "GONE": 410,
    "PRECONDITION_FAILED": 412,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RANGE_NOT_SATISFIABLE": 416,
    "UNPROCESSABLE": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
CODE_OF_STATUS = {status: code for code, status in STATUS_OF_CODE.items()}
RETRY_AFTER_SECONDS = "2"
SELDOM_THE_CALLERS = {"VALIDATION_ERROR", "UNPROCESSABLE"}  # of what PostgreSQL refused


class Problem(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """`errors` names every bad field; further members carry the ids a client needs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[Fault] = []


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The handler for everything that is raised while a request is answered."""
    status, headers, body = render(request.scope, error)
    return Response(body, status_code=status, headers=headers, media_type=PROBLEM_JSON)


def render(scope: Scope, error: Exception) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to an error; logs what the caller does not see."""
    error = _translate(error)
    code, detail = _code_of(error), _detail_of(error)
    status = STATUS_OF_CODE[code]
    request_id = scope["state"].get("request_id", "")
    if status >= 500:
        log.error("request_failed", code=code, exc_info=error)
    problem = msgspec.to_builtins(
        Problem(
            type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail,
            instance=scope["path"], code=code, request_id=request_id,
            errors=list(error.errors) if isinstance(error, DomainError) else [],
        )
    )  # fmt: skip
    if isinstance(error, DomainError):
        problem |= {_camel(name): msgspec.to_builtins(value) for name, value in error.ids.items()}
    return status, _headers_of(status, error), msgspec.json.encode(problem)


async def send_problem(scope: Scope, error: Exception, send: Send) -> None:
    """Answer with the error, where no route does."""
    status, headers, body = render(scope, error)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*raw, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _translate(error: Exception) -> Exception:
    """What the caller can do something about becomes an error of ours, which says so and names every fault."""
    if isinstance(error, DomainError):
        return error
    if explained := explain(error):
        if explained.code in SELDOM_THE_CALLERS:
            _note_refusal(error)
        return explained
    if isinstance(error, HTTPException) and error.status_code == 400:
        return _request_fault(error)
    return error


def _note_refusal(error: Exception) -> None:
    """What the input should have been told before it came to PostgreSQL, or what a statement of ours did: without the
    row, which is the caller's."""
    table, _ = table_and_detail(error)
    log.warning("database_refused", sqlstate=sqlstate(error), table=table, constraint=constraint(error))


def _request_fault(error: HTTPException) -> Invalid:
    """The faults of path, query and headers as litestar names them."""
    extra = error.extra if isinstance(error.extra, list) else []
    faults = [Fault(str(item.get("key", "")), _lower(str(item["message"]))) for item in extra if "message" in item]
    return Invalid.of(faults) if faults else Invalid(error.detail)


def _code_of(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.code
    if isinstance(error, HTTPException):
        return CODE_OF_STATUS.get(
            error.status_code, "VALIDATION_ERROR" if error.status_code < 500 else "INTERNAL_ERROR"
        )
    return "SERVICE_UNAVAILABLE" if is_away(error) else "INTERNAL_ERROR"


def _detail_of(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.detail
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error.detail
    if is_away(error):
        return "The database cannot be reached just now; nothing was changed."
    return "Something went wrong on our side; nothing was changed. The request's id finds it in the logs."


def _headers_of(status: int, error: Exception) -> dict[str, str]:
    own = getattr(error, "headers", None) or {}
    headers = {**{name.lower(): value for name, value in own.items()}, "content-type": PROBLEM_JSON}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (429, 503):
        headers["retry-after"] = str(getattr(error, "retry_after", RETRY_AFTER_SECONDS))
    return headers


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
