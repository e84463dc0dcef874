"""Looking for a person in files: CSV, sheets, and archives of JSON."""

import zipfile
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import IO

import msgspec

from models.privacy.persons import Person

Finder = Callable[[bytes], bool]
CHUNK_BYTES = 1024 * 1024
OVERLAP_BYTES = 16 * 1024


def finder_of(person: Person) -> Finder:
    """Whether bytes hold an id or a name of the person, as it stands in text, JSON, XML or CSV."""
    sought = {str(id_).encode() for id_ in (*person.users, *person.ids)}
    for value in person.naming:
        in_json = msgspec.json.encode(value).decode()[1:-1]
        forms = (value, in_json, escape(value), escape(value, quote=False), value.replace('"', '""'))
        sought |= {form.lower().encode() for form in forms}

    def holds(content: bytes) -> bool:
        lowered = content.decode(errors="replace").lower().encode()
        return any(each in lowered for each in sought)

    return holds


def file_holds(path: Path, holds: Finder) -> bool:
    with path.open("rb") as file:
        return any(holds(part) for part in _parts(file))


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    """The content in overlapping parts; of an archive that of all in it, and of the archives in there."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        yield from _overlapping(file)
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                yield from _parts(member) if name.endswith((".zip", ".xlsx")) else _overlapping(member)


def _overlapping(file: IO[bytes]) -> Iterator[bytes]:
    tail = b""
    while chunk := file.read(CHUNK_BYTES):
        yield tail + chunk
        tail = chunk[-OVERLAP_BYTES:]
