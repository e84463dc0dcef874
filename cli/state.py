"""What the platforms of this checkout leave on disk."""

import shutil
from pathlib import Path

from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.embedded.privileges import remove_home

DEMO_FOLDER = "demo"


def remove_state(state_dir: Path) -> None:
    """Delete the data of a platform that does not run, wherever its servers keep them."""
    for server in (EmbeddedPostgres, EmbeddedValkey):
        remove_home(state_dir / server.name)
    shutil.rmtree(state_dir, ignore_errors=True)
