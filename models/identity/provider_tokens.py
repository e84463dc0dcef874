"""Tokens that others sign: Google, Facebook, a Clerk instance. Believed when one of their published keys signed them,
for us, now. Only RS256, whatever a token says of itself, and only keys the issuer publishes, wherever it points.
"""

from collections.abc import Mapping
from typing import Any

import jwt
import msgspec
from jwt import PyJWK

from models.identity.values import Provider
from models.kernel.crypto import same
from models.kernel.errors import Unauthorized

ALGORITHM = "RS256"
# How far the provider's clock and ours may be apart.
LEEWAY_SECONDS = 10
MIN_KEY_BITS = 2048
_REQUIRED = ["iss", "sub", "iat", "exp"]
_GMAIL = ("@gmail.com", "@googlemail.com")
_UNTRUSTED = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it was made for another application",
    jwt.InvalidIssuerError: "it comes from somewhere else",
    jwt.InvalidSignatureError: "its signature is wrong",
}


class Issuer(msgspec.Struct, frozen=True):
    """Whose tokens are believed. `audiences` are our names there; without any, tokens must not be for somebody named.

    `parties` are those a token may have been given to (`azp`); it must name one where `party_required`.
    """

    provider: Provider
    keys_url: str
    names: tuple[str, ...]
    audiences: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    party_required: bool = False

    def distrust(self, why: str) -> Unauthorized:
        return Unauthorized(f"The {self.provider.title()} token is not valid: {why}.")


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is at a provider. `email_proven`: the provider vouches for the mail being theirs, now."""

    provider: Provider
    subject: str
    email: str | None = None
    email_proven: bool = False
    name: str | None = None
    avatar_url: str | None = None


def is_signed_by_others(token: str) -> bool:
    """Whether a bearer token claims to be of the kind that providers sign; ours are not."""
    try:
        return bool(jwt.get_unverified_header(token).get("alg") == ALGORITHM)
    except jwt.InvalidTokenError:
        return False


def key_id(issuer: Issuer, token: str) -> str:
    """Which key the token says it is signed with. Raises Unauthorized for what cannot be a token of this issuer."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise issuer.distrust("it cannot be read") from None
    if header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
        raise issuer.distrust("it is not signed as they are")
    return str(header["kid"])


def verify(issuer: Issuer, token: str, key: Mapping[str, Any], nonce: str | None = None) -> dict[str, Any]:
    """What the token says. Raises Unauthorized unless all of it is as it must be."""
    try:
        claims = jwt.decode(
            token, PyJWK.from_dict(dict(key), ALGORITHM), algorithms=[ALGORITHM], issuer=list(issuer.names),
            audience=list(issuer.audiences) or None, leeway=LEEWAY_SECONDS, options={"require": _REQUIRED},
        )  # fmt: skip
    except jwt.InvalidTokenError as error:
        raise issuer.distrust(_UNTRUSTED.get(type(error), "it lacks what it must say")) from None
    if not claims["sub"] or not _party_fits(issuer, claims):
        raise issuer.distrust("it was given to another application")
    if claims.get("sts") == "pending":
        raise issuer.distrust("the sign-in is not complete")
    if nonce is not None and not same(str(claims.get("nonce", "")), nonce):
        raise issuer.distrust("it answers another sign-in (`nonce`)")
    return claims


def _party_fits(issuer: Issuer, claims: Mapping[str, Any]) -> bool:
    """A token for several audiences may have been made for another of them: it must say that it was given to us."""
    for_several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
    if claims.get("azp") is None:
        return not issuer.party_required and not for_several
    return claims["azp"] in issuer.parties


def usable_keys(document: Any) -> dict[str, dict[str, Any]]:
    """The keys for signatures like theirs in a JWKS document, by id; none for anything else."""
    keys = document.get("keys") if isinstance(document, dict) else None
    candidates = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return {key["kid"]: {name: key[name] for name in ("kty", "n", "e")} for key in candidates if _is_usable(key)}


def _is_usable(key: Mapping[str, Any]) -> bool:
    if not isinstance(key.get("kid"), str) or not key["kid"] or key.get("kty") != "RSA" or "d" in key:
        return False
    if key.get("use", "sig") != "sig" or key.get("alg", ALGORITHM) != ALGORITHM:
        return False
    try:
        size: int = PyJWK.from_dict(dict(key), ALGORITHM).key.key_size
    except (jwt.PyJWKError, jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        return False
    return size >= MIN_KEY_BITS


def google_identity(claims: Mapping[str, Any]) -> Identity:
    """Google speaks for the mail boxes it runs (Gmail, or `hd`); of others it knows whose they were once.

    https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
    """
    email = _text(claims, "email")
    runs_it = email is not None and (email.lower().endswith(_GMAIL) or _text(claims, "hd") is not None)
    return Identity(
        Provider.GOOGLE, claims["sub"], email, runs_it and claims.get("email_verified") is True,
        _text(claims, "name"), _text(claims, "picture"),
    )  # fmt: skip


def facebook_identity(claims: Mapping[str, Any]) -> Identity:
    """Out of a Limited Login. Facebook does not say that it verified the mail."""
    return Identity(
        Provider.FACEBOOK, claims["sub"], _text(claims, "email"), name=_text(claims, "name"),
        avatar_url=_text(claims, "picture"),
    )  # fmt: skip


def clerk_identity(claims: Mapping[str, Any]) -> Identity:
    """Out of the claims that an instance may add to its session tokens."""
    email = _text(claims, "email")
    return Identity(
        Provider.CLERK, claims["sub"], email, email is not None and claims.get("email_verified") is True,
        _text(claims, "name"), _text(claims, "picture"),
    )  # fmt: skip


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
