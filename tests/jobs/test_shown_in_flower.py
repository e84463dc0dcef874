"""What watches the workers' events, as Flower does, sees every job as a task of its own."""

import asyncio
import threading
from collections import defaultdict
from typing import Any

import pytest
from celery import Celery

from models.kernel.settings import Settings
from tests.support.client import ApiClient

ENDS = {"task-succeeded", "task-failed", "task-retried"}


def watch(broker_url: str, awaited: set[str], listening: threading.Event) -> dict[str, list[dict[str, Any]]]:
    """The events by task until the awaited (named meanwhile) have ended; `listening` is set once none is missed."""
    seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
    celery = Celery(broker=broker_url, set_as_current=False)
    with celery.connection_for_read() as connection:
        receiver = celery.events.Receiver(connection, handlers={"*": lambda event: note(event)})

        def note(event: dict[str, Any]) -> None:
            listening.set()  # a worker's heartbeat comes every two seconds
            if "uuid" in event:
                seen[event["uuid"]].append(event)
            ended = {id_ for id_, events in seen.items() if any(each["type"] in ENDS for each in events)}
            receiver.should_stop = bool(awaited) and awaited <= ended

        receiver.capture(limit=None, timeout=30, wakeup=False)
    return seen


@pytest.mark.usefixtures("workers")
async def test_jobs_that_share_a_message_are_tasks_of_their_own(client: ApiClient, settings: Settings) -> None:
    listening, awaited = threading.Event(), set[str]()
    watching = asyncio.create_task(asyncio.to_thread(watch, settings.effective_broker_url, awaited, listening))
    await asyncio.to_thread(listening.wait, 30)
    jobs = [{"kind": "probe.batch", "payload": {"label": str(n), "broken": n == 2}} for n in range(4)]
    parent = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    await client.finish(parent["id"])
    children = (await client.expect(200, "GET", f"/jobs?parentId={parent['id']}"))["data"]
    awaited.update(child["id"] for child in children)
    seen = await watching
    for child in children:
        types = [event["type"] for event in seen[child["id"]]]
        assert types[0] == "task-received"
        assert types[-1] == ("task-failed" if child["status"] == "failed" else "task-succeeded"), child
        assert seen[child["id"]][0]["name"] == "probe.batch"
    assert [child["status"] for child in children].count("failed") == 1
