"""Links that let whoever has them download one file, for a while."""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from pydantic import SecretStr

from models.kernel.crypto import same
from models.kernel.errors import Forbidden


class Link(msgspec.Struct, frozen=True):
    """`expires` is in seconds since 1970."""

    expires: int
    signature: str


def sign(secret: SecretStr, id_: UUID, expires_at: datetime) -> Link:
    expires = int(expires_at.timestamp())
    return Link(expires, _signature(secret, id_, expires))


def check(secret: SecretStr, id_: UUID, link: Link, now: datetime) -> None:
    """Raises Forbidden for a link that we did not make for this file, or that is too old."""
    if not same(link.signature, _signature(secret, id_, link.expires)):
        raise Forbidden("This link was not made for this file.")
    if now.timestamp() >= link.expires:
        raise Forbidden("This link has expired; the export has a new one.")


def url_of(public_url: str, id_: UUID, link: Link) -> str:
    query = urlencode({"expires": link.expires, "signature": link.signature})
    return f"{public_url.rstrip('/')}/api/v1/exports/{id_}/download?{query}"


def _signature(secret: SecretStr, id_: UUID, expires: int) -> str:
    message = f"bellwork:download:{id_}:{expires}".encode()
    return hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
