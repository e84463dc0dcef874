"""The only hand that puts messages on the broker. Whatever broker Celery can speak to will do."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import ChannelError

from models.kernel.settings import Settings


class Message(msgspec.Struct, frozen=True):
    """Tells a worker to look at these jobs of one kind; the task's id is the first job's."""

    kind: str
    queue: str
    job_ids: Sequence[UUID]


class BrokerAway(Exception):
    """The broker did not take, or did not answer, what it was asked."""


class Broker:
    """Publishing and queue depths, in a thread, because the broker's client blocks."""

    def __init__(self, settings: Settings) -> None:
        self._celery = Celery("bellwork-scheduler", broker=settings.effective_broker_url, set_as_current=False)
        self._celery.conf.update(
            broker_transport_options=settings.broker_transport_options, task_serializer="json", accept_content=["json"],
            timezone="UTC",
        )  # fmt: skip
        self._connection: Connection | None = None
        self._producer: Any = None
        self._lock = asyncio.Lock()
        self._failures = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        """Raises BrokerAway when not all messages were taken; then none may be counted on."""
        await self._call(self._publish, messages)

    async def depth(self, queue: str) -> int:
        """Messages of the queue that no worker has fetched. Raises BrokerAway."""
        depth: int = await self._call(self._depth, queue)
        return depth

    async def _call(self, work: Any, *args: Any) -> Any:
        """One at a time. Who waited for a call that failed is told so: a broker that hangs is not waited for again by
        each of them."""
        failures = self._failures
        async with self._lock:
            if self._failures > failures:
                raise BrokerAway("It was away a moment ago.")
            try:
                return await asyncio.to_thread(work, *args)
            except Exception as error:
                self._failures += 1
                await asyncio.to_thread(self.close)
                raise BrokerAway(repr(error)) from error

    def _publish(self, messages: Sequence[Message]) -> None:
        producer = self._open()
        with producer.batch():  # one round trip for many, where the transport can
            for message in messages:
                self._publish_one(producer, message)

    def _publish_one(self, producer: Any, message: Message) -> None:
        ids = [str(id_) for id_ in message.job_ids]
        body = self._celery.amqp.create_task_message(
            ids[0], message.kind, args=(ids,), kwargs={}, argsrepr=f"({len(ids)} job(s), first {ids[0]})"
        )
        producer.publish(
            body.body, headers={**body.headers, "jobs": ids}, routing_key=message.queue, serializer="json",
            declare=[Queue(message.queue, routing_key=message.queue)], retry=False, **body.properties,
        )  # fmt: skip

    def _depth(self, queue: str) -> int:
        self._open()
        assert self._connection is not None
        try:
            return int(self._connection.default_channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:
            return 0

    def _open(self) -> Any:
        if self._producer is None:
            self._connection = self._celery.connection_for_write()
            self._connection.ensure_connection(max_retries=1)
            self._producer = self._connection.Producer()
        return self._producer

    def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.release()
