"""Who is not let in: forged tokens, and strangers who know an id."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.identity.tokens import Purpose, issue_token
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.limited import calling, limited_app
from tests.support.operations import operations_of

OWN_SCOPES = ["read:jobs", "write:jobs", "read:exports", "write:exports"]
HOUR = timedelta(hours=1)


def encoded(part: Any) -> str:
    return base64url(json.dumps(part).encode())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def token(client: ApiClient) -> str:
    """The administrator's, and good."""
    return client.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def forgeries(token: str, settings: Settings) -> dict[str, str]:
    """What is wrong with a token, by what it tries."""
    head, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    secret, now = settings.secret_key.get_secret_value(), utc_now()
    _, payload, signature = token.split(".")
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))

    def signed(key: Any = secret, algorithm: str = "HS256", headers: Any = None, **changes: Any) -> str:
        whole = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(whole, key, algorithm=algorithm, headers={**head, "alg": algorithm, **(headers or {})})

    nones = ("none", "None", "NONE")
    unsigned = {f"algorithm {name}": f"{encoded({**head, 'alg': name})}.{payload}." for name in nones}
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = hmac.digest(public, f"{encoded(head)}.{payload}".encode(), "sha256")
    admin = encoded({**claims, "sub": "0198c0de-0000-7000-8000-0000000000ff", "role": "admin"})
    return {
        **unsigned,
        "no algorithm": f"{encoded({'typ': 'JWT'})}.{payload}.{signature}",
        "another payload": f"{encoded(head)}.{admin}.{signature}",
        "no signature": f"{encoded(head)}.{payload}.",
        "a key of the caller's": signed(private, "RS256", {"jwk": jwk}),
        "a key from elsewhere": signed(private, "RS256", {"jku": "http://127.0.0.1:1/jwks.json", "kid": "1"}),
        "the public key as secret": f"{encoded(head)}.{payload}.{base64url(confused)}",
        "another hash": signed(algorithm="HS512"),
        "a path as key": signed("x" * 40, headers={"kid": "../../../../dev/null"}),
        "SQL as key": signed("x" * 40, headers={"kid": "' UNION SELECT 'x' --"}),
        "expired": signed(exp=now - HOUR, iat=now - 2 * HOUR, nbf=now - 2 * HOUR),
        "from the future": signed(nbf=now + HOUR, iat=now + HOUR, exp=now + 2 * HOUR),
        "without an end": signed(exp=None),
        "without a beginning": signed(iat=None, nbf=None),
        "for somebody else": signed(aud="another"),
        "by somebody else": signed(iss="another"),
        "of nobody": signed(sub="0198c0de-0000-7000-8000-0000000000ff"),
        "of no id": signed(sub="1 OR 1=1"),
        "for another purpose": issue_token(settings, Purpose.CHALLENGE, UUID(claims["sub"]), now, HOUR),
        "a guest's of nobody": issue_token(settings, Purpose.GUEST, UUID(claims["sub"]), now, HOUR),
        "half": token[: len(token) // 2],
        "dots": "..",
        "no text": "\x7f\x01",
        "long": "a" * 50_000,
    }


async def test_a_forged_token_opens_nothing(
    client: ApiClient, settings: Settings, forgeries: dict[str, str], token: str
) -> None:
    """On the short ways of jobs and on the long ones, in either header, where nobody else's signatures count."""
    job = await client.submit("probe.echo", {"text": "hello"})
    ways: list[tuple[str, str, Any]] = [
        ("GET", "/auth/me", None),
        ("GET", f"/jobs/{job['id']}", None),
        ("POST", "/jobs", {"kind": "probe.echo", "payload": {"text": "x"}}),
    ]
    assert len(forgeries) > 20
    async with limited_app(settings, clerk_issuer="") as app, calling(app) as forger:
        for name, forgery in forgeries.items():
            for headers in ({"Authorization": f"Bearer {forgery}"}, {"X-API-Key": forgery}):
                for method, path, body in ways:
                    answer = await forger.request(method, path, headers=headers, json=body)
                    assert answer.status_code == 401, f"{name}: {answer.text}"
                    assert answer.json()["code"] == "UNAUTHORIZED"
                    assert forgery[:200] not in answer.text
        await forger.expect(200, "GET", "/auth/me", headers={"Authorization": f"Bearer {token}"})


async def test_two_different_credentials_are_one_too_many(client: ApiClient, token: str) -> None:
    key = (await client.create("/api-keys", name="Shop", scopes=["read:jobs"]))["secret"]
    pairs = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {key}")]
    del client.headers["Authorization"]
    for headers in (pairs, pairs[::-1], [pairs[0], ("X-API-Key", key)]):
        assert (await client.get("/auth/me", headers=headers)).status_code == 401


@pytest.mark.parametrize("role", ["student", "instructor"])
async def test_who_knows_an_id_knows_no_more(
    client: ApiClient, database: Database, document: dict[str, Any], world: dict[str, str], role: str
) -> None:
    """Every operation on one thing, each with the id of a thing that has nothing to do with the caller."""
    session_id = (await client.expect(200, "GET", "/auth/sessions"))["data"][0]["id"]
    user_id = (await client.expect(200, "GET", "/auth/me"))["user"]["id"]
    ids = {**world, "session_id": session_id, "user_id": user_id}
    stranger = await sign_in(client, database, role)
    tried, leaks = 0, []
    for operation in operations_of(document):
        if not operation.placeholders or not operation.content["security"]:
            continue
        for placeholder in set(operation.placeholders) & set(ids):
            answer = await stranger.request(
                operation.method, f"http://test{operation.at(ids)}", json=operation.body_for(ids)
            )
            tried += 1
            if answer.status_code not in (403, 404) and operation.name not in OPEN_TO_ALL:
                leaks.append(f"{operation.name} ({placeholder}): {answer.status_code} {answer.text[:200]}")
    assert leaks == []
    assert tried > 60


# What a school shows to whoever has an account.
OPEN_TO_ALL = {"getCourse", "getBranch", "getClosure"}


async def test_a_key_sees_the_jobs_exports_and_schedules_it_asked_for_and_no_others(
    client: ApiClient, document: dict[str, Any], world: dict[str, str]
) -> None:
    key = await client.create("/api-keys", name="Shop", scopes=OWN_SCOPES)
    del client.headers["Authorization"]
    client.headers["X-API-Key"] = key["secret"]
    tried = 0
    for operation in operations_of(document):
        if {"job_id", "export_id", "schedule_id"} & set(operation.placeholders):
            answer = await client.request(
                operation.method, f"http://test{operation.at(world)}", json=operation.body_for(world)
            )
            # The scope of what the schedule shall start is missing before all else; only administrators restore.
            expected = 403 if operation.name in ("replaceSchedule", "restoreSchedule") else 404
            assert answer.status_code == expected, f"{operation.name}: {answer.status_code} {answer.text}"
            tried += 1
    assert tried > 12
    for path in ("/jobs", "/exports", "/schedules"):
        assert (await client.expect(200, "GET", path))["data"] == []


async def test_no_answer_ever_sets_a_cookie(client: ApiClient, document: dict[str, Any], world: dict[str, str]) -> None:
    """Nor do those of logins, which are among them."""
    key = await client.create("/api-keys", name="Shop", scopes=["*"])
    cookie = {"Cookie": "session=stolen", "Prefer": "respond-async"}
    credentials = [{"Authorization": f"Bearer {key['secret']}"}, {"Authorization": client.headers["Authorization"]}]
    del client.headers["Authorization"]
    statuses = set()
    for operation in operations_of(document):
        if operation.name in WAITING:
            continue
        for headers in credentials:
            answer = await client.request(
                operation.method, f"http://test{operation.at(world)}", json=operation.body_for(world),
                headers={**cookie, **headers},
            )  # fmt: skip
            assert "set-cookie" not in answer.headers, operation.name
            statuses.add(answer.status_code)
    assert statuses >= {200, 201, 202, 204, 400, 404}


# A stream that lasts as long as its job, and a question to Facebook by a job, which nobody does here.
WAITING = {"streamJob", "signInWithFacebook", "connectFacebook"}
