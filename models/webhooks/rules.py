"""Signatures, verdicts on answers, and what an endpoint may ask for. `addresses` has the rules for its URL."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from models.kernel.errors import Fault

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
ROTATION_HOURS = 24
MAX_HEADERS = 20
_OUR_HEADERS = {
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-request-id", "x-webhook-signature",
}  # fmt: skip
_OUR_PREFIXES = ("webhook-", "proxy-", "sec-")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1998}[\x21-\x7e])?")
_GLOB = re.compile(r"[a-z0-9_*]+(\.[a-z0-9_*]+)?")


class DeliveryStatus(StrEnum):
    """`pending` is still being tried; `ended` was given up without a failure: the endpoint is gone or said so."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    ENDED = "ended"


class Verdict(msgspec.Struct, frozen=True):
    """What an answer means. `status` is None when the delivery is worth another attempt."""

    status: DeliveryStatus | None
    disable_reason: str | None = None


def judge(status_code: int | None, wish: str = "") -> Verdict:
    """`status_code` is None without an answer; `wish` is the answer's header `webhook-delivery`.

    Everything but a 2xx is tried again (a restarting n8n answers 404, a full Make queue 400), unless the receiver
    asks for an end.
    """
    reason = None
    if status_code == 410:
        reason = "The receiver answered 410 Gone."
    elif wish.strip().lower() == "disable":
        reason = "The receiver asked for it (webhook-delivery: disable)."
    if status_code is not None and 200 <= status_code < 300:
        return Verdict(DeliveryStatus.DELIVERED, reason)
    if reason or wish.strip().lower() == "abort":
        return Verdict(DeliveryStatus.ENDED, reason)
    return Verdict(None)


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_headers(keys: Sequence[str], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """Standard Webhooks, one signature per secret, the newest first; and the older scheme with the newest alone.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    timestamp = str(int(at.timestamp()))
    signed = f"{id_}.{timestamp}.".encode() + body
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join("v1," + base64.b64encode(_hmac(key, signed).digest()).decode() for key in keys),
        "x-webhook-signature": "sha256=" + _hmac(keys[0], body).hexdigest(),
    }


def _hmac(secret: str, content: bytes) -> "hmac.HMAC":
    return hmac.new(base64.b64decode(secret.removeprefix(SECRET_PREFIX)), content, hashlib.sha256)


def event_type_faults(field: str, wanted: Sequence[str], known: Collection[str]) -> list[Fault]:
    """Every entry is a known type, or a glob such as `meeting.*` that matches at least one."""
    faults = []
    for index, pattern in enumerate(wanted):
        if not _GLOB.fullmatch(pattern):
            faults.append(Fault(f"{field}[{index}]", "is not an event type or a glob such as `meeting.*`"))
        elif not any(fnmatchcase(name, pattern) for name in known):
            faults.append(Fault(f"{field}[{index}]", f"`{pattern}` matches no event type; GET /event-types lists them"))
    return faults


def header_faults(field: str, headers: Mapping[str, str]) -> list[Fault]:
    faults = [Fault(field, f"holds more than {MAX_HEADERS} headers")] if len(headers) > MAX_HEADERS else []
    names = [name.lower() for name in headers]
    for name, value in headers.items():
        path = f"{field}.{name[:100]}"
        if not _HEADER_NAME.fullmatch(name):
            faults.append(Fault(path, "is not a header name"))
        elif name.lower() in _OUR_HEADERS or name.lower().startswith(_OUR_PREFIXES):
            faults.append(Fault(path, "is set by Bellwork itself"))
        elif names.count(name.lower()) > 1:
            faults.append(Fault(path, "is given more than once"))
        if not _HEADER_VALUE.fullmatch(value):
            faults.append(Fault(path, "must be 1 to 2000 printable ASCII characters without spaces around them"))
    return faults
