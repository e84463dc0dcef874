"""Secrets at rest: a ring of Fernet keys. The first encrypts, all decrypt, so keys rotate without an outage."""

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr


class KeyRing:
    def __init__(self, keys: tuple[SecretStr, ...]) -> None:
        """Raises ValueError when a key is not 32 url-safe base64 bytes."""
        self._ring = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def encrypt(self, secret: str) -> str:
        return self.encrypt_bytes(secret.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Raises ValueError when no key of the ring opens it."""
        return self.decrypt_bytes(sealed.encode()).decode()

    def encrypt_bytes(self, secret: bytes) -> bytes:
        return self._ring.encrypt(secret)

    def decrypt_bytes(self, sealed: bytes) -> bytes:
        """Raises ValueError when no key of the ring opens it."""
        try:
            return self._ring.decrypt(sealed)
        except InvalidToken as error:
            raise ValueError("no key of the ring opens this secret") from error


def digest(text: str) -> str:
    """SHA-256 in hex: for secrets of high entropy that are only ever compared."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
