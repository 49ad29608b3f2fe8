"""Fetching a model file from the Hugging Face hub, or from a mirror of it (HF_ENDPOINT).

The client is huggingface-hub's, but for the place of the file: its own download keeps nothing of a
file that was not finished (2.4 writes to a name that no later call knows), and ours go on.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from bot.errors import DownloadFailed, SettingsError
from bot.text import sized
from models.offers import FILE, REPOSITORY

try:
    import filelock
    import httpx2
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
except ImportError as error:
    raise SettingsError(
        f"a package for fetching models is missing ({error.name}); "
        "install it by pip install -e '.[hub]' where kefu was cloned, or fetch the file yourself "
        "and name it: kefu models use PATH"
    ) from None

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OFFLINE = (httpx2.HTTPError, errors.OfflineModeIsEnabled, OSError)

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with what is done and how many bytes of it there are; yields what is told of more."""


@dataclass(frozen=True, slots=True)
class Source:
    repository: str
    """OWNER/NAME."""
    file: str

    def __post_init__(self) -> None:
        if not REPOSITORY.fullmatch(self.repository) or not FILE.fullmatch(self.file):
            raise DownloadFailed(
                f"{self.repository}/{self.file} is no GGUF file of the hub; name it as "
                "OWNER/REPOSITORY/FILE.gguf"
            )


@dataclass(frozen=True, slots=True)
class Fetched:
    path: Path
    bytes: int
    sha256: str
    resumed: int
    """Bytes that were here from an earlier try."""
    was_here: bool
    """Whole, with the right checksum: nothing was fetched."""


@dataclass(frozen=True, slots=True)
class _Told:
    """By the hub, of a file."""

    url: str
    """Of this very version."""
    size: int
    sha256: str


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def fetch(source: Source, folder: Path, progress: Progress) -> Fetched:
    """Into `folder`, under the file's own name; what is there under it with another checksum is
    replaced at the end. Raise DownloadFailed; what was fetched until then stays, as
    `FILE.….part`, and the next call goes on with it."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it would tell of every retry
    with _alone(folder):
        told = _ask(source, folder)
        target = folder / source.file
        if _is_here(target, told, progress):
            return Fetched(target, told.size, told.sha256, resumed=0, was_here=True)
        part = folder / f"{source.file}.{told.sha256[:16]}.part"
        for other in folder.glob(f"{source.file}.*.part"):
            if other != part:  # of a version that is gone
                other.unlink()
        resumed = _download(source, told, part, progress)
        _verify(source, told, part, progress)
        part.replace(target)
        return Fetched(target, told.size, told.sha256, resumed=resumed, was_here=False)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One download into a folder at a time."""
    lock = filelock.FileLock(folder / ".pull.lock", timeout=0)
    try:
        with lock:
            yield
    except filelock.Timeout:
        raise DownloadFailed(
            f"another kefu is fetching a model into {folder}; wait until it is done"
        ) from None
    except PermissionError as error:
        raise DownloadFailed(f"{folder} cannot be written: {error.strerror}") from None


def _ask(source: Source, folder: Path) -> _Told:
    """Raise DownloadFailed."""
    hub = endpoint()
    where = f"{source.repository}/{source.file}"
    try:
        url = hf_hub_url(source.repository, source.file, endpoint=hub)
        found = get_hf_file_metadata(url, endpoint=hub, library_name="kefu")
    except errors.GatedRepoError:
        raise DownloadFailed(
            f"{source.repository} is given only to those who agreed to its terms: agree at "
            f"{hub}/{source.repository}, make a token there, and set HF_TOKEN to it"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DownloadFailed(
            f"{hub} has no repository {source.repository}, or shows it to its members alone; "
            "`kefu models list` shows others"
        ) from None
    except errors.EntryNotFoundError:
        raise DownloadFailed(
            f"{source.repository} at {hub} has no file {source.file}; look at "
            f"{hub}/{source.repository}/tree/main and name one: kefu models pull "
            f"{source.repository}/FILE.gguf"
        ) from None
    except _OFFLINE as error:
        raise _unreachable(source, folder, error) from None
    sha256, size = found.etag or "", found.size or 0
    if not _SHA256.fullmatch(sha256) or size <= 0 or not found.commit_hash:
        raise DownloadFailed(
            f"{hub} tells no size and SHA-256 of {where}, so it could not be checked; "
            "set HF_ENDPOINT to a hub that does"
        )
    url = hf_hub_url(source.repository, source.file, revision=found.commit_hash, endpoint=hub)
    return _Told(url, size, sha256)


def _is_here(target: Path, told: _Told, progress: Progress) -> bool:
    if not target.is_file() or target.stat().st_size != told.size:
        return False
    return _checksum(target, progress) == told.sha256


def _download(source: Source, told: _Told, part: Path, progress: Progress) -> int:
    """Return the bytes that were there before. Raise DownloadFailed."""
    have = part.stat().st_size if part.exists() else 0
    if have > told.size:
        part.unlink()
        have = 0
    if told.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        raise DownloadFailed(
            f"{source.file} has {sized(told.size)}, and the hub sends "
            f"{sized(constants.MAX_HTTP_DOWNLOAD_SIZE)} at most this way; choose a smaller "
            "quantisation or one in several files"
        )
    _check_room(source, part.parent, told.size - have)
    if have == told.size:
        return have
    try:
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            _stream(source, told, file, have, progress)
            file.flush()
            os.fsync(file.fileno())
    except (httpx2.HTTPError, OSError) as error:
        raise _broken_off(source, told, part, error) from None
    return have


def _stream(source: Source, told: _Told, file: BinaryIO, have: int, progress: Progress) -> None:
    with progress(source.file, told.size) as more:
        http_get(
            told.url,
            file,
            resume_size=have,
            headers=build_hf_headers(library_name="kefu"),
            expected_size=told.size,
            tqdm_class=_bar(more),
        )


def _bar(more: Callable[[int], None]) -> Any:
    """What the client takes for tqdm."""

    class Bar:
        def __init__(self, *, initial: int = 0, **_: object) -> None:
            more(initial)

        def update(self, count: int) -> None:
            more(count)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    return Bar


def _check_room(source: Source, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadFailed(
            f"{source.file} needs {sized(needed)} more, and the disk of {folder} has "
            f"{sized(free)} free; make room, or choose a smaller model or quantisation"
        )


def _verify(source: Source, told: _Told, part: Path, progress: Progress) -> None:
    found = _checksum(part, progress)
    if found != told.sha256:
        part.unlink()
        raise DownloadFailed(
            f"{source.file} came with the wrong checksum (SHA-256 {found[:12]}…, the hub says "
            f"{told.sha256[:12]}…) and was deleted; fetch it again, or from another HF_ENDPOINT"
        )


def _checksum(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, progress("checking", path.stat().st_size) as more:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            more(len(chunk))
    return digest.hexdigest()


def _unreachable(source: Source, folder: Path, error: Exception) -> DownloadFailed:
    page = f"https://huggingface.co/{source.repository}"
    return DownloadFailed(
        f"{endpoint()} cannot be reached ({_reason(error)}); set HF_ENDPOINT to a mirror, or "
        f"fetch {source.file} from {page} by other means, put it into {folder} and run: "
        f"kefu models use {source.file}"
    )


def _broken_off(source: Source, told: _Told, part: Path, error: Exception) -> DownloadFailed:
    done = f"{sized(part.stat().st_size if part.exists() else 0)} of {sized(told.size)}"
    if isinstance(error, OSError) and error.errno in _FULL:
        return DownloadFailed(
            f"the disk of {part.parent} was full after {done} of {source.file}; make room and run "
            "the same command: it goes on from there"
        )
    return DownloadFailed(
        f"{source.file} broke off after {done} ({_reason(error)}); run the same command: it goes "
        "on from there"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, errors.HfHubHTTPError):
        return f"it answered {error.response.status_code}"
    said = " ".join(str(error).split())
    return said[:120] or type(error).__name__
