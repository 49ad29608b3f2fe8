"""The real client of the hub, at a stand-in on this machine."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import filelock
import pytest
from huggingface_hub import constants, file_download

from bot.errors import DownloadFailed
from models import hub as module
from models.hub import Fetched, Source, fetch
from tests.models.hub_server import Hub

SOURCE = Source("acme/tiny-GGUF", "tiny-Q8_0.gguf")
NAME = f"{SOURCE.repository}/{SOURCE.file}"
CONTENT = b"GGUF" + random.Random(0).randbytes(300_000)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub({NAME: CONTENT}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        # between two tries the client waits a second, and it reads ten megabytes at a time
        monkeypatch.setattr(file_download.time, "sleep", lambda _: None)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


class Watched:
    """What is told of the progress."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    @contextmanager
    def __call__(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count

        yield more
        self.told.append((what, done, total))


def fetched(folder: Path) -> Fetched:
    return fetch(SOURCE, folder, Watched())


def parts(folder: Path) -> list[Path]:
    return list(folder.glob("*.part"))


def failed(folder: Path, source: Source = SOURCE) -> str:
    with pytest.raises(DownloadFailed) as raised:
        fetch(source, folder, Watched())
    said = str(raised.value)
    assert "\n" not in said
    assert list(folder.glob("*.gguf")) == []
    return said


def test_a_file_is_fetched_checked_and_watched(hub: Hub, folder: Path) -> None:
    watched = Watched()
    found = fetch(SOURCE, folder, watched)
    assert found == Fetched(folder / SOURCE.file, len(CONTENT), hub.sha256(NAME), 0, was_here=False)
    assert found.path.read_bytes() == CONTENT
    assert parts(folder) == []
    size = len(CONTENT)
    assert watched.told == [(SOURCE.file, size, size), ("checking", size, size)]


def test_a_file_that_is_here_is_not_fetched_again(hub: Hub, folder: Path) -> None:
    fetched(folder)
    hub.asked.clear()
    again = fetched(folder)
    assert again.was_here
    assert hub.ranges == []


def test_a_file_that_changed_is_fetched_again(hub: Hub, folder: Path) -> None:
    (folder / SOURCE.file).write_bytes(b"X" * len(CONTENT))
    assert not fetched(folder).was_here
    assert (folder / SOURCE.file).read_bytes() == CONTENT


def test_a_cut_connection_is_taken_up_at_once(hub: Hub, folder: Path) -> None:
    hub.cuts = [98_304, 49_152]
    assert fetched(folder).path.read_bytes() == CONTENT
    assert [given.partition("=")[2] for given in hub.ranges] == ["", "98304-", "147456-"]


def test_what_was_lost_for_good_goes_on_later(hub: Hub, folder: Path) -> None:
    hub.cuts = [98_304, *[0] * 20]
    said = failed(folder)
    assert "broke off after 0.1 MB of 0.3 MB" in said
    assert "goes on from there" in said
    (part,) = parts(folder)
    assert part.read_bytes() == CONTENT[:98_304]
    hub.cuts, hub.asked = [], []
    found = fetched(folder)
    assert found.resumed == 98_304
    assert found.path.read_bytes() == CONTENT
    assert hub.ranges == ["bytes=98304-"]
    assert parts(folder) == []


def test_a_hub_without_ranges_sends_all_again(hub: Hub, folder: Path) -> None:
    hub.cuts = [98_304, *[0] * 20]
    failed(folder)
    hub.cuts, hub.no_ranges = [], True
    assert fetched(folder).path.read_bytes() == CONTENT


def test_parts_of_another_version_are_of_no_use(hub: Hub, folder: Path) -> None:
    hub.cuts = [98_304, *[0] * 20]
    failed(folder)
    hub.cuts, hub.files[NAME] = [], CONTENT[::-1]
    assert fetched(folder).resumed == 0
    assert (folder / SOURCE.file).read_bytes() == CONTENT[::-1]
    assert parts(folder) == []


def test_a_part_that_is_too_long_is_thrown_away(hub: Hub, folder: Path) -> None:
    part = folder / f"{SOURCE.file}.{hub.sha256(NAME)[:16]}.part"
    part.write_bytes(CONTENT * 2)
    assert fetched(folder).resumed == 0


def test_a_part_that_is_whole_is_only_checked(hub: Hub, folder: Path) -> None:
    part = folder / f"{SOURCE.file}.{hub.sha256(NAME)[:16]}.part"
    part.write_bytes(CONTENT)
    assert fetched(folder).resumed == len(CONTENT)
    assert hub.ranges == []


def test_a_wrong_checksum_deletes_the_file(hub: Hub, folder: Path) -> None:
    hub.checksums[NAME] = "0" * 64
    said = failed(folder)
    assert "wrong checksum" in said
    assert "000000000000" in said
    assert parts(folder) == []


@pytest.mark.parametrize("checksum", ["", "../../../etc/passwd", "abc"])
def test_a_file_that_cannot_be_checked_is_not_fetched(
    hub: Hub, folder: Path, checksum: str
) -> None:
    hub.checksums[NAME] = checksum
    assert "tells no size and SHA-256" in failed(folder)
    assert hub.ranges == []


def test_a_stopped_download_goes_on(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Watched):
        @contextmanager
        def __call__(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
            done = 0

            def more(count: int) -> None:
                nonlocal done
                done += count
                if done > 100_000:
                    raise KeyboardInterrupt

            yield more

    with pytest.raises(KeyboardInterrupt):
        fetch(SOURCE, folder, Stopped())
    (part,) = parts(folder)
    kept = part.stat().st_size
    assert kept > 0
    assert fetched(folder).resumed == kept
    assert (folder / SOURCE.file).read_bytes() == CONTENT


def test_room_is_looked_for_before(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    said = failed(folder)
    assert "needs 0.3 MB more" in said
    assert "0.0 MB free" in said
    assert hub.ranges == []


def test_a_file_that_the_hub_does_not_send_whole(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "MAX_HTTP_DOWNLOAD_SIZE", 200_000)
    assert "one in several files" in failed(folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_keeps_what_came(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = Path.open

    def opened(path: Path, *given: Any, **named: Any) -> Any:
        file = real(path, *given, **named)
        return _Filling(file, number) if path.suffix == ".part" else file

    monkeypatch.setattr(Path, "open", opened)
    said = failed(folder)
    assert "disk of" in said
    assert "was full" in said
    assert "goes on from there" in said
    monkeypatch.setattr(Path, "open", real)
    assert fetched(folder).resumed == parts_size
    assert (folder / SOURCE.file).read_bytes() == CONTENT


parts_size = 25 * 4096


class _Filling:
    """A file on a disk that is full after a while."""

    def __init__(self, file: Any, number: int) -> None:
        self._file, self._number = file, number

    def __enter__(self) -> _Filling:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        if self._file.tell() >= parts_size:
            raise OSError(self._number, os.strerror(self._number))
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize(
    ("refusal", "source", "said"),
    [
        (None, Source("acme/other-GGUF", "a.gguf"), "no repository acme/other-GGUF"),
        (None, Source("acme/tiny-GGUF", "a.gguf"), "has no file a.gguf"),
        ((403, "GatedRepo"), SOURCE, "set HF_TOKEN"),
        ((404, "RevisionNotFound"), SOURCE, "404"),
        ((500, ""), SOURCE, "it answered 500"),
        ((503, ""), SOURCE, "it answered 503"),
    ],
)
def test_what_the_hub_refuses(
    hub: Hub, folder: Path, refusal: tuple[int, str] | None, source: Source, said: str
) -> None:
    if refusal:
        hub.refusals[source.repository] = refusal
    assert said in failed(folder, source)


def test_without_a_network_it_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}/")
        said = failed(folder)
    assert "cannot be reached" in said
    assert "HF_ENDPOINT" in said
    assert f"https://huggingface.co/{SOURCE.repository}" in said
    assert str(folder) in said
    assert f"kefu models use {SOURCE.file}" in said


def test_offline_mode_is_named(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in failed(folder)


def test_two_do_not_fetch_into_one_folder(hub: Hub, folder: Path) -> None:
    with filelock.FileLock(folder / ".pull.lock"):
        assert "another kefu" in failed(folder)


def test_a_token_goes_to_the_hub_and_not_where_it_points(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetched(folder)
    given = {
        (path[:5] == "/cdn/", key) for (_, path, _), key in zip(hub.asked, hub.tokens, strict=True)
    }
    assert given == {(False, "Bearer hf_secret"), (True, "")}


@pytest.mark.parametrize(
    ("repository", "file"),
    [
        ("acme/tiny", "../tiny.gguf"),
        ("acme/tiny", "folder/tiny.gguf"),
        ("acme/tiny", ".tiny.gguf"),
        ("acme/tiny", "tiny.bin"),
        ("acme/tiny", "C:\\tiny.gguf"),
        ("acme", "tiny.gguf"),
        ("../acme", "tiny.gguf"),
        ("acme/..", "tiny.gguf"),
        ("acme/tiny?x=", "tiny.gguf"),
        ("acme/tiny", "tiny.gguf\n"),
        ("", ""),
    ],
)
def test_names_are_looked_at_before_they_are_paths(repository: str, file: str) -> None:
    with pytest.raises(DownloadFailed, match="no GGUF file of the hub"):
        Source(repository, file)


def test_a_folder_that_cannot_be_written(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(module.filelock.FileLock, "acquire", denied)
    assert "cannot be written: Permission denied" in failed(folder)
