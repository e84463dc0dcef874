"""The body of a delivery: bytes that `JSON.stringify(JSON.parse(body))` gives back unchanged.

A receiver whose framework has already parsed the body (n8n, Make, Express) can then still check the signature.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_MAX_ARRAY_INDEX = 2**32 - 2


def envelope(type_: str, occurred_at: datetime, sequence: int, data: str | bytes) -> bytes:
    """`data` is the event's payload as JSON."""
    timestamp = occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = json.loads(data, parse_float=Decimal, parse_int=Decimal)
    return stringify({"type": type_, "timestamp": timestamp, "sequence": Decimal(sequence), "data": payload}).encode()


def stringify(value: Any) -> str:
    """JSON as JavaScript writes it; `value` holds its numbers as Decimals."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(key)}:{stringify(value[key])}" for key in _key_order(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(stringify(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    return {True: "true", False: "false", None: "null"}[value]


def _key_order(value: Mapping[str, Any]) -> list[str]:
    """JavaScript puts keys that look like array indexes first, by number; the others keep their order."""
    indexes = [key for key in value if _ARRAY_INDEX.fullmatch(key) and int(key) <= _MAX_ARRAY_INDEX]
    if not indexes:
        return list(value)
    return sorted(indexes, key=int) + [key for key in value if key not in set(indexes)]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(value: Decimal) -> str:
    """As `Number.prototype.toString`; one that JavaScript would change goes as a string with its exact digits."""
    digits, exponent = _shortest(value)
    if digits is None:
        return f'"{value}"'
    sign, point = "-" if value < 0 else "", len(digits) + exponent
    if digits == "0":
        return "0"
    if 0 < point <= 21:
        whole = digits[:point].ljust(point, "0")
        return f"{sign}{whole}" + (f".{digits[point:]}" if len(digits) > point else "")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _shortest(value: Decimal) -> tuple[str | None, int]:
    """The fewest digits that name the nearest double, without trailing zeros; None when they name another number."""
    nearest = Decimal(repr(float(value)))
    if nearest != value:
        return None, 0
    _, digits, exponent = nearest.as_tuple()
    text = "".join(map(str, digits))
    stripped = text.rstrip("0") or "0"
    return stripped, int(exponent) + len(text) - len(stripped)
