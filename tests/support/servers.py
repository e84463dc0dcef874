"""Real servers for tests, in a folder of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.embedded.privileges import remove_home

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Servers:
    """Both keep their ports when a test stops or kills one and starts it again."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey


@contextmanager
def running_servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey without fsync, gone with their data at the end."""
    with server_folder() as folder:
        servers = Servers(folder, EmbeddedPostgres(folder, fsync=False), EmbeddedValkey(folder, fsync=False))
        try:
            servers.postgres.start()
            servers.valkey.start()
            yield servers
        finally:
            servers.valkey.stop()
            servers.postgres.stop()


@contextmanager
def running_valkey() -> Iterator[EmbeddedValkey]:
    """For a test that takes it away."""
    with server_folder() as folder:
        valkey = EmbeddedValkey(folder, fsync=False)
        try:
            valkey.start()
            yield valkey
        finally:
            valkey.stop()


@contextmanager
def server_folder() -> Iterator[Path]:
    """A temporary folder that the unprivileged user of root's servers can enter: pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="bellwork-tests-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for server in (EmbeddedPostgres, EmbeddedValkey):
            remove_home(folder / server.name)
        shutil.rmtree(folder, ignore_errors=True)
