"""Dramatiq on Redis: a message is acknowledged after its actor, and tried again when that fails."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers.stamping import tell_start

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_PEER_REDIS_URL"]))


@dramatiq.actor
def noop() -> None:
    """Nothing."""


@dramatiq.actor
def stamp(key: str) -> None:
    tell_start(key)
