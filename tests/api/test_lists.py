"""What every list does alike: pages, order, faults in its query. Tried on customers."""

from typing import Any

import pytest

from models.kernel import paging
from tests.support.client import ApiClient

CITIES = ["Akko", None, "Haifa", None, "Haifa", "Lod", None]


@pytest.fixture
async def seven(client: ApiClient) -> ApiClient:
    for number, city in enumerate(CITIES):
        await client.create("/customers", name=f"Customer {number}", city=city)
    return client


async def test_pages_follow_each_other_by_offset(seven: ApiClient) -> None:
    params: dict[str, Any] = {"sortBy": "name", "sortOrder": "asc", "limit": 3, "offset": 3}
    page = await seven.expect(200, "GET", "/customers", params=params)
    assert [row["name"] for row in page["data"]] == ["Customer 3", "Customer 4", "Customer 5"]
    assert {**page["pagination"], "nextCursor": "…"} == {
        "total": 7, "limit": 3, "offset": 3, "hasMore": True, "nextCursor": "…",
    }  # fmt: skip
    beyond = await seven.expect(200, "GET", "/customers", params={"offset": 7})
    assert (beyond["data"], beyond["pagination"]["hasMore"]) == ([], False)


async def test_no_more_is_counted_than_is_worth_it(seven: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 5)
    page = await seven.expect(200, "GET", "/customers", params={"limit": 7})
    assert (len(page["data"]), page["pagination"]["total"]) == (7, 5)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("column", ["name", "createdAt", "city"])
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_follow_each_other_by_cursor_without_gap_or_repetition(
    seven: ApiClient, column: str, order: str, limit: int
) -> None:
    """Cities repeat and are missing: rows that tie, and rows without the value, have their place too."""
    params: dict[str, Any] = {"sortBy": column, "sortOrder": order}
    whole = (await seven.expect(200, "GET", "/customers", params=params))["data"]
    seen: list[Any] = []
    while True:
        page = await seven.expect(200, "GET", "/customers", params={**params, "limit": limit})
        seen += page["data"]
        assert page["pagination"]["total"] == 7
        if not page["pagination"]["hasMore"]:
            break
        params["cursor"] = page["pagination"]["nextCursor"]
    assert seen == whole
    assert len(whole) == 7


async def test_the_newest_come_first(seven: ApiClient) -> None:
    page = await seven.expect(200, "GET", "/customers", params={"limit": 2})
    assert [row["name"] for row in page["data"]] == ["Customer 6", "Customer 5"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("town=x&limit=0&sortOrder=up", {"town", "limit", "sortOrder"}),
        ("sortBy=shoeSize", {"sortBy"}),
        ("limit=101", {"limit"}),
        ("limit=ten&offset=-1", {"limit", "offset"}),
        ("cursor=nonsense", {"cursor"}),
        ("cursor=WyJ4IiwgMV0", {"cursor"}),
        ("cursor=abc&offset=3", {"cursor", "offset"}),
        ("city=a&city=b", {"city"}),
        ("hasActiveRegistration=perhaps", {"hasActiveRegistration"}),
        ("search=" + "x" * 201, {"search"}),
    ],
)
async def test_every_fault_of_a_query_is_named(client: ApiClient, query: str, fields: set[str]) -> None:
    problem = await client.expect(400, "GET", f"/customers?{query}")
    assert {fault["field"] for fault in problem["errors"]} == fields
    assert problem["code"] == "VALIDATION_ERROR"


async def test_a_list_that_cannot_be_searched_says_so(client: ApiClient) -> None:
    problem = await client.expect(400, "GET", "/jobs", params={"search": "x"})
    assert [fault["field"] for fault in problem["errors"]] == ["search"]
