"""Secrets at rest: a ring of Fernet keys. The first encrypts, all decrypt, so keys rotate without an outage."""

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

NAME_LENGTH = 8


class KeyRing:
    """What is encrypted begins with the name of its key (`5f0c9a21.gAAAA…`): it can be told, without the keys, which
    of them are still needed.
    """

    def __init__(self, keys: tuple[SecretStr, ...]) -> None:
        """Raises ValueError when a key is not 32 url-safe base64 bytes."""
        self._ring = {name_of(key): Fernet(key.get_secret_value()) for key in keys}
        self.names = tuple(self._ring)

    def encrypt(self, secret: str) -> str:
        return self.encrypt_bytes(secret.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Raises ValueError when no key of the ring opens it."""
        return self.decrypt_bytes(sealed.encode()).decode()

    def encrypt_bytes(self, secret: bytes) -> bytes:
        newest = self.names[0]
        return newest.encode() + b"." + self._ring[newest].encrypt(secret)

    def decrypt_bytes(self, sealed: bytes) -> bytes:
        """Raises ValueError when no key of the ring opens it."""
        name, _, token = sealed.partition(b".")
        try:
            return self._ring[name.decode()].decrypt(token)
        except (KeyError, UnicodeDecodeError, InvalidToken) as error:
            raise ValueError("no key of the ring opens this secret") from error


def name_of(key: SecretStr) -> str:
    """What a key goes by; it tells nothing of the key."""
    return digest(key.get_secret_value())[:NAME_LENGTH]


def digest(text: str) -> str:
    """SHA-256 in hex: for secrets of high entropy that are only ever compared."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
