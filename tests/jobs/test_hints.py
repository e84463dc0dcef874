"""What only helps with an answer never spoils it: the job is stored, and nobody is told that it is not."""

from typing import Any

import pytest

from api.jobs import following
from models.jobs.pace import PaceReader
from tests.support.client import ApiClient

ECHO = {"kind": "probe.echo", "payload": {"text": "x"}}


async def fail(*_: Any) -> None:
    raise ValueError("this cannot be told")


@pytest.fixture
def no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PaceReader, "pace", fail)


@pytest.mark.usefixtures("no_pace")
async def test_a_stored_job_is_answered_for_when_nobody_knows_when_to_look_again(quiet_client: ApiClient) -> None:
    """On either way, and for a read."""
    for headers in ({}, {"prefer": "respond-async"}, {"idempotency-key": "k"}):
        submitted = await quiet_client.post("/jobs", json=ECHO, headers=headers)
        assert submitted.status_code == 202, submitted.text
        assert int(submitted.headers["retry-after"]) >= 1
        read = await quiet_client.get(submitted.headers["location"].removeprefix("/api/v1"), headers=headers)
        assert (read.status_code, read.headers["retry-after"]) == (200, submitted.headers["retry-after"])
    assert (await quiet_client.expect(200, "GET", "/jobs"))["pagination"]["total"] == 3


async def test_a_stored_job_is_answered_for_when_its_end_cannot_be_waited_for(
    quiet_client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "wait_for_end", fail)
    answer = await quiet_client.post("/jobs", json=ECHO, headers={"Prefer": "wait=5"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "queued"
    assert int(answer.headers["retry-after"]) >= 1
