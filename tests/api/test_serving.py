"""How the API's process gets its address."""

import os
import socket
import subprocess
import sys

import pytest

from api.__main__ import await_address
from tests.support.servers import REPOSITORY


@pytest.fixture
def taken() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_an_address_that_somebody_keeps_is_named(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with taken, pytest.raises(SystemExit, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"):
        await_address("127.0.0.1", port, seconds=0.2)


def test_one_that_becomes_free_is_waited_for(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: taken.close())
    await_address("127.0.0.1", taken.getsockname()[1])
    assert taken.fileno() == -1


@pytest.mark.usefixtures("platform")
def test_the_process_ends_in_a_sentence() -> None:
    """And in no trace, neither Python's nor the server's."""
    environment = {**os.environ, "BELLWORK_API_HOST": "192.0.2.1", "BELLWORK_API_PORT": "8000"}
    command = [sys.executable, "-m", "api"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith("Bellwork cannot listen on 192.0.2.1, port 8000: Cannot assign requested address")
