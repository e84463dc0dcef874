"""Links that let whoever has them download one file, for a while."""

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from pydantic import SecretStr

from models.kernel.crypto import same
from models.kernel.errors import Forbidden
from models.kernel.settings import Settings


class Link(msgspec.Struct, frozen=True):
    url: str
    until: datetime


def make_link(settings: Settings, id_: UUID, now: datetime) -> Link:
    """A link to the file of an export, good for as long as the settings say."""
    until = now.replace(microsecond=0) + timedelta(minutes=settings.download_minutes)
    expires = int(until.timestamp())
    query = urlencode({"expires": expires, "signature": _signature(settings.secret_key, id_, expires)})
    return Link(f"{settings.public_url.rstrip('/')}/api/v1/exports/{id_}/download?{query}", until)


def check_link(settings: Settings, id_: UUID, expires: int, signature: str, now: datetime) -> None:
    """`expires` is in seconds since 1970. Raises Forbidden for a link not made for this file, or too old."""
    if not any(same(signature, _signature(key, id_, expires)) for key in settings.signing_keys):
        raise Forbidden("This link was not made for this file.")
    if now.timestamp() >= expires:
        raise Forbidden("This link has expired; the export gives a new one.")


def _signature(secret: SecretStr, id_: UUID, expires: int) -> str:
    message = f"bellwork:download:{id_}:{expires}".encode()
    return hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
