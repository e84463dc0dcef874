"""One-time passwords of authenticator apps (RFC 6238): six digits, SHA-1, a step of 30 seconds."""

import base64
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from models.kernel.crypto import same

STEP_SECONDS = 30
DIGITS = 6
# Before and after the present one: clocks differ, and typing takes time.
STEPS_ASIDE = 1
RECOVERY_CODES = 10
_ISSUER = "Bellwork"


def new_secret() -> str:
    """160 bits in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def provisioning_uri(secret: str, email: str) -> str:
    """For a QR code: `otpauth://totp/Bellwork:noa%40example.com?…`."""
    return _totp(secret).get_provisioning_uri(email, _ISSUER)


def code_at(secret: str, step: int) -> str:
    return _totp(secret).generate(step * STEP_SECONDS).decode()


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step around now that the code belongs to."""
    present = step_at(now)
    steps = range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1)
    return next((step for step in steps if same(code_at(secret, step), code)), None)


def new_recovery_codes() -> list[str]:
    """80 bits each, so that a plain hash of one is safe."""
    return [_grouped(base64.b32encode(secrets.token_bytes(10)).decode().lower()) for _ in range(RECOVERY_CODES)]


def plain(code: str) -> str:
    """A code as people type it, without what they put between its groups."""
    return code.replace("-", "").replace(" ", "").lower()


def _grouped(text: str) -> str:
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)
