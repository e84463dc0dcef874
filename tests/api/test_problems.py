"""What goes wrong with a request, and how it is told: one shape, every fault at once, never a stack or SQL."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from structlog.testing import CapturedCall, CapturingLogger

from api.problems import render
from models.kernel.session import Database
from tests.support.client import ApiClient

NOBODY = "0198c0de-0000-7000-8000-000000000001"
JSON = {"Content-Type": "application/json"}
ECHO = {"kind": "probe.echo", "payload": {"text": "hello"}}


def is_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert {"type", "title", "detail", "instance"} <= set(problem)
    assert problem["requestId"] == response.headers["x-request-id"]
    return problem


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/nowhere", "/customers/not-an-id", "/customers/1/nowhere"])
async def test_an_unknown_path_is_a_problem_with_the_requests_id(client: ApiClient, method: str, path: str) -> None:
    problem = is_problem(await client.request(method, path), 404, "NOT_FOUND")
    assert problem["instance"] == f"/api/v1{path}"
    UUID(problem["requestId"])


async def test_another_method_than_the_path_knows_is_named_so(client: ApiClient) -> None:
    response = await client.delete("/customers")
    is_problem(response, 405, "METHOD_NOT_ALLOWED")
    assert set(response.headers["allow"].split(", ")) >= {"GET", "POST"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"name": "Noa"', b"name=Noa", b'{"name": "Noa"}}', b"\xff\xfe", b'{"name": "\xff"}',
        b'{"name": "\\ud800"}', b"NaN", b'{"name": Infinity}', b"[" * 100_000, b'{"nick": ' + b"[" * 100_000,
        b'{"name": ' + b'{"a":' * 100_000, b"[]", b"null", b'"Noa"', b"7",
    ],
    ids=lambda body: body[:16],
)  # fmt: skip
async def test_a_body_that_is_not_the_json_asked_for_is_a_fault(client: ApiClient, body: bytes) -> None:
    for path in ("/customers", "/jobs", "/auth/login"):
        is_problem(await client.post(path, content=body, headers=JSON), 400, "VALIDATION_ERROR")


NAIVE = "2199-01-01T00:00:00"
NO_OFFSET = "needs an offset (RFC 3339), such as `Z`"


@pytest.mark.parametrize(
    ("method", "path", "body", "instants", "others"),
    [
        ("POST", "/jobs", {**ECHO, "runAt": NAIVE, "startBy": NAIVE, "priority": 11, "tags": [""]},
         {"runAt", "startBy"}, {"priority", "tags[0]"}),
        ("PATCH", f"/jobs/{NOBODY}", {"runAt": NAIVE, "priority": "high"}, {"runAt"}, {"priority"}),
        ("POST", f"/jobs/{NOBODY}/retry", {"runAt": NAIVE, "fromStart": 1}, {"runAt"}, {"fromStart"}),
        ("POST", "/jobs/batch",
         {"jobs": [{**ECHO, "runAt": NAIVE, "maxAttempts": 0}, {**ECHO, "onDuplicate": "replace"}], "tags": [7]},
         {"jobs[0].runAt"}, {"jobs[0].maxAttempts", "jobs[1].onDuplicate", "tags[0]"}),
        ("POST", "/jobs/redrive", {"from": NAIVE, "to": NAIVE, "canary": -1}, {"from", "to"}, {"canary"}),
        ("POST", "/jobs/cancel", {"from": NAIVE, "to": NAIVE, "running": "no"}, {"from", "to"}, {"running"}),
        ("POST", "/meetings", {"startsAt": NAIVE, "endsAt": NAIVE}, {"startsAt", "endsAt"}, {"cycleId"}),
        ("PATCH", f"/meetings/{NOBODY}", {"startsAt": NAIVE, "room": 7}, {"startsAt"}, {"room"}),
        ("POST", f"/meetings/{NOBODY}/postpone", {"endsAt": NAIVE}, {"endsAt"}, {"startsAt"}),
        ("POST", "/meetings/bulk-update-status", {"status": "gone", "filter": {"from": NAIVE}},
         {"filter.from"}, {"status"}),
        ("POST", "/registrations", {"registeredAt": NAIVE, "amount": "x"},
         {"registeredAt"}, {"amount", "studentId", "cycleId"}),
        ("POST", "/api-keys", {"name": "", "expiresAt": NAIVE}, {"expiresAt"}, {"name", "scopes"}),
        ("POST", "/exports", {"resource": "meetings", "format": "csv", "filters": {"from": NAIVE, "status": "gone"}},
         {"filters.from"}, {"filters.status"}),
        ("GET", f"/jobs?from={NAIVE}&to={NAIVE}&limit=0", None, {"from", "to"}, {"limit"}),
        ("GET", f"/meetings?from={NAIVE}&to={NAIVE}&status=gone", None, {"from", "to"}, {"status"}),
        ("GET", f"/audit-log?from={NAIVE}&to={NAIVE}&action=gone", None, {"from", "to"}, {"action"}),
        ("GET", f"/instructors/{NOBODY}/schedule?from={NAIVE}&to={NAIVE}&room=7", None, {"from", "to"}, {"room"}),
    ],
)  # fmt: skip
async def test_an_instant_without_an_offset_is_named_along_with_every_other_fault(
    client: ApiClient, method: str, path: str, body: Any, instants: set[str], others: set[str]
) -> None:
    response = await client.request(method, path, json=body)
    faults = {each["field"]: each["message"] for each in is_problem(response, 400, "VALIDATION_ERROR")["errors"]}
    assert faults.keys() == instants | others
    assert {field for field, message in faults.items() if message == NO_OFFSET} == instants


async def test_a_wall_clock_time_with_an_offset_is_named_along_with_every_other_fault(client: ApiClient) -> None:
    body = {"name": "x", **ECHO, "rrule": "FREQ=DAILY", "startsAt": f"{NAIVE}Z", "priority": 11}
    problem = is_problem(await client.post("/schedules", json=body), 400, "VALIDATION_ERROR")
    faults = {each["field"]: each["message"] for each in problem["errors"]}
    assert faults.keys() == {"startsAt", "priority"}
    assert faults["startsAt"] == "must be a wall-clock time, without an offset"


@pytest.mark.parametrize("value", ["Noa\x00", "\x00"])
async def test_a_text_that_cannot_be_stored_is_a_fault(client: ApiClient, value: str) -> None:
    path = f"/customers/{(await client.create('/customers', name='Noa'))['id']}"
    for response, fields in [
        (await client.post("/customers", json={"name": value, "notes": value}), ["name", "notes"]),
        (await client.patch(path, json={"notes": value}), ["notes"]),
        (await client.get("/customers", params={"search": value}), ["search"]),
        (await client.post("/auth/login", json={"email": f"a{value}@example.com", "password": "x"}), ["email"]),
        (await client.post("/jobs", json={**ECHO, "payload": {"text": value}}), ["payload.text"]),
        (await client.post("/jobs", json={**ECHO, "payload": {"text": "x", f"more{value}": [1]}}), None),
    ]:
        faults = is_problem(response, 400, "VALIDATION_ERROR")["errors"]
        assert fields is None or [fault["field"] for fault in faults] == fields
        assert all("NUL" in fault["message"] for fault in faults)


async def test_a_backslash_before_the_letters_of_nul_is_text(client: ApiClient) -> None:
    customer = await client.create("/customers", name="Noa", notes="\\u0000 and \\\\u0000")
    assert customer["notes"] == "\\u0000 and \\\\u0000"


async def test_text_of_every_script_comes_back_as_it_was_sent(client: ApiClient) -> None:
    name = "נועה לוי 🎻 ẞ\u200f\U0001f469\u200d\U0001f52c"
    customer = await client.create("/customers", name=name, notes="\t\r\n\x7f")
    assert await client.expect(200, "GET", f"/customers/{customer['id']}") == customer
    assert (customer["name"], customer["notes"]) == (name, "\t\r\n\x7f")


async def test_numbers_beyond_every_column_are_faults(client: ApiClient) -> None:
    for field, value in [("durationMinutes", 10**30), ("durationMinutes", 1e400), ("price", "1e999999")]:
        body = f'{{"title": "x", "currency": "ILS", "{field}": {value}}}'.encode().replace(b"inf", b"1e400")
        problem = is_problem(await client.post("/courses", content=body, headers=JSON), 400, "VALIDATION_ERROR")
        assert not problem.get("errors") or problem["errors"][0]["field"] == field
    is_problem(await client.get("/customers", params={"offset": 10**30}), 400, "VALIDATION_ERROR")
    await client.expect(200, "GET", "/events", params={"after": 2**63 - 1})
    is_problem(await client.get("/events", params={"after": 2**63}), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("etag", ["3", "W/3", "", ",", '"1" "2"', '*, "1"', "x"])
async def test_an_if_match_that_is_no_etag_of_ours_is_a_fault(client: ApiClient, etag: str) -> None:
    response = await client.patch(f"/customers/{NOBODY}", json={}, headers={"If-Match": etag})
    problem = is_problem(response, 400, "VALIDATION_ERROR")
    assert [fault["field"] for fault in problem["errors"]] == ["If-Match"]


async def test_a_parameter_that_is_none_is_named(client: ApiClient) -> None:
    response = await client.delete(f"/customers/{NOBODY}", params={"hard": "maybe"})
    problem = is_problem(response, 400, "VALIDATION_ERROR")
    assert [fault["field"] for fault in problem["errors"]] == ["hard"]


async def test_a_body_of_two_mebibytes_is_refused_whole_or_in_pieces(client: ApiClient, database: Database) -> None:
    body = b'{"name": "Noa", "notes": "' + b"x" * 2 * 1024 * 1024 + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    for content in (body, pieces()):
        response = await client.post("/customers", content=content, headers=JSON)
        problem = is_problem(response, 413, "PAYLOAD_TOO_LARGE")
        assert "1048576" in problem["detail"]
    assert (await client.expect(200, "GET", "/customers"))["pagination"]["total"] == 0


async def test_a_body_just_short_enough_is_read(client: ApiClient) -> None:
    start = b'{"name": "Noa", "notes": "'
    body = start + b"x" * (1024 * 1024 - len(start) - 2) + b'"}'
    problem = is_problem(await client.post("/customers", content=body, headers=JSON), 400, "VALIDATION_ERROR")
    assert [fault["field"] for fault in problem["errors"]] == ["notes"]
    is_problem(await client.post("/customers", content=body + b" ", headers=JSON), 413, "PAYLOAD_TOO_LARGE")


async def test_an_error_of_ours_tells_no_secrets(client: ApiClient, database: Database) -> None:
    await database.execute("ALTER TABLE customers RENAME TO customers_away")
    try:
        response = await client.get("/customers")
    finally:
        await database.execute("ALTER TABLE customers_away RENAME TO customers")
    problem = is_problem(response, 500, "INTERNAL_ERROR")
    assert not any(word in response.text.lower() for word in ("select", "customers_away", "traceback", "asyncpg"))
    assert "request's id" in problem["detail"]


@pytest.mark.parametrize("sent", ["order-4711", "0198c0de-0000-7000-8000-000000000001", "a" * 128, "a.b:c_d-e"])
async def test_a_sane_request_id_is_kept(client: ApiClient, database: Database, sent: str) -> None:
    response = await client.post("/customers", json={"name": "Noa"}, headers={"X-Request-ID": sent})
    assert response.headers.get_list("x-request-id") == [sent]
    rows = await database.fetch("SELECT request_id FROM events")
    assert [row["request_id"] for row in rows] == [sent]


@pytest.mark.parametrize("sent", ["", "a" * 129, "a b", "a\tb", "<script>", "ä", "x;y=z"])
async def test_any_other_request_id_is_replaced(client: ApiClient, sent: str) -> None:
    response = await client.get("/customers", headers=[(b"X-Request-ID", sent.encode())])
    (given,) = response.headers.get_list("x-request-id")
    UUID(given)


async def test_every_answer_carries_the_security_headers(client: ApiClient) -> None:
    answers = [
        await client.get("/customers"),
        await client.get("/nowhere"),
        await client.delete("/customers"),
        await client.post("/customers", content=b"x" * 1_100_000, headers=JSON),
        await client.get("http://test/health/live"),
        await client.get("/customers", headers={"Authorization": "Bearer forged"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 413, 200, 401]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers


async def test_what_postgresql_finds_out_first_is_answered_and_noted_without_the_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a statement of ours that is at fault."""
    noted = CapturingLogger()
    monkeypatch.setattr("api.problems.log", noted)
    scope: Any = {"path": "/api/v1/jobs", "state": {}}
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await database.execute("INSERT INTO counted_until (id, instant) VALUES (2, '1999-12-31Z')")
    status, _, body = render(scope, caught.value)
    assert (status, msgspec.json.decode(body)["code"]) == (422, "UNPROCESSABLE")
    told = {"sqlstate": "23514", "table": "counted_until", "constraint": "ck_counted_until_one_row"}
    assert noted.calls == [CapturedCall("warning", ("database_refused",), told)]
