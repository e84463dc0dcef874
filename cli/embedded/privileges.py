"""Which user an embedded server runs as, and how its programs and its data come within that user's reach.

PostgreSQL refuses to run as root. Started by root, a server runs as an unprivileged user; programs under a
closed home are copied once to a place that only root can write, and data go where that user can go.
Started by anybody else, it runs as that user and nothing of this applies.
"""

import hashlib
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SHARED_PLACES = (Path("/var/lib/bellwork-embedded"), Path("/var/tmp/bellwork-embedded"))
_NOBODY = 65534


class PrivilegeError(Exception):
    """The unprivileged user cannot be used on this machine; the message says what to do."""


@dataclass(frozen=True)
class Servant:
    """The unprivileged user that runs servers for root."""

    uid: int
    gid: int


def find_servant(home: Path) -> Servant | None:
    """None unless this process is root's: then who owns `home` already, else the user nobody.

    BELLWORK_EMBEDDED_UID names another user than nobody.
    """
    if os.geteuid() != 0:
        return None
    if shutil.which("setpriv") is None:
        raise PrivilegeError(
            "embedded servers do not run as root without the program setpriv (package util-linux): "
            "install it, or run as an ordinary user"
        )
    if home.exists() and (owner := home.stat()).st_uid != 0:
        return Servant(owner.st_uid, owner.st_gid)
    uid = int(os.environ.get("BELLWORK_EMBEDDED_UID", _NOBODY))
    return Servant(uid, uid)


def launch_prefix(servant: Servant | None, parent_death_signal: str) -> list[str]:
    """What to put before a command so that it runs as the servant and ends with the thread that starts it."""
    if shutil.which("setpriv") is None:
        return []
    prefix = ["setpriv", "--pdeathsig", parent_death_signal]
    if servant is not None:
        prefix += [f"--reuid={servant.uid}", f"--regid={servant.gid}", "--clear-groups"]
    return [*prefix, "--"]


def can_run(servant: Servant, program: Path) -> bool:
    return _succeeds(servant, str(program), "--version")


def can_reach(servant: Servant, folder: Path) -> bool:
    """Whether the servant may enter the folder and all folders above it."""
    return _succeeds(servant, "test", "-x", str(folder))


def _succeeds(servant: Servant, *command: str) -> bool:
    # By way of `env`: setpriv itself still has root's rights on files when it starts a program.
    through = [*launch_prefix(servant, "KILL"), "env", *command]
    return subprocess.run(through, cwd="/", capture_output=True, check=False).returncode == 0


def reachable_program(servant: Servant | None, program: Path, tree: Path, parts: Sequence[str]) -> Path:
    """The program itself, or its copy when the servant cannot run it where it is.

    `tree` is the folder whose `parts` (relative, missing ones skipped) keep their layout in the copy.
    """
    if servant is None or can_run(servant, program):
        return program
    digest = hashlib.sha256(program.read_bytes()).hexdigest()[:16]
    copy = shared_place() / f"{program.name}-{digest}"
    if not copy.exists():
        _copy_parts(tree, parts, copy)
    moved = copy / program.relative_to(tree)
    if not can_run(servant, moved):
        raise PrivilegeError(f"user {servant.uid} cannot run {moved}: is that file system mounted noexec?")
    return moved


def _copy_parts(tree: Path, parts: Sequence[str], target: Path) -> None:
    unfinished = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        for part in parts:
            if (tree / part).is_dir():
                shutil.copytree(tree / part, unfinished / part, symlinks=True)
        _open_to_all(unfinished)
        unfinished.rename(target)
    except OSError:
        if not target.exists():  # else another process was first with the same copy
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_all(tree: Path) -> None:
    """Give everybody what the owner may read and enter, whatever umask the packages were installed with."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)


def shared_place() -> Path:
    """A folder that everybody can enter and only root can write."""
    for place in _SHARED_PLACES:
        try:
            place.mkdir(mode=0o755, exist_ok=True)
            found = place.lstat()
        except OSError:
            continue
        writable_by_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not writable_by_others:
            place.chmod(0o755)
            return place
    raise PrivilegeError(f"none of {', '.join(map(str, _SHARED_PLACES))} can be a folder that only root writes")


def prepare_home(servant: Servant | None, home: Path) -> Path:
    """Make the folder a server keeps its state in, owned by the user that runs it.

    Where the servant cannot go, `home` becomes a link to a folder of its own in the shared place.
    """
    if servant is None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if home.is_symlink() and not home.exists():
        home.unlink()
    if not home.exists():
        _make_home(servant, home)
    folder = home.resolve()
    if not can_reach(servant, folder.parent):
        raise PrivilegeError(f"user {servant.uid} can no longer enter {folder.parent}: open it (chmod a+x)")
    return folder


def _make_home(servant: Servant, home: Path) -> None:
    folder = home
    if not can_reach(servant, home.parent):
        folder = shared_place() / f"data-of-{home.name}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    os.chown(folder, servant.uid, servant.gid)
    if folder != home:
        home.symlink_to(folder)


def give_to(servant: Servant | None, path: Path) -> None:
    if servant is not None:
        os.chown(path, servant.uid, servant.gid, follow_symlinks=False)


def remove_home(home: Path) -> None:
    """Delete a server's state, also where it is a link to the shared place."""
    folder = home.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    if home.is_symlink():
        home.unlink()
