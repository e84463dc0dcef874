"""Procrastinate: jobs in PostgreSQL, one transaction to fetch and one to finish each."""

import os

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_PEER_DATABASE_URL"]))


@app.task(name="noop")
async def noop() -> None:
    """Nothing."""
