"""Files in a folder and in a real S3 API: the same promises."""

import asyncio
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from models.kernel.errors import NotFound, Unavailable
from models.kernel.files import READ_CHUNK_BYTES, FileStore, scratch_folder
from tests.support.mounts import run_with_mounts

CONTENT = bytes(range(256)) * 4096 * 9  # more than one part of an upload and several chunks of a download
CREDENTIALS = "region=us-east-1&access_key_id=key&secret_access_key=a%2Fsecret"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/bucket", method="PUT")).close()
    yield endpoint
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "folder":
        return FileStore(f"file:{tmp_path}/store")
    endpoint = request.getfixturevalue("s3_endpoint")
    return FileStore(f"s3://bucket/bellwork/{tmp_path.name}?endpoint={endpoint}&{CREDENTIALS}")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return written(tmp_path / "source", CONTENT)


async def content(store: FileStore, key: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start, end)])


async def test_a_stored_file_is_read_back_in_small_chunks(store: FileStore, source: Path) -> None:
    stored = await store.put("exports/a.csv", source)
    assert stored.size == len(CONTENT)
    assert stored == await store.stat("exports/a.csv")
    sizes = [len(chunk) async for chunk in store.read("exports/a.csv", 0, stored.size)]
    assert max(sizes) <= READ_CHUNK_BYTES
    assert await content(store, "exports/a.csv", 0, stored.size) == CONTENT


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (5, 5), (7, 300), (READ_CHUNK_BYTES - 1, READ_CHUNK_BYTES + 1), (len(CONTENT) - 1, len(CONTENT))],
)
async def test_any_part_of_a_file_can_be_read(store: FileStore, source: Path, start: int, end: int) -> None:
    await store.put("a", source)
    assert await content(store, "a", start, end) == CONTENT[start:end]


async def test_a_file_is_replaced_as_a_whole_and_has_another_tag(store: FileStore, source: Path) -> None:
    first = await store.put("a", source)
    second = await store.put("a", written(source, b"new"))
    assert await content(store, "a", 0, second.size) == b"new"
    assert first.etag != second.etag


async def test_whoever_reads_while_a_file_is_replaced_sees_one_of_both(store: FileStore, source: Path) -> None:
    contents = (CONTENT, CONTENT[::-1] + b"longer by one")
    await store.put("a", source)
    for new in contents[::-1]:
        replacing = asyncio.create_task(store.put("a", written(source, new)))
        while not replacing.done():
            assert (await store.stat("a")).size in map(len, contents)
            assert await content(store, "a", 0, 12) in (each[:12] for each in contents)
        await replacing
        assert await content(store, "a", 0, len(new)) == new


async def test_a_missing_file_is_told(store: FileStore) -> None:
    with pytest.raises(NotFound):
        await store.stat("nothing")
    with pytest.raises(NotFound):
        await content(store, "nothing", 0, 1)
    await store.delete("nothing")


async def test_a_deleted_file_is_gone(store: FileStore, source: Path) -> None:
    await store.put("a", source)
    await store.delete("a")
    with pytest.raises(NotFound):
        await store.stat("a")


async def test_an_s3_without_its_bucket_or_away_is_unavailable(s3_endpoint: str, source: Path) -> None:
    for url in (
        f"s3://missing?endpoint={s3_endpoint}&{CREDENTIALS}",
        f"s3://bucket?endpoint=http://127.0.0.1:9&{CREDENTIALS}",
    ):
        with pytest.raises(Unavailable):
            await FileStore(url).put("a", source)


@pytest.mark.parametrize("url", ["nonsense", "ftp://files.example", "s3://bucket?colour=blue", "s3://bucket?endpoint"])
def test_a_url_that_is_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="BELLWORK_FILES_URL"):
        FileStore(url)


def test_a_relative_folder_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FileStore("file:state/files")
    assert (tmp_path / "state/files").is_dir()


FILL = """
import asyncio, errno, pathlib, subprocess, sys
from models.kernel.files import FileStore, scratch_folder
disk = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], check=True)
store = FileStore(f"file:{disk}/store")
try:
    asyncio.run(store.put("a", pathlib.Path(sys.argv[2])))
except OSError as error:
    assert error.errno == errno.ENOSPC, error
    left = [path.name for path in (disk / "store").rglob("*") if path.is_file()]
    print("full, left:", left)
"""


def test_a_full_disk_is_an_error_of_the_system_and_leaves_nothing(tmp_path: Path, source: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    done = run_with_mounts(FILL, disk, source)
    assert done.stdout == "full, left: []\n", done.stderr


def test_a_scratch_folder_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with scratch_folder(str(tmp_path / "scratch"), "job") as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "half").write_text("…")
    assert os.listdir(tmp_path / "scratch") == []


def test_a_scratch_folder_goes_with_the_error_that_ends_its_use(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), scratch_folder(str(tmp_path), "job"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_a_scratch_folder_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable), scratch_folder(str(tmp_path / "file"), "job"):
        pass
