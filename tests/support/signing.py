"""Signing tokens as providers do, and as forgers do."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jwt.algorithms import RSAAlgorithm


class SigningKey:
    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid = kid
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    @property
    def jwk(self) -> dict[str, Any]:
        """As published."""
        public = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {**{name: public[name] for name in ("kty", "n", "e")}, "kid": self.kid, "use": "sig", "alg": "RS256"}

    @property
    def leaked_jwk(self) -> dict[str, Any]:
        """As nobody should publish it."""
        return {**self.jwk, **RSAAlgorithm.to_jwk(self._private, as_dict=True), "kid": "leaked", "use": "sig"}

    @property
    def public_pem(self) -> bytes:
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        """By RS256, whatever the header says. Claims and headers that are None are left out."""
        text = signed_text({"alg": "RS256", "typ": "JWT", "kid": self.kid, **headers}, claims)
        return f"{text}.{_part(self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def sign_by_secret(claims: dict[str, Any], kid: str, secret: bytes) -> str:
    """By HS256, also where a library refuses to: with a public key for a secret."""
    text = signed_text({"alg": "HS256", "kid": kid}, claims)
    return f"{text}.{_part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def unsigned(claims: dict[str, Any], kid: str, alg: str = "none") -> str:
    return f"{signed_text({'alg': alg, 'kid': kid}, claims)}."


def signed_text(header: dict[str, Any], claims: dict[str, Any]) -> str:
    kept = ({name: value for name, value in part.items() if value is not None} for part in (header, claims))
    return ".".join(_part(json.dumps(part).encode()) for part in kept)


def lifetime(seconds: int = 60, *, since: int = 0) -> dict[str, int]:
    """`iat` and `exp` of a token made `since` seconds from now."""
    made = int(time.time()) + since
    return {"iat": made, "exp": made + seconds}


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
