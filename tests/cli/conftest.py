"""The command `bellwork`, as an operator runs it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app

Bellwork = Callable[..., Coroutine[Any, Any, str]]


@pytest.fixture
def bellwork(monkeypatch: pytest.MonkeyPatch) -> Bellwork:
    """Runs a command in a thread, as it makes an event loop of its own; gives what it says.

    It ends with `code` (0 unless said otherwise), and without a traceback.
    """
    monkeypatch.setenv("COLUMNS", "300")

    async def run(*words: str, code: int = 0) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert result.exit_code == code, result.output
        return result.output

    return run
