"""The peers of the no-op figures: how each is filled, and how to see what it has not done yet."""

import redis

from bench.harness import Stage
from bench.noops import Peer


def _fill_celery(stage: Stage, jobs: int) -> None:
    from bench.peers.plain_celery import celery, noop

    with celery.connection_for_write() as connection, connection.Producer() as producer:
        for _ in range(jobs):
            noop.apply_async(producer=producer)


def _left_in_celery(stage: Stage) -> int:
    with redis.from_url(stage.peer_redis_url) as client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


PLAIN_CELERY = Peer(("peer-worker",), _fill_celery, _left_in_celery)
