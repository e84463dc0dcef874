"""Headers that try to be more than one, and addresses that try to be elsewhere, on the real server."""

import asyncio
import re
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.support.client import ApiClient

PASSWD = re.compile("root:.*:0:0:")
TRAVERSALS = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "....//....//....//etc/passwd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "..%c0%af..%c0%afetc/passwd",
    "%00",
    "x%00.js",
    "%0d%0aX-Evil:%201",
    "/etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
]
PLACES = [
    "/swagger/assets/0.0.0/{}",
    "/swagger/assets/{}/start.js",
    "/schema/{}",
    "/api/v1/job-kinds/{}",
    "/api/v1/exports/{}/download",
    "/api/v1/customers/{}",
    "/{}",
]


async def raw(url: str, request: bytes) -> tuple[int, str, str]:
    """Status, head and body of what comes back; status 0 when the server just closes."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        answer = (await asyncio.wait_for(reader.read(1_000_000), 10)).decode("latin-1")
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return (int(head.split(" ")[1]) if head.startswith("HTTP/") else 0), head.lower(), body


def get(path: str, *lines: str) -> bytes:
    whole = [f"GET {path} HTTP/1.1", "Host: api.example", *lines, "Connection: close", "", ""]
    return "\r\n".join(whole).encode("latin-1")


@pytest.mark.parametrize(
    "line",
    [
        "X-Request-ID: a\nX-Evil: 1",
        "X-Request-ID: a\rX-Evil: 1",
        "X-Request-ID: a\r\n X-Evil: 1",
        "X-Request-ID: a\0b",
        "X-Request-ID: a%0d%0aX-Evil: 1",
        "X-Request-ID: \u0085X-Evil: 1",
        "X-Request-ID: " + "a" * 5000,
        'X-Request-ID: {"$ne":1}',
    ],
)
async def test_a_request_id_cannot_become_a_header(api_process: str, line: str) -> None:
    status, head, _ = await raw(api_process, get("/health/live", line))
    assert status in (0, 200, 400, 431)
    assert "x-evil" not in head
    if status == 200:
        given = re.findall(r"x-request-id: (.*)", head)
        assert len(given) == 1
        assert given[0].strip() == "a" or UUID(given[0].strip())


async def test_of_two_request_ids_one_is_taken(api_process: str) -> None:
    _, head, _ = await raw(api_process, get("/health/live", "X-Request-ID: first", "X-Request-ID: second"))
    assert re.findall(r"x-request-id: (\S+)", head) == ["first"]


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 50"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding : chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
    ],
)
async def test_a_second_request_cannot_hide_in_the_first(api_process: str, lines: list[str]) -> None:
    """Whatever lies behind a body of doubtful length is not answered as a request of its own."""
    head = "\r\n".join(["POST /api/v1/auth/login HTTP/1.1", "Host: api.example", *lines, "", ""])
    hidden = "0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: api.example\r\nX-Request-ID: hidden\r\n\r\n"
    _, _, body = await raw(api_process, (head + hidden).encode())
    assert "hidden" not in body


async def test_long_heads_end_with_an_answer(api_process: str) -> None:
    for line in ("X-Long: " + "a" * 1_000_000, "\r\n".join(f"X-{number}: a" for number in range(5000))):
        status, _, _ = await raw(api_process, get("/health/live", line))
        assert status in (0, 200, 400, 414, 431)
    status, _, _ = await raw(api_process, get("/health/live"))
    assert status == 200


@pytest.mark.parametrize("place", PLACES)
async def test_no_path_leads_out_of_its_folder(api_process: str, place: str) -> None:
    for traversal in TRAVERSALS:
        status, head, body = await raw(api_process, get(place.format(traversal)))
        assert status in (0, 301, 302, 307, 400, 401, 403, 404, 405), f"{place} {traversal}: {status} {body[:200]}"
        assert not PASSWD.search(body)
        assert "\nx-evil" not in head


async def test_a_redirect_stays_with_us(api_process: str) -> None:
    for path in ("/swagger", "/swagger/", "//evil.example/swagger", "/swagger//evil.example", "/swagger?next=//evil"):
        _, head, _ = await raw(api_process, get(path))
        for place in re.findall(r"\nlocation: (\S+)", head):
            assert place.startswith("/schema/"), f"{path} leads to {place}"


async def test_a_repeated_key_is_one_key(client: ApiClient) -> None:
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    first, again = [await client.post("/customers", content=b'{"name": "Noa"}', headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 201, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"


async def test_other_headers_are_taken_once(client: ApiClient) -> None:
    for name, values in {
        "If-Match": ['"1"', '"2"'],
        "Prefer": ["wait=1", "wait=nonsense"],
        "Content-Type": ["application/json", "text/plain"],
        "Content-Length": ["15", "15"],
        "If-None-Match": ["a", "b"],
        "Range": ["bytes=0-", "bytes=1-"],
    }.items():
        headers = [(name, value) for value in values]
        if name != "Content-Type":
            headers.append(("Content-Type", "application/json"))
        answer = await client.post("/customers", content=b'{"name": "Noa"}', headers=headers)
        assert answer.status_code == 201, f"{name}: {answer.status_code} {answer.text}"


@pytest.mark.parametrize("value", ["", "a" * 201, "a\x7f", "ä", "\t"])
async def test_an_odd_idempotency_key_is_a_fault(client: ApiClient, value: str) -> None:
    answer = await client.post(
        "/customers", json={"name": "Noa"}, headers=[(b"Idempotency-Key", value.encode("latin-1"))]
    )
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
