"""A group of child processes that is started, kept running and ended as one."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.logs import open_log, tail

_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_SETTLE_SECONDS = 1.0
_TICK_SECONDS = 0.1


class ProcessError(Exception):
    """A process of the group did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class ProcessSpec:
    """What to run. `env` is the whole environment of the process, nothing is inherited beside it."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    ready: Callable[[], bool] | None = None  # without it: ready when it has lived for a second


class _Child:
    """One process of the group over all its restarts. Used by the keeper's thread only, but for reading."""

    def __init__(self, spec: ProcessSpec, log_path: Path, cwd: Path) -> None:
        self.spec = spec
        self.log_path = log_path
        self.cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restarts = -1
        self.wanted = True
        self._backoff = _FIRST_BACKOFF_SECONDS
        self._start_at = 0.0
        self._kill_at: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended at least once since the group started it."""
        return self.restarts > 0 or (self.restarts == 0 and self.process is None)

    def tend(self, grace_seconds: float) -> str | None:
        """Do what is due now: start, end, start again. Returns what there is to tell."""
        now = time.monotonic()
        if self.process is None:
            if self.wanted and now >= self._start_at:
                self._spawn()
            return None
        if _has_ended(self.process.pid):
            return self._bury(now)
        if not self.wanted:
            self._ask_to_end(now + grace_seconds)
            if self._kill_at is not None and now > self._kill_at:
                self.signal(signal.SIGKILL)
        return None

    def signal(self, number: int) -> None:
        """SIGKILL goes to the whole process group, any other signal to the process itself."""
        if self.process is None:
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                os.kill(self.process.pid, number)
        except ProcessLookupError:
            pass

    def _ask_to_end(self, kill_at: float) -> None:
        if self._kill_at is None:
            self._kill_at = kill_at
            self.signal(signal.SIGTERM)

    def _spawn(self) -> None:
        # Should we be killed, the kernel sends SIGTERM to the child.
        with_parent = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with open_log(self.log_path) as log:
            self.process = subprocess.Popen(
                [*with_parent, *self.spec.command],
                env=dict(self.spec.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self._kill_at = None
        self.restarts += 1

    def _bury(self, now: float) -> str | None:
        """Reap the ended process after what is left of its group, and plan its next start."""
        assert self.process is not None
        self.signal(signal.SIGKILL)  # until we reap its leader, the group's number is ours
        process, self.process = self.process, None
        status = process.wait()
        if now - self.started_at > _STEADY_SECONDS:
            self._backoff = _FIRST_BACKOFF_SECONDS
        self._start_at = now + self._backoff
        backoff, self._backoff = self._backoff, min(self._backoff * 2, _LONGEST_BACKOFF_SECONDS)
        if not self.wanted:
            return None
        return f"{self.spec.name} {_describe_end(status)}; it starts again in {backoff:g} s"


class ProcessGroup:
    """Children with their output in `log_dir/<name>.log`, started again when they die.

    One thread starts and watches them all; a child ends when that thread, and so this process, does.
    """

    def __init__(
        self,
        log_dir: Path,
        cwd: Path,
        *,
        grace_seconds: float = 20.0,
        on_event: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._log_dir = log_dir
        self._cwd = cwd
        self._grace_seconds = grace_seconds
        self._on_event = on_event
        self._children: dict[str, _Child] = {}
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="process-keeper", daemon=True)

    @property
    def names(self) -> list[str]:
        return list(self._children)

    def start(
        self,
        specs: Iterable[ProcessSpec],
        ready_seconds: float = 60.0,
        on_ready: Callable[[str], None] = lambda name: None,
    ) -> None:
        """Start all, beside those started before, and return when each is ready.

        Raises ProcessError when one ends before it is ready, or is not ready in time; the others run on.
        """
        started = [_Child(spec, self._log_dir / f"{spec.name}.log", self._cwd) for spec in specs]
        self._children = {**self._children, **{child.spec.name: child for child in started}}
        if not self._keeper.is_alive():
            self._keeper.start()
        deadline = time.monotonic() + ready_seconds
        for child in started:
            self._wait_ready(child, deadline, may_end=False)
            on_ready(child.spec.name)

    def wait_ready(self, name: str, seconds: float = 60.0) -> None:
        """Wait for a process that has been killed or resumed. Raises ProcessError when it takes too long."""
        self._wait_ready(self._children[name], time.monotonic() + seconds, may_end=True)

    def _wait_ready(self, child: _Child, deadline: float, *, may_end: bool) -> None:
        while not _is_ready(child):
            late = time.monotonic() > deadline
            if late or (child.has_ended and not may_end):
                end = "was not ready in time" if late else "ended before it was ready"
                log = tail(child.log_path, 100)  # a panic's words stand above its long backtrace
                raise ProcessError(f"{child.spec.name} {end}; the end of {child.log_path}:\n{log}")
            time.sleep(_TICK_SECONDS)

    def pid(self, name: str) -> int | None:
        process = self._children[name].process
        return process.pid if process else None

    def restarts(self, name: str) -> int:
        return max(self._children[name].restarts, 0)

    def kill(self, name: str) -> None:
        """SIGKILL the process and all its own children, as a crash of the machine would. It starts again."""
        child = self._children[name]
        killed = child.process
        child.signal(signal.SIGKILL)
        while killed is not None and child.process is killed:
            time.sleep(_TICK_SECONDS / 5)

    def send_signal(self, name: str, number: int) -> None:
        self._children[name].signal(number)

    def pause(self, name: str) -> None:
        """End the process in order and keep it from starting; returns when it has ended."""
        child = self._children[name]
        child.wanted = False
        while child.process is not None:
            time.sleep(_TICK_SECONDS)

    def resume(self, name: str) -> None:
        self._children[name].wanted = True

    def stop(self) -> None:
        """End all: SIGTERM in reverse order of start, after the grace period SIGKILL to what is left."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()

    def _keep(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            for child in self._children.values():
                self._tend(child)
        self._end_all()

    def _end_all(self) -> None:
        children = list(reversed(self._children.values()))
        for child in children:
            child.wanted = False
        while any(child.process for child in children):
            for child in children:
                self._tend(child)
            time.sleep(_TICK_SECONDS / 5)

    def _tend(self, child: _Child) -> None:
        try:
            told = child.tend(self._grace_seconds)
        except OSError as error:
            told = f"{child.spec.name} cannot be started: {error}"
            child.wanted = False
        if told is not None:
            self._on_event(told)


def _is_ready(child: _Child) -> bool:
    if child.process is None:
        return False
    return child.spec.ready() if child.spec.ready else time.monotonic() - child.started_at > _SETTLE_SECONDS


def _has_ended(pid: int) -> bool:
    """Whether our child has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit code {status}"
