"""The process group: children are kept running, and end as one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.processes import ProcessError, ProcessGroup, ProcessSpec
from tests.support.servers import REPOSITORY

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True)); " + SLEEP
TELLING = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("ended in order", flush=True)))
print("up", flush=True)
time.sleep(60)
"""
WITH_A_CHILD = """
import subprocess
child = subprocess.Popen(["sleep", "60"])
print("child", child.pid, flush=True)
child.wait()
"""
RUN_A_GROUP = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(REPOSITORY)!r})
from cli.processes import ProcessGroup, ProcessSpec
group = ProcessGroup(Path(sys.argv[1]), Path("/"))
group.start([ProcessSpec("sleeper", (sys.executable, "-c", {SLEEP!r}), {{}})])
print(group.pid("sleeper"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def group(tmp_path: Path, events: list[str]) -> Iterator[ProcessGroup]:
    group = ProcessGroup(tmp_path, tmp_path, grace_seconds=2.0, on_event=events.append)
    yield group
    group.stop()


def says(tmp_path: Path, name: str, text: str) -> Callable[[], bool]:
    log = tmp_path / f"{name}.log"
    return lambda: log.exists() and text in log.read_text()


def python(tmp_path: Path, name: str, code: str, ready: str = "up") -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code), {}, says(tmp_path, name, ready))


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text() if Path("/proc/self").exists() else ""
    except (ProcessLookupError, FileNotFoundError):  # it may end between the two looks
        return False
    return not stat.rpartition(")")[2].startswith(" Z")


def test_start_returns_when_all_are_ready_with_their_output_in_logs(group: ProcessGroup, tmp_path: Path) -> None:
    group.start([python(tmp_path, "one", SLEEP), python(tmp_path, "two", SLEEP)])
    assert group.names == ["one", "two"]
    assert (tmp_path / "two.log").read_text() == "up\n"


def test_a_killed_process_starts_again(group: ProcessGroup, tmp_path: Path, events: list[str]) -> None:
    group.start([python(tmp_path, "one", SLEEP)])
    first = group.pid("one")
    group.kill("one")
    until(lambda: group.restarts("one") == 1)
    assert group.pid("one") != first
    assert events == ["one was ended by SIGKILL; it starts again in 0.5 s"]


def test_a_kill_takes_the_children_of_the_process_too(group: ProcessGroup, tmp_path: Path) -> None:
    group.start([python(tmp_path, "one", WITH_A_CHILD, ready="child")])
    child = int((tmp_path / "one.log").read_text().split()[1])
    group.kill("one")
    until(lambda: not is_alive(child))


def test_what_a_dead_process_leaves_behind_ends_before_it_starts_again(group: ProcessGroup, tmp_path: Path) -> None:
    group.start([python(tmp_path, "one", WITH_A_CHILD, ready="child")])
    child = int((tmp_path / "one.log").read_text().split()[1])
    group.send_signal("one", signal.SIGTERM)
    until(lambda: group.restarts("one") == 1)
    until(lambda: not is_alive(child))


def test_a_process_that_ends_before_it_is_ready_is_named_with_its_log(group: ProcessGroup, tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"(?s)one ended before it was ready.*setting is missing"):
        group.start([python(tmp_path, "one", "raise SystemExit('a setting is missing')")])


def test_a_process_that_is_never_ready_is_named(group: ProcessGroup, tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="one was not ready in time"):
        group.start([python(tmp_path, "one", SLEEP, ready="never said")], ready_seconds=0.5)


def test_a_command_that_does_not_exist_is_named(group: ProcessGroup) -> None:
    with pytest.raises(ProcessError, match="one ended before it was ready"):
        group.start([ProcessSpec("one", ("/no/such/program",), {})])


def test_restarts_take_longer_each_time(group: ProcessGroup, tmp_path: Path, events: list[str]) -> None:
    go = tmp_path / "go"
    waits = f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    group.start([python(tmp_path, "one", f"import pathlib, time\nprint('up', flush=True)\n{waits}")])
    go.touch()
    until(lambda: len(events) == 2)
    assert events == [
        "one ended with exit code 0; it starts again in 0.5 s",
        "one ended with exit code 0; it starts again in 1 s",
    ]


def test_a_paused_process_stays_away_until_it_is_resumed(group: ProcessGroup, tmp_path: Path) -> None:
    """Another that ends after it is there again before."""
    group.start([python(tmp_path, "one", SLEEP), python(tmp_path, "other", SLEEP)])
    group.pause("one")
    group.kill("other")
    until(lambda: group.restarts("other") == 1)
    assert group.pid("one") is None
    group.resume("one")
    group.wait_ready("one")
    assert is_alive(group.pid("one"))


def test_stop_lets_all_end_in_order(tmp_path: Path) -> None:
    group = ProcessGroup(tmp_path, tmp_path)
    group.start([python(tmp_path, name, TELLING) for name in ("one", "two", "three")])
    pids = [group.pid(name) for name in group.names]
    group.stop()
    assert not any(is_alive(pid) for pid in pids)
    assert all((tmp_path / f"{name}.log").read_text() == "up\nended in order\n" for name in group.names)


def test_stop_kills_what_does_not_end_in_its_grace_period(group: ProcessGroup, tmp_path: Path) -> None:
    group.start([python(tmp_path, "one", STUBBORN)])
    pid = group.pid("one")
    group.stop()
    assert not is_alive(pid)
    assert (tmp_path / "one.log").read_text() == "up\nno\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_end_when_their_group_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN_A_GROUP, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        sleeper = int(parent.stdout.readline())
        assert is_alive(sleeper)
        parent.kill()
    until(lambda: not is_alive(sleeper))
