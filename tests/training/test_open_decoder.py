"""PyTorch computes what llama.cpp does, for every architecture, with and without an adapter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bot.errors import ModelFileError
from models.catalogue import find
from models.offers import offers
from models.training.open_decoder import OpenDecoder, add_lora, load_decoder
from models.training.open_shape import FAMILIES
from models.training.own_file import round_weights, write_adapter, write_whole
from tests.training.open_models import ARCHITECTURES, logits, write_open_model

TOKENS = [int(token) for token in np.random.default_rng(4).integers(0, 256, 60)]


def loaded(path: Path) -> OpenDecoder:
    return load_decoder(path, dtype=torch.float32, device="cpu", window=256)


def computed(model: OpenDecoder) -> NDArray[np.float32]:
    with torch.no_grad():
        found: NDArray[np.float32] = model(torch.tensor([TOKENS]))[0].numpy()
    return found


def with_lora(path: Path) -> OpenDecoder:
    """One that has learnt something, whatever it is."""
    model = loaded(path)
    add_lora(model, rank=4, alpha=6.0, dropout=0.1, seed=3)
    for _, matrix in model.matrices():
        assert matrix.lora is not None
        torch.nn.init.normal_(matrix.lora.up, std=0.1)
    return model.eval()


def agree(found: NDArray[np.float32], wanted: NDArray[np.float32], share: float) -> bool:
    assert wanted.std() > 0.3  # otherwise agreeing would be easy
    return bool(np.abs(found - wanted).max() < share * wanted.std())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_agree_with_llama_cpp(tmp_path: Path, architecture: str) -> None:
    path = write_open_model(tmp_path / "model.gguf", architecture)
    assert agree(computed(loaded(path)), logits(path, TOKENS), 0.02)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adapter_does_there_what_it_did_here(tmp_path: Path, architecture: str) -> None:
    path = write_open_model(tmp_path / "model.gguf", architecture)
    model = with_lora(path)
    write_adapter(tmp_path / "adapter.gguf", model, path, "own")
    found, before = logits(path, TOKENS, tmp_path / "adapter.gguf"), logits(path, TOKENS)
    assert agree(computed(model), found, 0.02)
    assert not agree(before, found, 0.3)


def test_a_whole_model_keeps_what_its_base_says(tmp_path: Path) -> None:
    from bot.engine.loading import read_metadata

    base = find("kefu-small")
    model = loaded(base)
    for _, weight in model.tensors():
        weight.data.mul_(1 + 0.1 * torch.randn_like(weight))
    write_whole(tmp_path / "own.gguf", model, base, "own")
    told, before = read_metadata(tmp_path / "own.gguf"), read_metadata(base)
    assert (told["general.name"], told["kefu.tuned_from"]) == ("own", base.name)
    for key in ("kefu.wording", "kefu.reads", "tokenizer.chat_template", "qwen3.context_length"):
        assert told[key] == before[key]
    round_weights(model)
    found = logits(tmp_path / "own.gguf", TOKENS)
    # llama.cpp rounds activations, too
    assert np.corrcoef(found.ravel(), computed(model).ravel())[0, 1] > 0.998
    assert not agree(logits(base, TOKENS), found, 0.3)


def test_every_architecture_of_the_catalogue_but_mixtures_can_be_tuned() -> None:
    assert {one.architecture for one in offers()} - set(FAMILIES) == {"qwen3moe"}
    assert set(ARCHITECTURES) == set(FAMILIES)


def test_another_architecture_is_refused_with_those_that_can(tmp_path: Path) -> None:
    from tests.engine.tiny import write_encoder

    with pytest.raises(ModelFileError, match=r"'bert', which cannot be tuned here; those .* llama"):
        loaded(write_encoder(tmp_path / "encoder.gguf"))


def test_a_part_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = write_open_model(tmp_path / "model.gguf", "llama", extra="blk.0.attn_sinks")
    with pytest.raises(ModelFileError, match=r"holds blk\.0\.attn_sinks\.weight, which no llama"):
        loaded(path)


def test_bfloat16_stays_near(tmp_path: Path) -> None:
    path = write_open_model(tmp_path / "model.gguf", "llama")
    halved = load_decoder(path, dtype=torch.bfloat16, device="cpu", window=256)
    with torch.no_grad():
        found = halved(torch.tensor([TOKENS]))[0].float().numpy()
    assert np.corrcoef(found.ravel(), computed(loaded(path)).ravel())[0, 1] > 0.995
