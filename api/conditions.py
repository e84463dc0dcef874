"""Conditional requests (RFC 9110): the ETags of `If-Match` and `If-None-Match`."""

import re
from typing import Any

import msgspec
from litestar import Request

from models.kernel.errors import Fault

IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
_ETAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(rf"\s*(?:{_ETAG.pattern}\s*)?(?:,\s*(?:{_ETAG.pattern}\s*)?)*")


class ETags(msgspec.Struct, frozen=True):
    """Those that a header names, without their quotes; `anything` for `*`. They are compared weakly: what stands
    between us and a caller makes weak ones of ours when it packs an answer."""

    named: frozenset[str] = frozenset()
    anything: bool = False

    def match(self, state: str) -> bool:
        return self.anything or state in self.named


def etags_in(request: Request[Any, Any, Any], header: str) -> ETags | None:
    """None without the header. Raises ValueError when it holds something else than ETags."""
    lines = request.headers.getall(header, [])
    if not lines:
        return None
    text = ",".join(lines)
    if text.strip() == "*":
        return ETags(anything=True)
    if not _LIST.fullmatch(text) or not (named := _ETAG.findall(text)):
        raise ValueError(text)
    return ETags(frozenset(named))


def known_states(request: Request[Any, Any, Any]) -> ETags:
    """Those that a reader has already (`If-None-Match`); what cannot be understood is none."""
    try:
        return etags_in(request, IF_NONE_MATCH) or ETags()
    except ValueError:
        return ETags()


def condition_faults(request: Request[Any, Any, Any], *headers: str) -> list[Fault]:
    faults = []
    for header in headers:
        try:
            etags_in(request, header)
        except ValueError:
            faults.append(Fault(header, 'must be `*` or an ETag of this resource, such as `"3"`, or several'))
    return faults
