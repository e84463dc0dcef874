"""Tokens: what is signed by us, for us, now and for this very purpose is believed, and nothing else."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from models.identity.tokens import LEEWAY, Purpose, issue_token, key_id, read_token
from models.kernel.clock import utc_now
from models.kernel.errors import Unauthorized
from models.kernel.settings import Settings
from tests.support.accounts import bearer, log_in, make_person
from tests.support.client import ApiClient

NOA = UUID("0198c0de-0000-7000-8000-000000000001")
ANOTHER_KEY = SecretStr("another secret, as long as it has to be")
HOUR = timedelta(hours=1)


def good(settings: Settings, **claims: str) -> str:
    return issue_token(settings, Purpose.ACCESS, NOA, utc_now(), HOUR, **claims)


def forged(settings: Settings, *, key: Any = None, headers: Any = None, **claims: Any) -> str:
    """A good token but for what is given; None leaves a claim or a header out."""
    whole = {**jwt.decode(good(settings), options={"verify_signature": False}), **claims}
    head = {**jwt.get_unverified_header(good(settings)), **(headers or {})}
    return jwt.encode(
        {name: value for name, value in whole.items() if value is not None},
        settings.secret_key.get_secret_value() if key is None else key,
        algorithm=head.pop("alg"),
        headers=head,
    )


def seconds(distance: timedelta) -> int:
    return int((utc_now() + distance).timestamp())


def test_a_token_says_whom_it_is_about_and_what_it_was_given(settings: Settings) -> None:
    token = read_token(settings, Purpose.ACCESS, good(settings, sid="abc"), "sid")
    assert (token.subject, token.claims["sid"]) == (NOA, "abc")
    assert read_token(settings, Purpose.ACCESS, forged(settings)).subject == NOA


@pytest.mark.parametrize(
    "claims",
    [
        *({name: None} for name in ("iss", "aud", "sub", "iat", "nbf", "exp")),
        {"iss": "another"}, {"aud": "another"}, {"aud": ["bellwork", "another"]}, {"sub": "admin"}, {"sub": 1},
        {"exp": "soon"}, {"iat": "now"},
    ],
)  # fmt: skip
def test_a_claim_that_is_missing_or_not_ours_is_refused(settings: Settings, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized, match="not valid"):
        read_token(settings, Purpose.ACCESS, forged(settings, **claims))


def test_a_claim_the_reader_needs_is_refused_when_it_is_missing(settings: Settings) -> None:
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, good(settings), "sid")


def test_a_token_lives_from_its_beginning_to_its_end_give_or_take_the_leeway(settings: Settings) -> None:
    inside, outside = LEEWAY / 2, LEEWAY * 2
    for claims in ({"exp": seconds(-inside)}, {"nbf": seconds(inside)}, {"iat": seconds(inside)}):
        read_token(settings, Purpose.ACCESS, forged(settings, **claims))
    with pytest.raises(Unauthorized, match="expired"):
        read_token(settings, Purpose.ACCESS, forged(settings, exp=seconds(-outside)))
    for claims in ({"nbf": seconds(outside)}, {"iat": seconds(outside)}):
        with pytest.raises(Unauthorized, match="not valid"):
            read_token(settings, Purpose.ACCESS, forged(settings, **claims))


@pytest.mark.parametrize("issued", Purpose)
@pytest.mark.parametrize("read", Purpose)
def test_a_token_for_one_purpose_is_none_for_another(settings: Settings, issued: Purpose, read: Purpose) -> None:
    token = issue_token(settings, issued, NOA, utc_now(), HOUR)
    if issued == read:
        assert read_token(settings, read, token).subject == NOA
    else:
        with pytest.raises(Unauthorized):
            read_token(settings, read, token)


@pytest.mark.parametrize("typ", ["JWT", None, "ACCESS+JWT", ["access+jwt"], 1])
def test_a_token_without_a_purpose_of_ours_is_refused(settings: Settings, typ: Any) -> None:
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, forged(settings, headers={"typ": typ}))


def test_only_the_one_algorithm_is_believed(settings: Settings) -> None:
    """Nor does a token choose: neither no signature at all, nor a public key taken for a secret."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens = [
        forged(settings, key="", headers={"alg": "none"}),
        forged(settings, headers={"alg": "HS512"}),
        forged(settings, headers={"alg": "HS384"}),
        forged(settings, key=rsa_key, headers={"alg": "RS256"}),
        with_header(good(settings), alg="none"),
        with_header(good(settings), alg="None").rpartition(".")[0] + ".",
        with_header(good(settings), alg="RS256"),
        with_header(good(settings), alg=None),
    ]
    for token in tokens:
        with pytest.raises(Unauthorized):
            read_token(settings, Purpose.ACCESS, token)


@pytest.mark.parametrize(
    "kid", [None, "", "0", 1, ["x"], {"x": 1}, "../../etc/passwd", "' OR 1=1 --", key_id(ANOTHER_KEY)]
)
def test_a_key_that_is_not_ours_is_refused_whatever_its_name(settings: Settings, kid: Any) -> None:
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, with_header(good(settings), kid=kid))
    another = forged(settings, key=ANOTHER_KEY.get_secret_value())
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, another)


def test_what_is_signed_cannot_be_changed(settings: Settings) -> None:
    head, body, signature = good(settings).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    for changed in ({**claims, "sub": str(UUID(int=1))}, {**claims, "exp": claims["exp"] + 3600}):
        with pytest.raises(Unauthorized):
            read_token(settings, Purpose.ACCESS, f"{head}.{encoded(changed)}.{signature}")
    for signed in (signature[::-1], "", signature[:-4], f"{signature}AAAA"):
        with pytest.raises(Unauthorized):
            read_token(settings, Purpose.ACCESS, f"{head}.{body}.{signed}")


@pytest.mark.parametrize("text", ["", ".", "..", "nonsense", "a.b.c", "ü.ü.ü", "e30.e30.e30", "\x00", "a" * 10_000])
def test_what_is_no_token_is_refused(settings: Settings, text: str) -> None:
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, text)


def test_keys_rotate_without_logging_anybody_out(settings: Settings) -> None:
    """The new key signs at once; what the old one signed is believed until it is dropped."""
    old = good(settings)
    rotated = settings.model_copy(update={"secret_key": ANOTHER_KEY, "retired_secret_keys": (settings.secret_key,)})
    new = good(rotated)
    assert jwt.get_unverified_header(new)["kid"] == key_id(ANOTHER_KEY)
    assert read_token(rotated, Purpose.ACCESS, old).subject == NOA
    assert read_token(rotated, Purpose.ACCESS, new).subject == NOA
    with pytest.raises(Unauthorized):
        read_token(rotated.model_copy(update={"retired_secret_keys": ()}), Purpose.ACCESS, old)
    with pytest.raises(Unauthorized):
        read_token(settings, Purpose.ACCESS, new)


@pytest.mark.usefixtures("clean")
async def test_the_api_takes_access_tokens_of_sessions_and_no_other_tokens(
    anonymous: ApiClient, database: Any, settings: Settings
) -> None:
    user_id = await make_person(database)
    login = await log_in(anonymous)
    assert (await anonymous.get("/auth/me", headers=bearer(login))).status_code == 200
    claims = jwt.decode(login["accessToken"], options={"verify_signature": False})
    now = utc_now()
    others = [
        issue_token(settings, Purpose.CHALLENGE, user_id, now, HOUR, sid=claims["sid"]),
        issue_token(settings, Purpose.ACCESS, user_id, now, HOUR),
        issue_token(settings, Purpose.ACCESS, user_id, now, HOUR, sid=str(UUID(int=7))),
        issue_token(settings, Purpose.ACCESS, UUID(int=7), now, HOUR, sid=claims["sid"]),
        issue_token(settings, Purpose.ACCESS, user_id, now, HOUR, sid="none"),
        login["refreshToken"],
        with_header(login["accessToken"], alg="none").rpartition(".")[0] + ".",
    ]
    for token in others:
        answer = await anonymous.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED"), token
        assert answer.headers["www-authenticate"] == "Bearer"


def with_header(token: str, **changes: Any) -> str:
    head, _, rest = token.partition(".")
    changed = {**json.loads(base64.urlsafe_b64decode(head + "==")), **changes}
    return f"{encoded(changed)}.{rest}"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
