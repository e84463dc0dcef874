"""What a caller would like (`Prefer`, RFC 7240)."""

import re
from typing import Any

from litestar import Request

MAX_WAIT_SECONDS = 30
_PART = re.compile(r'(?:"[^"]*"|[^",;])+')
_WAIT = re.compile(r'\s*wait\s*=\s*("?)(\d{1,6})\1\s*', re.IGNORECASE)


def preferred_wait(request: Request[Any, Any, Any]) -> int | None:
    """Seconds from `Prefer: wait=N`, at most 30; None when the caller does not say. Of several the first counts, and
    what cannot be understood is left aside."""
    for line in request.headers.getall("prefer", []):
        for part in _PART.findall(line):
            if found := _WAIT.fullmatch(part):
                return min(int(found[2]), MAX_WAIT_SECONDS)
    return None


def applied(seconds: int | None) -> dict[str, str]:
    """The header that says so."""
    return {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}
