"""The text of API keys: `bellwork_live_` + 32 random characters + a checksum of 6, so that a typo is known at once."""

import secrets
import string
import zlib

from models.kernel.crypto import digest

LIVE = "bellwork_live_"
TEST = "bellwork_test_"
SHOWN = 6
_RANDOM = 32
_CHECK = 6
_ALPHABET = string.ascii_letters + string.digits


def new_api_key(*, live: bool) -> str:
    body = (LIVE if live else TEST) + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_like_api_key(text: str) -> bool:
    return text.startswith((LIVE, TEST))


def is_well_formed(key: str) -> bool:
    return len(key) == len(LIVE) + _RANDOM + _CHECK and _checksum(key[:-_CHECK]) == key[-_CHECK:]


def visible_prefix(key: str) -> str:
    """What may be shown of a key, to tell it from others."""
    return key[: len(LIVE) + SHOWN]


def stored_form(key: str) -> str:
    return digest(key)


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, rest = divmod(number, len(_ALPHABET))
        text += _ALPHABET[rest]
    return text
