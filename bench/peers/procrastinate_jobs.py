"""Procrastinate: jobs in PostgreSQL, one transaction to fetch and one to finish each."""

import os

from procrastinate import App, PsycopgConnector

from bench.peers.stamping import tell_start

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_PEER_DATABASE_URL"]))


@app.task(name="noop")
async def noop() -> None:
    """Nothing."""


@app.task(name="stamp")
async def stamp(key: str) -> None:
    tell_start(key)
