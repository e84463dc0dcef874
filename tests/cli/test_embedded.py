"""Embedded servers: their data outlive them, and they do not outlive their parent."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from cli.embedded import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey, ServerError
from cli.embedded.ports import choose_port, is_free
from cli.embedded.privileges import Servant, can_reach, remove_home
from models.migrations.run import upgrade
from tests.support.servers import REPOSITORY, server_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
on_linux = pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")

START_AND_SLEEP = """
import encodings.idna, os, sys, time
from pathlib import Path
from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from redis import Redis
server = {"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey}[sys.argv[1]](Path(sys.argv[2]))
if uid := int(sys.argv[3]):  # after the imports, for Python itself may be under a closed home
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
server.start()
print(server.url, server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[type[EmbeddedServer]], EmbeddedServer]]:
    """Starts a server on the same folder each time; ends them all."""
    started = []

    def start(kind: type[EmbeddedServer], at: Path = folder) -> EmbeddedServer:
        server = kind(at)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


Start = Callable[..., EmbeddedServer]


async def run(url: str, statement: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


async def test_postgres_is_version_18_in_utc_with_unicode_text(start: Start) -> None:
    url = start(EmbeddedPostgres).url
    assert await run(url, "SHOW server_version_num") >= "180000"
    assert await run(url, "SHOW timezone") == "UTC"
    assert await run(url, "SHOW server_encoding") == "UTF8"
    assert await run(url, "SELECT lower('ÉÑ')") == "éñ"


async def test_postgres_lets_nobody_in_without_the_password(start: Start) -> None:
    server = start(EmbeddedPostgres)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await run(server.url.replace(server.password, "wrong"), "SELECT 1")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_postgres_keeps_committed_data_and_its_port(start: Start, end: str) -> None:
    server = start(EmbeddedPostgres)
    await run(server.url, "CREATE TABLE kept AS SELECT 42 AS number")
    url = server.url
    getattr(server, end)()
    server.start()
    assert server.url == url
    assert await run(url, "SELECT number FROM kept") == "42"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_valkey_keeps_data_and_its_port(start: Start, end: str) -> None:
    server = start(EmbeddedValkey)
    url = server.url
    with Redis.from_url(url) as client:
        client.set("kept", "42")
        if end == "kill":
            client.execute_command("WAITAOF", 1, 0, 0)  # synced each second
    getattr(server, end)()
    server.start()
    assert server.url == url
    assert Redis.from_url(url).get("kept") == b"42"


def test_valkey_evicts_nothing(start: Start) -> None:
    client = Redis.from_url(start(EmbeddedValkey).url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_a_server_moves_when_its_port_is_taken(start: Start, kind: type[EmbeddedServer]) -> None:
    server = start(kind)
    port = server.port
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        server.start()
        assert server.port != port


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_a_second_server_on_the_same_data_is_refused(start: Start, folder: Path, kind: type[EmbeddedServer]) -> None:
    server = start(kind)
    with pytest.raises(ServerError, match="is run by process"):
        kind(folder).start()
    assert server.running


def test_a_number_that_another_process_has_inherited_is_not_taken_for_the_server(start: Start) -> None:
    server = start(EmbeddedPostgres)
    pid_file = server.home / "data" / "postmaster.pid"
    content = pid_file.read_text()
    server.kill()
    with subprocess.Popen(["sleep", "60"]) as another:
        pid_file.write_text(content.replace(content.split("\n")[0], str(another.pid), 1))
        server.start()
        assert another.poll() is None
        another.kill()


async def test_a_lost_password_is_replaced(start: Start, folder: Path) -> None:
    server = start(EmbeddedPostgres)
    assert isinstance(server, EmbeddedPostgres)
    await run(server.url, "CREATE TABLE kept AS SELECT 42 AS number")
    await asyncio.to_thread(upgrade, server.url, server.application_url)
    before = server.application_url
    server.stop()
    (folder / "postgres.json").unlink()
    server.start()
    assert await run(server.url, "SELECT number FROM kept") == "42"
    assert server.application_url != before
    assert await run(server.application_url, "SELECT count(*) FROM customers") == "0"


async def test_a_folder_with_a_long_path_holds_a_server(start: Start, folder: Path) -> None:
    deep = folder / ("long-name-" * 9) / "state"
    deep.parent.mkdir(mode=0o755)
    server = start(EmbeddedPostgres, deep)
    assert await run(server.url, "SELECT 1") == "1"
    shutil.rmtree((server.home / "socket").resolve())


def test_a_server_that_cannot_start_shows_the_end_of_its_log(start: Start) -> None:
    server = start(EmbeddedPostgres)
    server.stop()
    with (server.home / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting"):
        server.start()


@on_linux
@pytest.mark.parametrize("name", ["postgres", "valkey"])
async def test_a_server_ends_with_its_parent_and_starts_again_on_the_same_data(
    start: Start, folder: Path, name: str
) -> None:
    parent, url, pid = start_in_another_process(name, folder)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    server = start({"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey}[name])
    assert server.url == url
    assert server.pid != pid


@as_root
def test_an_ordinary_user_starts_servers(folder: Path) -> None:
    home = folder / "of-nobody"
    home.mkdir()
    os.chown(home, 65534, 65534)
    packages = Path(asyncpg.__file__).parent
    if not can_reach(Servant(65534, 65534), packages):
        pytest.skip("this Python's packages are under a closed folder")
    for name in ("postgres", "valkey"):
        parent, url, pid = start_in_another_process(name, home, uid=65534)
        assert url.startswith(("postgresql://", "redis://"))
        assert Path(f"/proc/{pid}").stat().st_uid == 65534
        parent.terminate()
        parent.wait()


@as_root
def test_root_keeps_data_elsewhere_when_the_folder_is_closed_to_the_server(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedValkey(closed)
    try:
        server.start()
        assert (closed / "valkey").is_symlink()
        assert server.home == (closed / "valkey").resolve()
        Redis.from_url(server.url).set("kept", "42")
        server.stop()
        server.start()
        assert Redis.from_url(server.url).get("kept") == b"42"
    finally:
        server.stop()
        remove_home(closed / "valkey")
    assert not server.home.exists()


def test_chosen_ports_are_free_and_a_preferred_one_is_kept() -> None:
    port = choose_port()
    assert is_free(port)
    assert choose_port(port) == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert choose_port(port) != port


def start_in_another_process(name: str, folder: Path, uid: int = 0) -> tuple[subprocess.Popen[str], str, int]:
    process = subprocess.Popen(
        [sys.executable, "-c", START_AND_SLEEP, name, str(folder), str(uid)],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url, pid = process.stdout.readline().split()
    return process, url, int(pid)
