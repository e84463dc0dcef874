"""A body means what it says: no text is taken for a number, a truth or nothing, and no number for an instant."""

import re
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.operations import leaves, operations_of, with_leaf

INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T")


def lax_ways(value: Any) -> list[Any]:
    """What a reader of query strings would take for the same."""
    if isinstance(value, bool):
        return [str(value).lower(), int(value), "1"]
    if isinstance(value, int):
        return [str(value)]
    if value is None:
        return ["null", "None"]
    return [1_770_000_000, "1770000000"] if isinstance(value, str) and INSTANT.match(value) else []


async def test_nothing_in_a_body_is_taken_for_what_it_only_looks_like(
    client: ApiClient, document: dict[str, Any], world: dict[str, str]
) -> None:
    tried: set[type] = set()
    for operation in operations_of(document):
        body = operation.body_for(world)
        for path, value in leaves(body) if body is not None else ():
            for way in lax_ways(value):
                answer = await client.request(
                    operation.method, f"http://test{operation.at(world)}", json=with_leaf(body, path, way)
                )
                assert answer.status_code == 400, f"{operation.name} {path}={way!r}: {answer.text}"
                named = [fault["field"] for fault in answer.json()["errors"]]
                assert path in named, f"{operation.name} {path}={way!r}: {answer.text}"
                tried.add(type(value))
    assert tried >= {bool, int, str}


@pytest.mark.parametrize("field", ["parentId", "scheduleId", "kind", "status", "ids", "from", "tag", "owner"])
async def test_the_text_null_does_not_take_a_filter_away(client: ApiClient, database: Database, field: str) -> None:
    await client.submit("probe.echo", {"text": "x"}, runAt="2199-01-01T00:00:00Z")
    body = {"kind": "probe.echo", field: "null", "preview": True}
    answer = await client.post("/jobs/cancel", json=body)
    assert answer.status_code == 400 or answer.json()["total"] == 0


async def test_a_body_that_may_be_left_out_is_not_the_text_null(client: ApiClient) -> None:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2199-01-01T00:00:00Z")
    await client.expect(400, "POST", f"/jobs/{job['id']}/retry", content=b'"null"')
    for nothing in (b"", b"null"):
        await client.expect(409, "POST", f"/jobs/{job['id']}/retry", content=nothing)


async def test_money_may_be_a_number_or_a_text(client: ApiClient) -> None:
    for price in (149.9, "149.90"):
        course = await client.create("/courses", title="Robotics", price=price, currency="ILS")
        assert course["price"] == 149.9
