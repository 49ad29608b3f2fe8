"""The exported file is the trained model: same tokens, same logits."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bot.engine.loading import read_metadata
from models.catalogue import find
from models.training.decoder import Decoder
from models.training.dial import Dial
from models.training.export import TYPES, Exported, chosen, round_weights, write_gguf
from models.training.tokenizer import tokenizer_of_gguf

PROMPT = (
    "<|im_start|>user\nHow long do I have to return shoes? 你好，请问退货期限是多少？ 🎉"
    "<|im_end|>\n"
    "<|im_start|>assistant\n"
)
PAGES = sorted((Path(__file__).parents[2] / "knowledge" / "sample").glob("*.md"))


@pytest.fixture(scope="module")
def shipped() -> Path:
    return find("kefu-small")


@pytest.fixture(scope="module")
def tokenizer(shipped: Path) -> Tokenizer:
    return tokenizer_of_gguf(shipped)


@pytest.fixture(scope="module")
def decoder(tokenizer: Tokenizer) -> Decoder:
    torch.manual_seed(5)
    decoder = Decoder(Dial(depth=2, vocabulary=tokenizer.get_vocab_size()))
    for name, weight in decoder.named_parameters():
        if weight.dim() == 2:  # the blocks' outputs start at zero: a test of them needs more
            torch.nn.init.normal_(weight, std=0.5 if "embedding" in name else 0.08)
        else:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return decoder.eval()


@pytest.fixture(scope="module")
def exported(
    decoder: Decoder, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("export") / "f16.gguf"
    write_gguf(decoder, tokenizer, path, "test", reads=False, kind="f16")
    return path


def logits(path: Path, tokens: list[int]) -> NDArray[np.float32]:
    model = llama_cpp.Llama(str(path), logits_all=True, n_ctx=256, n_threads=1, verbose=False)
    model.eval(tokens)
    found = np.array(model.scores[: len(tokens)])
    model.close()
    return found


def test_f16_logits_agree_with_pytorch(
    decoder: Decoder, tokenizer: Tokenizer, exported: Path
) -> None:
    tokens = tokenizer.encode(PROMPT).ids
    with torch.no_grad():
        wanted = decoder(torch.tensor([tokens]))[0].numpy()
    found = logits(exported, tokens)
    assert wanted.std() > 0.5  # otherwise agreeing would be easy
    assert np.abs(found - wanted).max() < 0.02 * wanted.std()
    assert (found.argmax(1) == wanted.argmax(1)).mean() > 0.97


def test_q8_0_stays_close(
    decoder: Decoder, exported: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    rounded = tmp_path / "q8_0.gguf"
    write_gguf(decoder, tokenizer, rounded, "test", reads=True, kind="q8_0")
    assert rounded.stat().st_size < 0.6 * exported.stat().st_size
    told = read_metadata(rounded)
    assert (told["kefu.reads"], read_metadata(exported)["kefu.reads"]) == ("true", "false")
    tokens = tokenizer.encode(PROMPT).ids
    wanted, found = logits(exported, tokens), logits(rounded, tokens)
    assert np.corrcoef(wanted.ravel(), found.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("kind", TYPES[1:])
def test_what_is_measured_as_rounded_is_what_the_file_holds(
    decoder: Decoder, tokenizer: Tokenizer, tmp_path: Path, kind: str
) -> None:
    rounded = copy.deepcopy(decoder)
    round_weights(rounded, kind)
    write_gguf(decoder, tokenizer, tmp_path / "rounded.gguf", "test", reads=False, kind=kind)
    tokens = tokenizer.encode(PROMPT).ids
    with torch.no_grad():
        wanted = rounded(torch.tensor([tokens]))[0].numpy()
        whole = decoder(torch.tensor([tokens]))[0].numpy()
    found = logits(tmp_path / "rounded.gguf", tokens)
    assert np.abs(found - wanted).mean() < 0.7 * np.abs(found - whole).mean()
    # llama.cpp rounds activations, too
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.995


def strings() -> Iterator[str]:
    """10,000 varied: pieces of pages, Chinese, emoji, digits, white space, any characters."""
    rng = random.Random(3)
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    planes = [(32, 126), (0xA0, 0x24F), (0x400, 0x4FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F6FF)]
    for number in range(10_000):
        if number % 2:
            start = rng.randrange(len(text) - 200)
            yield text[start : start + rng.randrange(1, 200)]
        else:
            plane = rng.choice(planes)
            drawn = [chr(rng.randint(*plane)) for _ in range(rng.randrange(1, 40))]
            drawn += rng.choices([" ", "  ", "\n", "\t", "1", "42", "'s", "。", "!"], k=6)
            rng.shuffle(drawn)
            yield "".join(drawn)


def test_llama_cpp_tokenizes_as_the_tokenizer_does(shipped: Path, tokenizer: Tokenizer) -> None:
    model = llama_cpp.Llama(str(shipped), vocab_only=True, verbose=False)
    texts = list(strings())
    differing = [
        text
        for text, wanted in zip(texts, tokenizer.encode_batch(texts), strict=True)
        if model.tokenize(text.encode(), add_bos=False, special=False) != wanted.ids
    ]
    model.close()
    assert differing == []


def test_the_shipped_vocabulary_is_whole(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 8_192
    assert sys.getsizeof(tokenizer.to_str()) > 8_192


def test_the_smallest_file_that_is_as_good_is_chosen() -> None:
    losses = {"f16": 1.0, "q8_0": 1.001, "q5_1": 1.0049, "q5_0": 1.006, "q4_1": 1.004, "q4_0": 1.1}
    files = [
        Exported(kind, f"{kind}.gguf", 60 - number, 2.0, losses[kind])
        for number, kind in enumerate(TYPES)
    ]
    assert chosen(files).kind == "q4_1"
    assert chosen([one for one in files if one.kind in ("f16", "q5_0")]).kind == "f16"
