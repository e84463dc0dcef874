"""What all resources have in common on the wire: pages, ETags, Location."""

from typing import Any, TypeVar
from uuid import UUID

import litestar
import msgspec
from litestar import Request

from models.identity.caller import Caller
from models.kernel.errors import Forbidden
from models.kernel.paging import Listing, Pagination
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import Out

T = TypeVar("T")
Body = TypeVar("Body", bound=Out)
_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(content: Any) -> bytes:
    return _encoder.encode(content)


class Response(litestar.Response[T]):
    """An answer in JSON, with decimals as numbers of exactly their digits (`149.90`)."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:
        return content if isinstance(content, bytes) else encode(content)


def listing(out: type[Body], rows: list[Any], pagination: Pagination, reach: Reach = EVERYTHING) -> Listing[Body]:
    """The rows as far as whom the answer is for may see them."""
    return Listing([out.within(row, reach) for row in rows], pagination)


def created(request: Request[Any, Any, Any], body: Body, id_: UUID, *, under: str | None = None) -> Response[Body]:
    """201 with the new resource and its place: below the request's path, or `under` another resource."""
    path = f"/api/v1/{under}" if under else request.scope["path"].rstrip("/")
    return Response(body, status_code=201, headers={"Location": f"{path}/{id_}"})


async def add_etag(response: litestar.Response[Any]) -> litestar.Response[Any]:
    """A single resource carries its version as ETag (an `after_request` hook)."""
    version = getattr(response.content, "version", None)
    if isinstance(version, int):
        response.headers["ETag"] = f'"{version}"'
    return response


def hard_delete_allowed(caller: Caller, hard: bool) -> bool:
    """Whether to remove for good. Raises Forbidden when someone else than an administrator asks for it."""
    if hard and not caller.is_admin:
        raise Forbidden("Only administrators remove for good.")
    return hard
