"""What the embedded servers have in common: their place on disk, their port, their life."""

import json
import os
import secrets
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from cli.embedded.ports import choose_port
from cli.embedded.privileges import find_servant, launch_prefix, prepare_home
from cli.locks import FileLock, LockTakenError
from cli.logs import open_log, tail

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class ServerError(Exception):
    """An embedded server cannot run; the message says why, with the end of its log."""


class EmbeddedServer(ABC):
    """One server process with its data under `state_dir`.

    `state_dir` holds `<name>/` (the data, or a link to them), `<name>.json` (port and password),
    `<name>.lock` and `log/<name>.log`. The server ends with the *thread* that called `start()` (on Linux),
    so call it from one that lives as long as the server should.
    """

    name: ClassVar[str]

    def __init__(self, state_dir: Path, *, fsync: bool = True) -> None:
        self.state_dir = state_dir.absolute()
        self.fsync = fsync
        self.port = 0
        self.password = ""
        self.log_path = self.state_dir / "log" / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = FileLock(self.state_dir / f"{self.name}.lock")

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server, creating its data on first use, and return when it answers.

        Its port stays the same from start to start, unless another program has taken it meanwhile.
        Raises ServerError when it does not come up or another process runs it already.
        """
        if self.running:
            return
        self.state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._take_lock()
        try:
            self.home = self.state_dir / self.name
            self.servant = find_servant(self.home)
            self.home = prepare_home(self.servant, self.home)
            self._end_orphan()
            fresh_password = self._load_record()
            self._prepare_data(fresh_password)
            self._launch_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the server in order: open connections are cut, everything is on disk when this returns."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._lock.release()

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._lock.release()

    @abstractmethod
    def _prepare_data(self, fresh_password: bool) -> None:
        """Create the data when there are none; give existing ones the password when it is a new one."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @abstractmethod
    def _orphan_pid(self) -> int | None:
        """The server that still runs on these data although whoever started it is gone."""

    def _may_start_later(self, log: str) -> bool:
        """Whether what the server said when it ended hastily goes away by itself."""
        return "Address already in use" in log

    def _take_lock(self) -> None:
        try:
            self._lock.acquire()
        except LockTakenError as error:
            raise ServerError(
                f"{self.name} of {self.state_dir} is run by process {error.note.get('pid')} already"
            ) from None

    def _load_record(self) -> bool:
        """Read port and password of the last start. True when the password is a new one."""
        path = self.state_dir / f"{self.name}.json"
        try:
            record = json.loads(path.read_text())
        except (OSError, ValueError):
            record = {}
        fresh_password = "password" not in record
        self.password = record.get("password") or secrets.token_urlsafe(24)
        self.port = choose_port(record.get("port"))
        write_private(path, json.dumps({"port": self.port, "password": self.password}))
        return fresh_password

    def _launch_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            log_start = self._spawn()
            if self._wait_until_ready(deadline):
                return
            said = self.log_path.read_bytes()[log_start:].decode(errors="replace")
            if time.monotonic() > deadline or not self._may_start_later(said):
                raise ServerError(f"{self.name} did not start; the end of {self.log_path}:\n{tail(self.log_path)}")
            time.sleep(0.2)
            self._load_record()

    def _spawn(self) -> int:
        """Start the process with its output in the log. Returns where in the log its output begins."""
        with open_log(self.log_path) as log:
            log_start = log.tell()
            self._process = subprocess.Popen(
                [*launch_prefix(self.servant, "INT"), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=plain_environment(),
                start_new_session=True,
            )
        return log_start

    def _wait_until_ready(self, deadline: float) -> bool:
        """False when the process ended before it answered, or the deadline passed."""
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            if self._answers():
                return True
            time.sleep(0.05)
        return False

    def _end_orphan(self) -> None:
        """We hold the lock, so a server on these data has lost its parent: wait for its end, then end it."""
        waited_since = time.monotonic()
        while (pid := self._orphan_pid()) is not None:
            waited = time.monotonic() - waited_since
            if waited > _STOP_SECONDS:
                raise ServerError(f"{self.name} still runs as process {pid} and does not end: end it by hand")
            if waited > 2.0:
                os.kill(pid, signal.SIGINT)
                time.sleep(1.0)
            time.sleep(0.1)


def plain_environment() -> dict[str, str]:
    """What a server needs of the environment; none of our settings and secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    unfinished.replace(path)


def command_line_of(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    listing = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return listing.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    answer = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()
