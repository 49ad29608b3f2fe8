"""The models kefu knows by name. Those that come along lie in `models/weights`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

from bot.errors import ModelFileError
from bot.paths import is_file
from models.offers import Offer, offer, offers

Kind: TypeAlias = Literal["language", "encoder", "sentiment", "wishes"]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    name: str
    kind: Kind
    file: str
    """Its name in `models/weights`."""
    description: str
    licence: str
    """An SPDX identifier."""
    reads: bool = False
    """Whether a language model understands the passages it is shown, or only words a reply."""
    languages: tuple[str, ...] = ()
    """Of an encoder: those that it knows."""

    @property
    def path(self) -> Path:
        return weights_folder() / self.file

    @property
    def bytes(self) -> int:
        """0 where the file is missing."""
        return self.path.stat().st_size if self.path.is_file() else 0


ENTRIES = (
    CatalogueEntry(
        name="kefu-small",
        kind="language",
        file="kefu-small-q8_0.gguf",
        description="Words the reply around the sentences that the encoder finds; English, Chinese",
        licence="Apache-2.0",
    ),
    CatalogueEntry(
        name="kefu-encoder",
        kind="encoder",
        file="kefu-encoder-q8_0.gguf",
        description="Finds and reads help pages (multilingual-e5-small, tuned); five languages",
        licence="MIT",
        languages=("en", "zh", "de", "es", "fr"),
    ),
    CatalogueEntry(
        name="kefu-sentiment",
        kind="sentiment",
        file="sentiment.npz",
        description="Positive, neutral or negative: a head over the encoder's vectors",
        licence="Apache-2.0",
    ),
    CatalogueEntry(
        name="kefu-wishes",
        kind="wishes",
        file="wishes.npz",
        description="Wishes for a person: a head over the same vectors",
        licence="Apache-2.0",
    ),
)


def catalogue() -> list[CatalogueEntry]:
    return list(ENTRIES)


def find(name_or_path: str, folder: Path | None = None, kind: Kind | None = None) -> Path:
    """The file of a model: a name of the catalogue, a path, or a file's name in `folder`.

    `.gguf` may be left off a file's name in `folder`, where fetched models are kept. A larger
    model's name is that of the largest of its files there. What is in the file is for the loader
    to judge; of the catalogue, nothing but the `kind` is found.
    """
    for entry in ENTRIES:
        if entry.name == name_or_path:
            if kind not in (None, entry.kind):
                raise ModelFileError(
                    f"{entry.name} is the {entry.kind} model, not a {kind} model; "
                    f"name one, such as {', '.join(_names(folder, kind))}"
                )
            if entry.bytes == 0:
                raise ModelFileError(f"the file of {entry.name} is missing: {entry.path}")
            return entry.path
    places = [Path(name_or_path).expanduser()]
    if folder is not None:
        places += [folder / name_or_path, folder / f"{name_or_path}.gguf"]
    for place in places:
        if name_or_path and is_file(place):
            return place
    if (larger := offer(name_or_path)) and kind in (None, "language"):
        return _fetched(larger, folder)
    raise ModelFileError(
        f"there is no {kind + ' ' if kind else ''}model {name_or_path!r}: neither a file nor one "
        f"of {', '.join(_names(folder, kind))}{_near(name_or_path, folder, kind)}"
    )


def _near(name: str, folder: Path | None, kind: Kind | None) -> str:
    """What may have been meant, those that can be fetched among it."""
    larger = [one.name for one in offers()] if kind in (None, "language") else []
    near = get_close_matches(name, [*_names(folder, kind), *larger], n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _fetched(larger: Offer, folder: Path | None) -> Path:
    here = larger.installed(folder)
    if folder is None or here is None:
        size = larger.quantisations[0].bytes / 1e9
        raise ModelFileError(
            f"{larger.name} is not here yet; fetch it first: kefu models pull {larger.name} "
            f"({size:.1f} GB or more)"
        )
    return folder / here.file


def find_language_model(name_or_path: str, folder: Path) -> Path:
    """What `engine.model` names. Raise ModelFileError, naming the setting."""
    try:
        return find(name_or_path, folder, "language")
    except ModelFileError as error:
        raise ModelFileError(f"engine.model: {error}") from None


def find_adapter(path: Path, folder: Path) -> Path:
    """A path, or a file's name in `folder`; what is nowhere is for the loader to name."""
    place = path.expanduser()
    return folder / path if not is_file(place) and is_file(folder / path) else place


def setting_of(name: str, file: Path, folder: Path) -> str:
    """What `engine.model` is to be for `file`, which `find` found under `name`: it must be found
    from any folder."""
    if name in {entry.name for entry in ENTRIES}:
        return name
    return _found_anywhere(file, folder)


def adapter_setting(file: Path, folder: Path) -> str:
    """What `engine.adapters` is to name it."""
    return _found_anywhere(file, folder)


def _found_anywhere(file: Path, folder: Path) -> str:
    return file.name if file.parent == folder else str(file.resolve())


def weights_folder() -> Path:
    return Path(str(files("models"))) / "weights"


def _names(folder: Path | None, kind: Kind | None) -> list[str]:
    fetched = sorted(file.name for file in folder.glob("*.gguf")) if folder else []
    return [entry.name for entry in ENTRIES if kind in (None, entry.kind)] + fetched
