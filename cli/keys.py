"""The keys that secrets are encrypted by: `bellwork keys …`."""

import typer
from rich.table import Table

import models.all_contexts  # noqa: F401
from cli.jobs import console, run_on_database
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
    table = Table(box=None, header_style="bold", pad_edge=False)
    unknown = sorted({name for each in counts for name in each.by_key} - set(ring))
    for heading in ("column", f"{ring[0]} (newest)", *ring[1:], *(f"{name} (not in the ring)" for name in unknown)):
        table.add_column(heading)
    for each in counts:
        numbers = (str(each.by_key.get(name, 0)) for name in (*ring, *unknown))
        table.add_row(f"{each.table}.{each.column}", *numbers)
    console.print(table)


@app.command()
def rotate() -> None:
    """Seal everything by the newest key, in the background; an older one can go once nothing needs it."""
    options = JobOptions(dedupe_key="all")
    job = run_on_database(lambda database: enqueue(database, SYSTEM, RotateKeys(), options))
    console.print(f"bellwork jobs watch {job.id}")
