"""The keys that secrets are encrypted by: `bellwork keys …`."""

import typer

from cli.database import run_on_database
from cli.screen import say, show_rows
from models.jobs.service import JobOptions, enqueue
from models.kernel.actor import SYSTEM
from models.kernel.crypto import KeyRing
from models.kernel.settings import load_settings
from models.privacy.jobs import RotateKeys
from models.privacy.sealing import count_sealed

app = typer.Typer(no_args_is_help=True, help="The keys of what is encrypted.")


@app.command()
def status() -> None:
    """How many values each key is still needed for, table by table."""
    counts = run_on_database(count_sealed)
    ring = KeyRing(load_settings().encryption_keys).names
    unknown = sorted({name for each in counts for name in each.by_key} - set(ring))
    headings = ("column", f"{ring[0]} (newest)", *ring[1:], *(f"{name} (not in the ring)" for name in unknown))
    rows = (
        [f"{each.table}.{each.column}", *(str(each.by_key.get(name, 0)) for name in (*ring, *unknown))]
        for each in counts
    )
    show_rows([(heading,) for heading in headings], rows)


@app.command()
def rotate() -> None:
    """Seal everything by the newest key, in the background; an older one can go once nothing needs it."""
    options = JobOptions(dedupe_key="all")
    job = run_on_database(lambda database: enqueue(database, SYSTEM, RotateKeys(), options))
    say(f"bellwork jobs watch {job.id}")
