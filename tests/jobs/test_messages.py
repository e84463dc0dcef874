"""What goes over the broker: few messages, and such as any Celery worker understands."""

import pytest

from models.jobs.admission import LEAST_WINDOW, Candidate
from models.jobs.lifecycle import count_published
from models.jobs.rules import Queue
from models.jobs.service import enqueue, enqueue_many
from models.kernel.actor import SYSTEM
from models.kernel.clock import utc_now
from models.kernel.errors import Unavailable
from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.broker import Message
from scheduler.dispatch import dispatch, messages_for, new_windows, redeliver
from tests.support.probes import Batch, Echo


class FakeBroker:
    """Takes messages until told to be away; `held` is what its queues hold."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False
        self.held = 0

    async def publish(self, messages: list[Message]) -> None:
        if self.away:
            raise Unavailable("The broker is away.")
        self.messages += messages

    async def depth(self, queue: str) -> int:
        return self.held


async def test_jobs_of_a_batched_kind_share_messages(quiet_database: Database) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Batch(label=str(n)) for n in range(120)])
    jobs = [Candidate(id_, "probe.batch", 5, utc_now(), "system", None) for id_ in ids]
    messages = messages_for(Queue.WEBHOOKS, jobs)
    assert [len(message.job_ids) for message in messages] == [50, 50, 20]
    assert [id_ for message in messages for id_ in message.job_ids] == ids


async def test_the_broker_holds_a_window_and_no_more(quiet_database: Database, settings: Settings) -> None:
    broker = FakeBroker()
    small = settings.model_copy(update={"dispatch_window": 5})
    await enqueue_many(quiet_database, SYSTEM, [Echo(text=str(n)) for n in range(25)])
    assert await dispatch(quiet_database, broker, small) == 5  # type: ignore[arg-type]
    assert await dispatch(quiet_database, broker, small) == 0  # type: ignore[arg-type]
    assert len(broker.messages) == 5


async def test_what_the_workers_have_not_taken_leaves_no_room(quiet_database: Database, settings: Settings) -> None:
    broker, windows = FakeBroker(), new_windows()
    await enqueue_many(quiet_database, SYSTEM, [Echo(text=str(n)) for n in range(200)])
    for broker.held, room in ((0, True), (LEAST_WINDOW, False), (LEAST_WINDOW // 2 + 1, False), (1, True)):
        assert bool(await dispatch(quiet_database, broker, settings, windows)) == room  # type: ignore[arg-type]


async def test_what_the_broker_refuses_is_due_again(quiet_database: Database, settings: Settings) -> None:
    broker = FakeBroker()
    broker.away = True
    await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    assert await dispatch(quiet_database, broker, settings) == 0  # type: ignore[arg-type]
    assert await count_published(quiet_database, Queue.DEFAULT, 0) == (0, 0)
    broker.away = False
    assert await dispatch(quiet_database, broker, settings) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(("held", "lost"), [(0, 3), (2, 1), (3, 0), (50, 0)])
async def test_what_the_broker_lost_is_sent_again(
    quiet_database: Database, settings: Settings, held: int, lost: int
) -> None:
    broker = FakeBroker()
    await enqueue_many(quiet_database, SYSTEM, [Echo(text=str(n)) for n in range(3)])
    await dispatch(quiet_database, broker, settings)  # type: ignore[arg-type]
    await quiet_database.execute("UPDATE jobs SET published_at = published_at - interval '1 hour'")
    broker.held = held
    assert await redeliver(quiet_database, broker, settings) == lost  # type: ignore[arg-type]


async def test_a_lost_message_is_found_behind_a_long_queue(quiet_database: Database, settings: Settings) -> None:
    broker = FakeBroker()
    await enqueue_many(quiet_database, SYSTEM, [Echo(text=str(n)) for n in range(5)])
    await dispatch(quiet_database, broker, settings)  # type: ignore[arg-type]
    swallowed = broker.messages[0].job_ids[0]
    await quiet_database.execute(
        "UPDATE jobs SET published_at = published_at - interval '1 h' WHERE id = $1", swallowed
    )
    broker.held = 4
    assert await redeliver(quiet_database, broker, settings) == 1  # type: ignore[arg-type]
    broker.messages.clear()
    await dispatch(quiet_database, broker, settings)  # type: ignore[arg-type]
    assert [message.job_ids for message in broker.messages] == [[swallowed]]


async def test_what_was_just_sent_is_not_sent_again(quiet_database: Database, settings: Settings) -> None:
    broker = FakeBroker()
    await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await dispatch(quiet_database, broker, settings)  # type: ignore[arg-type]
    assert await redeliver(quiet_database, broker, settings) == 0  # type: ignore[arg-type]
