"""Where a model is tuned: nothing that is finished or in use is written over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.lessons.run_folder import RunFolder, choose_folder

UNTIL = datetime(2026, 3, 2, 9, tzinfo=UTC)


def begun(tuned: Path, name: str) -> RunFolder:
    """Learnt and written, and not yet judged."""
    folder = finished(tuned, name)
    folder.begin(UNTIL)
    folder.checkpoint.touch()
    return folder


def finished(tuned: Path, name: str) -> RunFolder:
    folder = RunFolder(tuned / name)
    folder.path.mkdir(parents=True)
    folder.result.touch()
    return folder


def test_finished_models_are_left_alone(tmp_path: Path) -> None:
    assert choose_folder(tmp_path, "ours", []).name == "ours"
    finished(tmp_path, "ours")
    assert choose_folder(tmp_path, "ours", []).name == "ours-2"
    finished(tmp_path, "ours-2")
    chosen = choose_folder(tmp_path, "ours", [])
    assert (chosen.name, chosen.result.name) == ("ours-3", "ours-3.gguf")
    assert not chosen.path.exists()


def test_a_run_that_was_cut_off_goes_on_in_its_folder(tmp_path: Path) -> None:
    finished(tmp_path, "ours")
    folder = begun(tmp_path, "ours-2")
    assert choose_folder(tmp_path, "ours", []) == folder
    assert folder.until() == UNTIL
    folder.finish()
    assert folder.until() is None
    assert [one.name for one in folder.path.iterdir()] == ["ours-2.gguf"]
    assert choose_folder(tmp_path, "ours", []).name == "ours-3"


def test_a_file_in_use_is_not_replaced(tmp_path: Path) -> None:
    folder = begun(tmp_path, "ours")
    (tmp_path / "other").symlink_to(tmp_path)
    used = tmp_path / "other" / "ours" / "ours.gguf"
    with pytest.raises(UsageError, match="is in use and would be replaced"):
        choose_folder(tmp_path, "ours", [tmp_path / "gone.gguf", used])
    assert choose_folder(tmp_path, "ours", [tmp_path / "gone.gguf"]) == folder


def test_one_run_at_a_time_works_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "tuned" / "ours")
    with (
        folder.held(),
        pytest.raises(UsageError, match="another run is at work in"),
        RunFolder(folder.path).held(),
    ):
        pass
    with folder.held():
        assert folder.path.parent.stat().st_mode & 0o777 == 0o700
    folder.result.touch()
    with pytest.raises(UsageError, match="another run has just finished"), folder.held():
        pass


def test_a_time_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    folder = begun(tmp_path, "ours")
    (folder.path / "until").write_text("yester")
    assert folder.until() is None
