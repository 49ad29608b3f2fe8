from pathlib import Path

import pytest

from bot.errors import ModelFileError
from models import catalogue as module
from models.catalogue import catalogue, find, find_language_model, setting_of, weights_folder


def test_every_model_of_the_catalogue_has_its_own_name_and_file() -> None:
    entries = catalogue()
    assert len({entry.name for entry in entries}) == len(entries)
    assert len({entry.file for entry in entries}) == len(entries)
    assert [entry.kind for entry in entries] == ["language", "encoder", "sentiment", "wishes"]


@pytest.mark.parametrize("name", ["kefu-encoder", "kefu-sentiment", "kefu-wishes"])
def test_a_model_that_comes_along_is_found_by_name(name: str) -> None:
    (entry,) = (entry for entry in catalogue() if entry.name == name)
    assert find(name) == entry.path == weights_folder() / entry.file
    assert entry.bytes == entry.path.stat().st_size > 0


def test_a_name_of_the_catalogue_wins_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kefu-encoder").write_text("not a model")
    assert find("kefu-encoder").name == "kefu-encoder-q8_0.gguf"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "some model.gguf"
    file.touch()
    assert find(str(file)) == file


@pytest.mark.parametrize("asked", ["other.gguf", "other"])
def test_a_fetched_model_is_found_by_its_file_name(tmp_path: Path, asked: str) -> None:
    (tmp_path / "other.gguf").touch()
    assert find(asked, tmp_path) == tmp_path / "other.gguf"


@pytest.mark.parametrize("asked", ["nope", "/nowhere/at/all.gguf", "", "a\0b", "x" * 5000, "."])
def test_the_error_says_what_was_asked_and_what_there_is(tmp_path: Path, asked: str) -> None:
    (tmp_path / "fetched.gguf").touch()
    with pytest.raises(ModelFileError) as raised:
        find(asked, tmp_path)
    said = str(raised.value)
    assert repr(asked) in said
    assert "kefu-small, kefu-encoder, kefu-sentiment, kefu-wishes, fetched.gguf" in said
    assert "\n" not in said


def test_a_missing_file_of_the_catalogue_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "weights_folder", lambda: tmp_path)
    with pytest.raises(ModelFileError, match="kefu-encoder is missing"):
        find("kefu-encoder")


def test_a_larger_model_is_found_once_it_is_here(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="kefu models pull qwen3-4b ") as raised:
        find_language_model("qwen3-4b", tmp_path)
    assert "engine.model: qwen3-4b is not here yet" in str(raised.value)
    (tmp_path / "Qwen3-4B-Q4_K_M.gguf").touch()
    assert find("qwen3-4b", tmp_path) == tmp_path / "Qwen3-4B-Q4_K_M.gguf"
    (tmp_path / "Qwen3-4B-Q8_0.gguf").touch()
    assert find("qwen3-4b", tmp_path, "language") == tmp_path / "Qwen3-4B-Q8_0.gguf"
    with pytest.raises(ModelFileError, match="no encoder model"):
        find("qwen3-4b", tmp_path, "encoder")


def test_a_file_is_named_so_that_it_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "models"
    folder.mkdir()
    mine, fetched = Path("mine.gguf"), folder / "Qwen3-4B-Q4_K_M.gguf"
    mine.touch()
    fetched.touch()
    small = find("kefu-small", folder)
    assert setting_of("kefu-small", small, folder) == "kefu-small"
    assert setting_of("qwen3-4b", fetched, folder) == "Qwen3-4B-Q4_K_M.gguf"
    assert setting_of("mine.gguf", find("mine.gguf", folder), folder) == str(mine.resolve())
    for name in ("kefu-small", "qwen3-4b", "mine.gguf"):
        file = find(name, folder)
        assert find(setting_of(name, file, folder), folder).resolve() == file.resolve()


def test_a_slip_in_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"did you mean qwen3-0\.6b"):
        find("qwen3-0.6", tmp_path)
    with pytest.raises(ModelFileError, match="did you mean kefu-small"):
        find("kefu_small", tmp_path, "language")
    with pytest.raises(ModelFileError) as told:
        find("gpt-17", tmp_path)
    assert "did you mean" not in str(told.value)
