"""Downloading: with credentials or a link, as a whole or in parts."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.exports.ranges import RangeNotSatisfiable, wanted_part
from models.exports.links import check_link, make_link
from models.kernel.clock import utc_now
from models.kernel.errors import Forbidden
from models.kernel.files import FileStore
from models.kernel.ids import new_id
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient
from tests.support.exports import make_export
from tests.support.factories import make_customer


@pytest.fixture
async def export(client: ApiClient, database: Database, workers: Any) -> Any:
    """A ready CSV file of some lines."""
    async with database.transaction() as session:
        for number in range(5):
            await make_customer(session, name=f"Customer {number}")
    return await make_export(client, "customers")


def linked(export: Any, **changes: str) -> str:
    """The export's link as a path, with other values in its query."""
    url = httpx.URL(export["downloadUrl"])
    return f"/exports/{export['id']}/download?{url.copy_merge_params(changes).query.decode()}"


async def test_a_download_names_and_describes_the_file(client: ApiClient, export: Any) -> None:
    response = await client.get(f"/exports/{export['id']}/download")
    made = datetime.fromisoformat(export["createdAt"])
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="customers-{made:%Y-%m-%d-%H%M%S}.csv"'
    assert response.headers["content-length"] == str(export["sizeBytes"]) == str(len(response.content))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"].startswith('"')


async def test_a_link_needs_no_credentials(client: ApiClient, export: Any) -> None:
    whole = (await client.get(f"/exports/{export['id']}/download")).content
    del client.headers["Authorization"]
    assert (await client.get(linked(export))).content == whole
    assert (await client.get(f"/exports/{export['id']}/download")).status_code == 401
    until = datetime.fromisoformat(export["downloadUntil"])
    assert utc_now() + timedelta(minutes=58) < until < utc_now() + timedelta(minutes=61)


async def test_a_forged_link_is_refused(client: ApiClient, export: Any) -> None:
    other = await make_export(client, "customers")
    del client.headers["Authorization"]
    signature = httpx.URL(other["downloadUrl"]).params["signature"]
    later = str(int(httpx.URL(export["downloadUrl"]).params["expires"]) + 3600)
    for path in (
        linked(export, signature=signature),
        linked(export, signature="נ"),
        linked(export, expires=later),
        f"/exports/{export['id']}/download?signature={signature}",
    ):
        problem = await client.expect(403, "GET", path)
        assert "was not made for this file" in problem["detail"]


def test_a_link_is_good_until_it_expires(settings: Settings) -> None:
    id_, now = new_id(), utc_now()
    link = make_link(settings, id_, now)
    params = httpx.URL(link.url).params
    expires, signature = int(params["expires"]), params["signature"]
    check_link(settings, id_, expires, signature, link.until - timedelta(seconds=1))
    with pytest.raises(Forbidden, match="expired"):
        check_link(settings, id_, expires, signature, link.until)
    with pytest.raises(Forbidden, match="not made"):
        check_link(settings, UUID(int=id_.int ^ 1), expires, signature, now)


async def test_an_expired_link_is_refused(client: ApiClient, export: Any, settings: Settings) -> None:
    old = make_link(settings, UUID(export["id"]), utc_now() - timedelta(days=1))
    problem = await client.expect(403, "GET", linked({**export, "downloadUrl": old.url}))
    assert "expired" in problem["detail"]


async def test_a_broken_download_is_resumed(client: ApiClient, export: Any) -> None:
    path = f"/exports/{export['id']}/download"
    whole = (await client.get(path)).content
    response = await client.get(path, headers={"Range": "bytes=10-"})
    assert (response.status_code, response.content) == (206, whole[10:])
    assert response.headers["content-range"] == f"bytes 10-{len(whole) - 1}/{len(whole)}"
    assert response.headers["content-length"] == str(len(whole) - 10)


async def test_a_part_of_another_version_of_the_file_is_not_given(client: ApiClient, export: Any) -> None:
    path = f"/exports/{export['id']}/download"
    whole = await client.get(path)
    same = await client.get(path, headers={"Range": "bytes=1-2", "If-Range": whole.headers["etag"]})
    other = await client.get(path, headers={"Range": "bytes=1-2", "If-Range": '"another"'})
    assert (same.status_code, same.content) == (206, whole.content[1:3])
    assert (other.status_code, other.content) == (200, whole.content)


async def test_a_part_behind_the_end_is_refused_with_the_size(client: ApiClient, export: Any) -> None:
    response = await client.get(f"/exports/{export['id']}/download", headers={"Range": "bytes=999999-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{export['sizeBytes']}"


async def test_a_file_that_the_store_has_lost_is_not_found(client: ApiClient, export: Any, settings: Settings) -> None:
    await FileStore(settings.files_url).delete(f"exports/{export['id']}.csv")
    problem = await client.expect(404, "GET", f"/exports/{export['id']}/download")
    assert problem["detail"] == "The file is no longer there."


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=2-99", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=-", None),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_the_part_that_a_range_asks_for(header: str | None, part: tuple[int, int] | None) -> None:
    assert wanted_part(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=11-12", "bytes=-0"])
def test_a_range_without_a_byte_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        wanted_part(header, 10)
