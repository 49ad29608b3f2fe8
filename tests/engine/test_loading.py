from __future__ import annotations

from pathlib import Path

import llama_cpp
import pytest

from bot.engine import Encoder, EngineThread, LanguageModel, loading, system
from bot.errors import ModelFileError
from bot.settings import EngineSettings
from tests.engine.conftest import Load
from tests.engine.tiny import write_encoder, write_language_model


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"%PDF-1.7 and so on", "is not a GGUF file"),
        (b"GGUF", "cannot load|can load"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 100, "can load"),
    ],
)
@pytest.mark.parametrize("kind", [LanguageModel, Encoder])
def test_a_file_that_is_no_model_is_one_clear_line(
    tmp_path: Path,
    thread: EngineThread,
    capfd: pytest.CaptureFixture[str],
    content: bytes | None,
    message: str,
    kind: type[LanguageModel] | type[Encoder],
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        kind.load(path, thread, EngineSettings())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_truncated_model_is_one_clear_line(
    models: Path, tmp_path: Path, load: Load, share: float
) -> None:
    whole = (models / "tiny.gguf").read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelFileError, match="cut"):
        load(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        loading.check_file(tmp_path)


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelFileError, match="cannot be read: Permission denied"):
        loading.check_file(tmp_path / "x.gguf")


def test_an_encoder_is_no_language_model(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ModelFileError, match="is an encoder"):
        load(write_encoder(tmp_path / "encoder.gguf", context=256))


def test_the_engine_survives_a_file_that_is_no_model(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ModelFileError):
        load(tmp_path / "missing.gguf")
    assert load().info.context == 512


def test_loading_says_nothing(load: Load, capfd: pytest.CaptureFixture[str]) -> None:
    load()
    assert capfd.readouterr() == ("", "")


TAUGHT = '{"en": {"greeting": ["Hello!"]}}'


@pytest.mark.parametrize(
    ("metadata", "reads"),
    [
        ({}, True),
        ({"kefu.reads": True}, True),
        ({"kefu.reads": False, "kefu.wording": TAUGHT}, False),
    ],
)
def test_the_file_says_whether_the_model_reads(
    tmp_path: Path, load: Load, metadata: dict[str, str | bool], reads: bool
) -> None:
    path = write_language_model(tmp_path / "m.gguf", metadata=metadata)
    info = load(path).info
    assert info.reads is reads
    assert info.wording == ({} if reads else {"en": {"greeting": ["Hello!"]}})


@pytest.mark.parametrize(
    ("wording", "message"),
    [
        (None, "it says that it does not read, but has no kefu.wording"),
        ("{", "kefu.wording is not understood"),
        ('["en"]', "kefu.wording is not understood"),
        ('{"en": {"greeting": 3}}', "kefu.wording is not understood"),
    ],
)
def test_a_model_that_does_not_read_must_say_what_it_words(
    tmp_path: Path, load: Load, wording: str | None, message: str
) -> None:
    metadata: dict[str, str | bool] = {"kefu.reads": False}
    if wording is not None:
        metadata["kefu.wording"] = wording
    path = write_language_model(tmp_path / "m.gguf", metadata=metadata)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_settings_shape_the_context(load: Load) -> None:
    model = load(context=300, conversations=3)
    assert (model.info.context, model.info.conversations) == (300, 3)
    too_much = load(context=4096)
    assert too_much.info.context == 512
    assert too_much.warnings == ("engine.context = 4096: the model knows 512 at most",)


def test_a_build_with_amx_is_loaded_safely_and_said(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    open_file = llama_cpp.llama_model_load_from_file

    def watched(path: bytes, parameters: object) -> object:
        seen.append(parameters.use_extra_bufts)  # type: ignore[attr-defined]
        return open_file(path, parameters)

    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", watched)
    assert load().warnings == ()
    monkeypatch.setattr(system, "system_info", lambda: "CPU : AVX2 = 1 | AMX_INT8 = 1 | ")
    assert load().warnings == (system.AMX_WARNING,)
    assert seen == [True, False]
