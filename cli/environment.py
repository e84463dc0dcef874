"""Where the settings of a local platform come from.

In order: the process's environment, the file `.env`, and for what neither names, the defaults of a
development machine: secrets generated once in `.bellwork/secrets.env` and servers that come with the
packages.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from cli.embedded.server import write_private
from cli.locks import is_locked, read_note

PREFIX = "BELLWORK_"
OWNER_URL = "BELLWORK_DATABASE_OWNER_URL"
STATE_FOLDER = ".bellwork"
PLATFORM_LOCK = "up.lock"

_DEVELOPMENT = {
    "BELLWORK_ENV": "development",
    "BELLWORK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    "BELLWORK_WEBHOOK_ALLOW_HTTP": "true",
}


def given_settings(root: Path) -> dict[str, str]:
    """The BELLWORK_* settings of the environment over those of `.env`."""
    merged = {**dotenv_values(root / ".env"), **os.environ}
    return {name: value for name, value in merged.items() if name.startswith(PREFIX) and value is not None}


def local_settings(given: Mapping[str, str], state_dir: Path) -> dict[str, str]:
    """What is given, with a development machine's defaults under it. Nothing is added for production."""
    if given.get("BELLWORK_ENV", "development") == "production":
        return dict(given)
    defaults = {**_DEVELOPMENT, "BELLWORK_FILES_URL": f"file:{state_dir / 'files'}", **own_secrets(state_dir)}
    return {**defaults, **given}


def own_secrets(state_dir: Path) -> dict[str, str]:
    """The secrets of this checkout, generated on first use."""
    path = state_dir / "secrets.env"
    known = {name: value for name, value in dotenv_values(path).items() if value}
    generated = {
        "BELLWORK_SECRET_KEY": secrets.token_urlsafe(48),
        "BELLWORK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "BELLWORK_FLOWER_PASSWORD": secrets.token_urlsafe(12),
    }
    if not generated.keys() <= known.keys():
        known = {**generated, **known}
        write_private(path, "".join(f"{name}={value}\n" for name, value in known.items()))
    return known


def running_platform(state_dir: Path) -> dict[str, object]:
    """What the platform that runs in this checkout has noted (pid, urls, settings); empty when none runs."""
    lock = state_dir / PLATFORM_LOCK
    return read_note(lock) if is_locked(lock) else {}


def adopt_settings(root: Path) -> None:
    """Use the settings of the platform that runs in this checkout, where none are given."""
    noted, given = running_platform(root / STATE_FOLDER).get("settings", {}), given_settings(root)
    if isinstance(noted, dict):
        if "BELLWORK_DATABASE_URL" in given:
            noted = {name: value for name, value in noted.items() if name != OWNER_URL}
        given = {**noted, **given}
    os.environ.update(given)
