"""What a token of a provider must be to be believed: each thing that can be wrong with it alone."""

import time
from typing import Any, NamedTuple

import jwt
import pytest

from models.identity.provider_tokens import (
    Identity,
    Issuer,
    clerk_identity,
    facebook_identity,
    google_identity,
    is_signed_by_others,
    key_id,
    usable_keys,
    verify,
)
from models.identity.values import Provider
from models.kernel.errors import Unauthorized
from tests.support.signing import SigningKey, lifetime, sign_by_secret, unsigned

KEY = SigningKey("key-1")
OTHER = SigningKey("key-1")
GOOGLE = Issuer(
    Provider.GOOGLE, "https://keys.example.com", ("https://accounts.google.com", "accounts.google.com"),
    audiences=("web", "android"), parties=("web", "android"),
)  # fmt: skip
CLERK = Issuer(
    Provider.CLERK, "https://clerk.example.com/.well-known/jwks.json", ("https://clerk.example.com",),
    parties=("https://app.example.com",), party_required=True,
)  # fmt: skip
AT_GOOGLE = {"iss": "https://accounts.google.com", "sub": "11", "aud": "web", "azp": "web"}
AT_CLERK = {"iss": "https://clerk.example.com", "sub": "user_1", "azp": "https://app.example.com"}
PUBLISHED = usable_keys({"keys": [KEY.jwk]})["key-1"]


class Hence(NamedTuple):
    """So many seconds from when the token is made."""

    seconds: int


def made(whose: dict[str, Any], claims: dict[str, Any]) -> str:
    whole = {**whose, **lifetime(), **claims}
    now = int(time.time())
    return KEY.sign({name: now + each.seconds if isinstance(each, Hence) else each for name, each in whole.items()})


def believed(issuer: Issuer, token: str, nonce: str | None = None) -> dict[str, Any]:
    """As a caller does it: the key by the token's own name for it, then the token by the key."""
    assert key_id(issuer, token) == "key-1"
    return verify(issuer, token, PUBLISHED, nonce)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iss": "accounts.google.com"},
        {"aud": "android", "azp": "web"},
        {"aud": ["web"], "azp": None},
        {"aud": ["other", "web"], "azp": "web"},
        {"azp": None},
        {"iat": Hence(8)},
        {"exp": Hence(-6)},
        {"nbf": Hence(8)},
    ],
)
def test_a_token_for_us_is_believed_within_the_skew_of_clocks(claims: dict[str, Any]) -> None:
    assert believed(GOOGLE, made(AT_GOOGLE, claims))["sub"] == "11"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://accounts.google.com.evil.example"}, "it comes from somewhere else"),
        ({"iss": "https://clerk.example.com"}, "it comes from somewhere else"),
        ({"iss": ["https://accounts.google.com"]}, "it comes from somewhere else"),
        ({"iss": None}, "it lacks what it must say"),
        ({"aud": "another-app"}, "it was made for another application"),
        ({"aud": ["another-app"]}, "it was made for another application"),
        ({"aud": None}, "it lacks what it must say"),
        ({"aud": ["web", "another-app"], "azp": None}, "it was given to another application"),
        ({"aud": ["web", "another-app"], "azp": "another-app"}, "it was given to another application"),
        ({"azp": "another-app"}, "it was given to another application"),
        ({"azp": ["web"]}, "it was given to another application"),
        ({"exp": Hence(-12)}, "it has expired"),
        ({"iat": Hence(15)}, "it is not valid yet"),
        ({"nbf": Hence(15)}, "it is not valid yet"),
        ({"exp": None}, "it lacks what it must say"),
        ({"exp": "tomorrow"}, "it lacks what it must say"),
        ({"iat": None}, "it lacks what it must say"),
        ({"sub": None}, "it lacks what it must say"),
        ({"sub": ""}, "it was given to another application"),
        ({"sub": 11}, "it lacks what it must say"),
    ],
)
def test_a_token_that_is_wrong_in_one_thing_is_not(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        believed(GOOGLE, made(AT_GOOGLE, claims))
    assert caught.value.detail == f"The Google token is not valid: {why}."


def test_a_token_that_another_key_signed_is_not_believed() -> None:
    with pytest.raises(Unauthorized, match="signature"):
        believed(GOOGLE, OTHER.sign({**AT_GOOGLE, **lifetime()}))


def test_a_token_whose_text_was_changed_is_not_believed() -> None:
    mine, yours = (KEY.sign({**AT_GOOGLE, "sub": sub, **lifetime()}).split(".") for sub in ("11", "12"))
    with pytest.raises(Unauthorized, match="signature"):
        believed(GOOGLE, f"{mine[0]}.{yours[1]}.{mine[2]}")


def test_neither_no_signature_nor_one_by_the_public_key_as_a_secret_counts() -> None:
    claims = {**AT_GOOGLE, **lifetime()}
    by_public_key = [sign_by_secret(claims, "key-1", secret) for secret in (KEY.public_pem, KEY.public_pem.strip())]
    unsigned_ones = [unsigned(claims, "key-1", alg) for alg in ("none", "None", "NONE", "")]
    mislabelled = [KEY.sign(claims, alg=alg) for alg in ("RS512", "PS256", "ES256", "rs256")]
    nonsense = ["", "nonsense", "a.b.c", "ü.ü.ü", "....", KEY.sign(claims).rpartition(".")[0]]
    for token in [*by_public_key, *unsigned_ones, *mislabelled, *nonsense]:
        with pytest.raises(Unauthorized):
            verify(GOOGLE, token, PUBLISHED)
    for token in [*by_public_key, *unsigned_ones, *mislabelled, KEY.sign(claims, kid=None), KEY.sign(claims, kid=7)]:
        with pytest.raises(Unauthorized):
            key_id(GOOGLE, token)


def test_a_key_that_the_token_brings_along_or_points_to_is_not_looked_at() -> None:
    claims = {**AT_GOOGLE, **lifetime()}
    for header in ({"jwk": OTHER.jwk}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/cert"}):
        with pytest.raises(Unauthorized, match="signature"):
            believed(GOOGLE, OTHER.sign(claims, **header))


def test_a_critical_extension_that_nobody_understands_is_refused() -> None:
    with pytest.raises(Unauthorized):
        believed(GOOGLE, KEY.sign({**AT_GOOGLE, **lifetime()}, crit=["evil"], evil=True))


@pytest.mark.parametrize(
    ("said", "expected", "good"),
    [("n-1", "n-1", True), ("n-2", "n-1", False), (None, "n-1", False), ("n-1", None, True), ("", "n-1", False)],
)
def test_a_nonce_that_was_given_must_come_back(said: str | None, expected: str | None, good: bool) -> None:
    token = KEY.sign({**AT_GOOGLE, **lifetime(), "nonce": said})
    if good:
        assert believed(GOOGLE, token, expected)
    else:
        with pytest.raises(Unauthorized, match="nonce"):
            believed(GOOGLE, token, expected)


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({}, True),
        ({"azp": None}, False),
        ({"azp": "https://evil.example"}, False),
        ({"azp": "https://app.example.com.evil.example"}, False),
        ({"aud": "somebody-named"}, False),
        ({"iss": "https://clerk.evil.example"}, False),
    ],
)
def test_a_session_token_of_clerk_must_be_made_for_one_of_our_pages(claims: dict[str, Any], good: bool) -> None:
    token = KEY.sign({**AT_CLERK, **lifetime(), **claims})
    if good:
        assert believed(CLERK, token)["sub"] == "user_1"
    else:
        with pytest.raises(Unauthorized):
            believed(CLERK, token)


def test_only_keys_for_signatures_like_theirs_are_kept() -> None:
    weak = SigningKey("weak", bits=1024)
    document = {
        "keys": [
            KEY.jwk, {**KEY.jwk, "kid": "bare", "use": None}, {"kty": "EC", "kid": "curve", "crv": "P-256"},
            {**KEY.jwk, "kid": "encrypts", "use": "enc"}, {**KEY.jwk, "kid": "other", "alg": "RS512"},
            {**KEY.jwk, "kid": 7}, {**KEY.jwk, "kid": ""}, {**KEY.jwk, "kid": "half", "n": None}, weak.jwk,
            KEY.leaked_jwk, {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}, "key", None,
            {**{name: KEY.jwk[name] for name in ("kty", "n", "e")}, "kid": "plain"},
        ]
    }  # fmt: skip
    assert list(usable_keys(document)) == ["key-1", "plain"]
    nothings: list[Any] = [{}, [], None, "keys", {"keys": None}, {"keys": {}}, {"keys": []}]
    for nothing in nothings:
        assert usable_keys(nothing) == {}


def test_the_kind_of_a_bearer_token_is_told_by_its_signature() -> None:
    assert is_signed_by_others(KEY.sign({"sub": "1"}))
    assert not is_signed_by_others(jwt.encode({"sub": "1"}, "x" * 32, algorithm="HS256"))
    for text in ("", "a.b.c", "nonsense", "ü", "eyJhbGciOiJSUzI1NiJ9"):
        assert not is_signed_by_others(text)


@pytest.mark.parametrize(
    ("claims", "proven"),
    [
        ({"email": "noa@gmail.com", "email_verified": True}, True),
        ({"email": "NOA@GMAIL.COM", "email_verified": True}, True),
        ({"email": "noa@school.example", "email_verified": True, "hd": "school.example"}, True),
        ({"email": "noa@school.example", "email_verified": True}, False),
        ({"email": "noa@gmail.com", "email_verified": False}, False),
        ({"email": "noa@gmail.com", "email_verified": "true"}, False),
        ({"email": "noa@gmail.com"}, False),
        ({"email": "noa@gmail.com.evil.example", "email_verified": True}, False),
        ({"email_verified": True, "hd": "school.example"}, False),
    ],
)
def test_google_vouches_for_the_mail_boxes_it_runs(claims: dict[str, Any], proven: bool) -> None:
    assert google_identity({"sub": "11", **claims}).email_proven is proven


def test_facebook_vouches_for_no_mail_and_clerk_for_those_it_says_are_verified() -> None:
    claims = {"sub": "1", "email": "noa@example.com", "email_verified": True, "name": "Noa", "picture": "https://x/y"}
    assert facebook_identity(claims) == Identity(
        Provider.FACEBOOK, "1", "noa@example.com", email_proven=False, name="Noa", avatar_url="https://x/y"
    )
    assert clerk_identity(claims).email_proven
    assert not clerk_identity({**claims, "email_verified": False}).email_proven
    assert not clerk_identity({"sub": "1", "email_verified": True}).email_proven
