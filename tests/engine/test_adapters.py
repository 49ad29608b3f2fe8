from pathlib import Path

import pytest

from bot.engine.adapters import made_for
from bot.errors import ModelFileError
from tests.engine.asking import answered, ask
from tests.engine.conftest import Load
from tests.engine.tiny import write_adapter


def test_an_adapter_changes_the_reply_by_its_scale(tmp_path: Path, load: Load) -> None:
    file = write_adapter(tmp_path / "tone.gguf")
    replies = {}
    for name, adapters in {"plain": {}, "off": {file: 0.0}, "on": {file: 1.0}}.items():
        model = load(adapters=adapters)
        replies[name], _ = answered(model, ask(model, "return the shoe"))
        model.close()
    assert replies["off"] == replies["plain"] != replies["on"]


def test_two_adapters_at_once(tmp_path: Path, load: Load) -> None:
    first, second = (write_adapter(tmp_path / f"{n}.gguf", seed=n) for n in (1, 2))
    replies = set()
    for adapters in ({first: 1.0}, {second: 1.0}, {first: 1.0, second: 1.0}):
        model = load(adapters=adapters)
        replies.add(answered(model, ask(model, "return the shoe"))[0])
    assert len(replies) == 3


def test_a_model_is_no_adapter(models: Path, load: Load) -> None:
    with pytest.raises(ModelFileError, match=r"tiny\.gguf is no LoRA adapter of this model"):
        load(adapters={models / "tiny.gguf": 1.0})


def test_a_missing_adapter_is_named(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ModelFileError, match=r"adapter .*gone\.gguf does not exist; mend engine"):
        load(adapters={tmp_path / "gone.gguf": 1.0})


def test_an_adapter_of_another_width_or_architecture_is_refused(tmp_path: Path, load: Load) -> None:
    narrow = write_adapter(tmp_path / "narrow.gguf", width=32)
    with pytest.raises(
        ModelFileError, match=r"narrow\.gguf is no LoRA adapter of this model \(.+\)"
    ):
        load(adapters={narrow: 1.0})
    other = write_adapter(tmp_path / "other.gguf", architecture="qwen2")
    with pytest.raises(
        ModelFileError, match=r"other\.gguf is no LoRA adapter of this model \(.+\)"
    ):
        load(adapters={other: 1.0})


def test_the_model_is_named_with_its_adapters(tmp_path: Path, load: Load) -> None:
    files = {write_adapter(tmp_path / f"{name}.gguf"): 1.0 for name in ("tone", "terms")}
    assert load(adapters=files).info.name == "tiny+tone+terms"
    assert load().info.name == "tiny"


def test_every_conversation_at_once_has_the_adapter(tmp_path: Path, load: Load) -> None:
    file = write_adapter(tmp_path / "tone.gguf")
    replies = {}
    for name, adapters in {"plain": {}, "on": {file: 1.0}}.items():
        model = load(adapters=adapters, conversations=3)
        questions = ("return the shoe", "the order", "how")
        replies[name] = [answered(model, ask(model, question))[0] for question in questions]
        model.close()
    assert all(one != other for one, other in zip(*replies.values(), strict=True))


def test_what_an_adapter_says_of_itself(models: Path, tmp_path: Path) -> None:
    assert made_for(write_adapter(tmp_path / "tone.gguf")) == "llama"
    with pytest.raises(ModelFileError, match=r"tiny\.gguf is a GGUF file, but no LoRA adapter"):
        made_for(models / "tiny.gguf")
