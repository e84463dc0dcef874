"""What PostgreSQL can store of texts from anywhere: no NUL, and UTF-8 no half of a pair of surrogates."""

from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_NUL = rb"\u0000"


def storable(value: Any) -> Any:
    """Plain data with what cannot be stored replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    return [storable(each) for each in value] if isinstance(value, list) else value


def encode_storable(value: Any) -> bytes:
    """As JSON, with amounts as numbers."""
    try:
        encoded = _encoder.encode(value)
    except UnicodeEncodeError:
        return _encode_replaced(value)
    return _encode_replaced(value) if _NUL in encoded else encoded


def _encode_replaced(value: Any) -> bytes:
    return _encoder.encode(storable(msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)))
