"""An export to XLSX moves the temporary folder of its process, which here is the tests' own."""

import tempfile

import pytest


@pytest.fixture(autouse=True)
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards."""
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
