"""The Procfile, the one place that says which processes the platform has."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template


def read_procfile(path: Path, env: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The command of each process, its `$NAME`s filled in from `env`, `python` being the one that runs us."""
    commands = {}
    for line in path.read_text().splitlines():
        name, separator, command = line.partition(":")
        if not separator or line.startswith("#"):
            continue
        words = [Template(word).safe_substitute(env) for word in shlex.split(command)]
        commands[name.strip()] = tuple(sys.executable if word == "python" else word for word in words)
    return commands
