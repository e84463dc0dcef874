"""The command `bellwork`."""

import asyncio
import importlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from cli.bulk_jobs import cancel, redrive
from cli.database import faults_told
from cli.demo.stage import DemoError
from cli.doctor import examine
from cli.embedded import EmbeddedPostgres, ServerError
from cli.embedded.privileges import PrivilegeError, remove_home
from cli.environment import OWNER_URL, STATE_FOLDER, adopt_settings, running_platform
from cli.job_logs import logs
from cli.jobs import app as jobs
from cli.jobs import queues
from cli.keys import app as keys
from cli.kinds import app as kinds
from cli.platform import AlreadyRunningError, LocalPlatform, PlatformError
from cli.processes import ProcessError
from cli.schedules import schedules
from cli.screen import console, fail, say
from cli.state import DEMO_FOLDER
from cli.state import remove_state as _remove_state
from cli.watching import watch

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Bellwork: durable jobs for a teaching business.")
migrations = typer.Typer(no_args_is_help=True, help="The versions of the tables.")
app.add_typer(migrations, name="migrations")
app.add_typer(jobs, name="jobs")
app.add_typer(kinds, name="kinds")
app.add_typer(keys, name="keys")
app.command()(queues)
app.command()(schedules)
jobs.command()(cancel)
jobs.command()(redrive)
jobs.command()(logs)
jobs.command()(watch)

root = Path()
state_dir = root / STATE_FOLDER

_LABELS = {"api": "API", "swagger": "Swagger UI", "metrics": "Metrics", "flower": "Flower"}


@app.command()
def up() -> None:
    """Run the platform on this machine until Ctrl-C."""
    platform = LocalPlatform(root, on_progress=_tell)
    with _stop_by_signal(), _reported_faults(), platform:
        try:
            platform.start()
            os.environ.update(platform.settings)
            _show_addresses(platform.urls)
            _show_logins(platform)
            threading.Event().wait()
        except KeyboardInterrupt:
            _tell("stopping; data stay in .bellwork/")


@app.command()
def migrate() -> None:
    """Bring the tables to their newest version."""
    adopt_settings(root)
    if "BELLWORK_DATABASE_URL" in os.environ:
        _migrate(os.environ["BELLWORK_DATABASE_URL"])
    else:
        with _reported_faults(), LocalPlatform(root, on_progress=_tell) as platform:
            platform.start(processes=())
    say("the tables are at their newest version")


@app.command()
def create_admin(email: str) -> None:
    """Create an administrator; the password is shown once."""
    adopt_settings(root)
    if "BELLWORK_DATABASE_URL" not in os.environ:
        fail("set BELLWORK_DATABASE_URL, or start the platform first: make up")
    bootstrap = importlib.import_module("models.identity.bootstrap")
    with faults_told():
        password = asyncio.run(bootstrap.create_admin(os.environ["BELLWORK_DATABASE_URL"], email))
    say(f"{email}, password {password}")


@app.command()
def demo() -> None:
    """Play the main jobs on a platform of its own, leave demo-output/, stop everything."""
    with _stop_by_signal(), _reported_faults():
        try:
            importlib.import_module("cli.demo.play").play(root, console)
        except KeyboardInterrupt:
            fail("the demo was interrupted; everything is stopped")


@migrations.command()
def check() -> None:
    """Compare the tables that the migrations make, in a throwaway database, with those that the code has."""
    with _reported_faults(), _throwaway_database() as url:
        _migrations_run().upgrade(url)
        differences = _migrations_run().check(url)
    if differences:
        fail("the migrations do not make the tables of the code:\n" + "\n".join(differences))
    say("the migrations make the tables of the code")


@app.command()
def doctor() -> None:
    """Check settings, connections, versions, migrations and clocks; say what to do about each fault."""
    adopt_settings(root)
    findings = examine(state_dir)
    for finding in findings:
        mark = ("✗", "red") if finding.is_fault else ("✓", "green")
        say(mark, " ", (f"{finding.subject:<10}", "bold"), " ", finding.found)
        if finding.remedy is not None:
            say(f"             → {finding.remedy}")
    if "BELLWORK_DATABASE_URL" not in os.environ and not running_platform(state_dir):
        say("no settings are given and no platform runs in this checkout: `make up` starts one")
    if any(finding.is_fault for finding in findings):
        raise typer.Exit(1)


@app.command(hidden=True)
def remove_state() -> None:
    """Delete the local platform's data, wherever the servers keep them."""
    if running := running_platform(state_dir):
        fail(f"the platform runs in this checkout, as process {running.get('pid')}: stop it first")
    if running := running_platform(state_dir / DEMO_FOLDER):
        fail(f"the demo is played in this checkout, by process {running.get('pid')}: wait for its end")
    _remove_state(state_dir / DEMO_FOLDER)
    _remove_state(state_dir)


def _tell(step: str) -> None:
    say(("·", "dim"), " ", step)


def _show_addresses(urls: dict[str, str]) -> None:
    for name, url in urls.items():
        say((f"{_LABELS.get(name, name):<10}", "bold"), "  ", url)


def _show_logins(platform: LocalPlatform) -> None:
    user = platform.settings.get("BELLWORK_FLOWER_USER", "operator")
    say(f"Flower's login: {user}, password {platform.settings['BELLWORK_FLOWER_PASSWORD']}")
    bootstrap = importlib.import_module("models.identity.bootstrap")
    admin = asyncio.run(bootstrap.ensure_admin(platform.database_url))
    if admin is not None:
        email, password = admin
        say(f"first administrator, shown only now: {email}, password {password}")
    say("logs are in .bellwork/log/; Ctrl-C stops everything")


@contextmanager
def _stop_by_signal() -> Iterator[None]:
    """The first SIGINT or SIGTERM raises KeyboardInterrupt; further ones do not disturb the stopping."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupt)
    yield


@contextmanager
def _reported_faults() -> Iterator[None]:
    """Turn what can go wrong at start-up into a message and exit code 1."""
    try:
        yield
    except AlreadyRunningError as error:
        say((str(error), "yellow"))
        _show_addresses(error.note.get("urls", {}))
        raise typer.Exit(1) from None
    except (PlatformError, ServerError, PrivilegeError, ProcessError, DemoError) as error:
        fail(str(error))


@contextmanager
def _throwaway_database() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="bellwork-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, fsync=False)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        remove_home(folder / server.name)
        shutil.rmtree(folder, ignore_errors=True)


def _migrate(application_url: str) -> None:
    try:
        with faults_told():
            _migrations_run().upgrade(os.environ.get(OWNER_URL) or application_url, application_url)
    except importlib.import_module("models.migrations.roles").RoleError as error:
        fail(str(error))


def _migrations_run() -> Any:
    return importlib.import_module("models.migrations.run")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
