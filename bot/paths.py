"""Every place kefu reads or writes. Folders are made when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Paths:
    home: Path
    """All that kefu writes lies under it."""

    @classmethod
    def default(cls) -> Paths:
        return cls(Path(platformdirs.user_data_dir("kefu", appauthor=False)))

    @property
    def database(self) -> Path:
        return self._made(self.home) / "kefu.db"

    @property
    def models(self) -> Path:
        """Models that were fetched; those that come along lie in the package."""
        return self._made(self.home / "models")

    @property
    def tuned(self) -> Path:
        """What `kefu models tune` made, a folder each. It is made by who writes it."""
        return self.home / "tuned"

    @property
    def engine_modes(self) -> Path:
        """What was measured of the models on this machine; measured again where it is gone."""
        return self._made(self.home) / "engine-modes.json"

    @property
    def error_log(self) -> Path:
        """Its folder is made by who writes it."""
        return self.home / "logs" / "error.log"

    @property
    def engine_log(self) -> Path:
        """What llama.cpp says when the engine's process crashes. Its folder is made by who writes
        it."""
        return self.home / "logs" / "engine.log"

    @property
    def encoder_mark(self) -> Path:
        """The revision of the encoder that made the vectors of the knowledge base."""
        return self._made(self.home) / ".encoder"

    @property
    def sample_mark(self) -> Path:
        """There once the sample help pages were read in, or made room: they never come back."""
        return self._made(self.home) / ".sample-read"

    @property
    def settings_file(self) -> Path:
        return self.home / "kefu.toml"

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def is_file(path: Path) -> bool:
    """False, too, of what cannot be a path."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or one with a NUL byte
        return False
