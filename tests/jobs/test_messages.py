"""What goes over the broker: few messages, and such as any Celery worker understands."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from models.jobs.admission import LEAST_WINDOW
from models.jobs.dispatching import count_published, message_sizes
from models.jobs.lifecycle import claim
from models.jobs.rules import Queue
from models.jobs.service import enqueue, enqueue_many
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.dispatch import Dispatcher
from tests.support.jobs import FakeBroker
from tests.support.probes import Batch, Echo


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def dispatcher(quiet_database: Database, broker: FakeBroker, settings: Settings) -> Dispatcher:
    return Dispatcher(quiet_database, broker, settings)  # type: ignore[arg-type]


async def echoes(database: Database, number: int) -> list[UUID]:
    return await enqueue_many(database, SYSTEM, [Echo(text=str(n)) for n in range(number)])


async def ended_after(database: Database, seconds: float) -> None:
    """A job of the kind has ended whose work took so long."""
    (id_,) = await echoes(database, 1)
    await database.execute(
        "UPDATE jobs SET status = 'succeeded', finished_at = clock_timestamp(), work_seconds = $2 WHERE id = $1",
        id_, seconds,
    )  # fmt: skip


async def test_jobs_of_a_batched_kind_share_messages(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Batch(label=str(n)) for n in range(120)])
    await dispatcher.learn()
    await dispatcher.dispatch()
    assert broker.sizes == [50, 50, 20]
    assert [id_ for message in broker.messages for id_ in message.job_ids] == ids


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [(10.0, [1] * LEAST_WINDOW), (0.01, [5, 4]), (0.0001, [9])],
    ids=["slow", "quick", "no work at all"],
)
async def test_quick_jobs_share_messages_as_far_as_nobody_waits_for_it(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher, seconds: float, sizes: list[int]
) -> None:
    await ended_after(quiet_database, seconds)
    await echoes(quiet_database, 9)
    await dispatcher.learn()
    await dispatcher.dispatch()
    assert broker.sizes == sizes


async def test_how_long_a_job_waited_or_was_held_up_says_nothing_about_its_work(quiet_database: Database) -> None:
    (id_,) = await echoes(quiet_database, 1)
    await quiet_database.execute(
        "UPDATE jobs SET status = 'cancelled', started_at = now() - interval '1 h', finished_at = now() WHERE id = $1",
        id_,
    )
    assert "probe.echo" not in await message_sizes(quiet_database)


async def test_the_broker_holds_a_window_and_no_more(
    quiet_database: Database, broker: FakeBroker, settings: Settings
) -> None:
    small = settings.model_copy(update={"dispatch_window": 3})
    dispatcher = Dispatcher(quiet_database, broker, small)  # type: ignore[arg-type]
    await echoes(quiet_database, 25)
    assert await dispatcher.dispatch() == 3
    assert await dispatcher.dispatch() == 0
    assert len(broker.messages) == 3


async def test_what_the_workers_have_not_taken_leaves_no_room(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    await echoes(quiet_database, 200)
    for broker.held, room in ((0, True), (LEAST_WINDOW, False), (LEAST_WINDOW // 2 + 1, False), (1, True)):
        assert bool(await dispatcher.dispatch()) == room


async def test_what_the_broker_refuses_is_due_again(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    broker.away = True
    await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    assert await dispatcher.dispatch() == 0
    assert await count_published(quiet_database, Queue.DEFAULT, 0) == (0, 0)
    broker.away = False
    assert await dispatcher.dispatch() == 1


async def grow_old(database: Database, ids: Sequence[UUID]) -> None:
    await database.execute(
        "UPDATE jobs SET published_at = published_at - interval '1 hour' WHERE id = ANY($1)", list(ids)
    )


@pytest.mark.parametrize(("held", "lost"), [(0, 3), (2, 1), (3, 0), (50, 0)])
async def test_what_the_broker_lost_is_sent_again(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher, held: int, lost: int
) -> None:
    ids = await echoes(quiet_database, 3)
    await dispatcher.dispatch()
    await grow_old(quiet_database, ids)
    broker.held = held
    assert await dispatcher.redeliver() == lost


async def test_a_lost_message_is_found_behind_a_long_queue(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    await echoes(quiet_database, 4)
    await dispatcher.dispatch()
    (swallowed,) = broker.messages[0].job_ids
    await grow_old(quiet_database, [swallowed])
    broker.held = 3
    assert await dispatcher.redeliver() == 1
    broker.messages.clear()
    broker.held = 0
    await dispatcher.dispatch()
    assert [message.job_ids for message in broker.messages] == [[swallowed]]


async def test_what_is_left_of_a_lost_message_of_many_is_found_behind_a_long_queue(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Batch(label=str(n)) for n in range(150)])
    await dispatcher.learn()
    await dispatcher.dispatch()
    await claim(quiet_database, ids[:20], "died", 10)
    await grow_old(quiet_database, ids)
    broker.held = 2
    assert await dispatcher.redeliver() == 30
    broker.messages.clear()
    broker.held = 0
    await dispatcher.dispatch()
    assert [message.job_ids for message in broker.messages] == [ids[20:50]]


async def test_what_was_just_sent_is_not_sent_again(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await dispatcher.dispatch()
    assert await dispatcher.redeliver() == 0


async def test_who_found_no_room_looks_again_a_little_later(
    quiet_database: Database, broker: FakeBroker, dispatcher: Dispatcher
) -> None:
    """While the broker is full each end of a job is a nudge, and none of them is worth a look of its own."""
    await echoes(quiet_database, LEAST_WINDOW + 1)
    await dispatcher.dispatch()
    assert dispatcher.rest_seconds() == 0
    broker.held = LEAST_WINDOW
    assert await dispatcher.dispatch() == 0
    assert dispatcher.rest_seconds() > 0
    broker.held = 0
    assert await dispatcher.dispatch() == 1
    assert dispatcher.rest_seconds() == 0
