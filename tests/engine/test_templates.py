"""The chat templates of the catalogue, each on a real file of its architecture."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engine import LanguageModel
from bot.engine.prompt import CONTENT, TEMPLATE
from bot.engine.request import Finished, Request
from bot.engine.sampling import Sampling
from bot.engine.template import ChatTurn
from models.offers import offers
from tests.engine.conftest import Load
from tests.engine.families import FAMILIES, Family, write_model

TURNS = [
    ChatTurn("system", "Be kind."),
    ChatTurn("user", "How long?"),
    ChatTurn("assistant", "Hi."),
    ChatTurn("user", "Well?"),
]
_CHATML = (
    "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHow long?<|im_end|>\n"
    "<|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>user\nWell?<|im_end|>\n"
    "<|im_start|>assistant\n"
)
_NO_THOUGHT = "<think>\n\n</think>\n\n"
_MISTRAL_V7 = "<s>[SYSTEM_PROMPT]Be kind.[/SYSTEM_PROMPT][INST]How long?[/INST]Hi.</s>[INST]Well?"
EXPECTED = {
    "qwen3": _CHATML + _NO_THOUGHT,
    "qwen3-2507": _CHATML,
    "qwen3-moe": _CHATML,
    "thinking-only": _CHATML + _NO_THOUGHT,
    "gemma3": (
        "<bos><start_of_turn>user\nBe kind.\n\nHow long?<end_of_turn>\n<start_of_turn>model\nHi."
        "<end_of_turn>\n<start_of_turn>user\nWell?<end_of_turn>\n<start_of_turn>model\n"
    ),
    "llama3": "<|begin_of_text|>"
    + "".join(
        f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}"
        for role, text in (
            ("system", "Be kind.<|eot_id|>"),
            ("user", "How long?<|eot_id|>"),
            ("assistant", "Hi.<|eot_id|>"),
            ("user", "Well?<|eot_id|>"),
            ("assistant", ""),
        )
    ),
    "mistral-v7": f"{_MISTRAL_V7}[/INST]",
    "magistral": f"{_MISTRAL_V7}[/INST]",
    # the system's text moves on with the last question
    "mistral-v3": "<s>[INST] How long?[/INST] Hi.</s>[INST] Be kind.\n\nWell?[/INST]",
    "smollm3": _CHATML.replace("Be kind.", "## Metadata\n\nReasoning Mode: /no_think\n\nBe kind.")
    + "<think>\n\n</think>\n",
    "phi4-mini": (
        "<|system|>Be kind.<|end|><|user|>How long?<|end|><|assistant|>Hi.<|end|>"
        "<|user|>Well?<|end|><|assistant|>"
    ),
    "granite": "".join(
        f"<|start_of_role|>{role}<|end_of_role|>{text}"
        for role, text in (
            ("system", "Be kind.<|end_of_text|>\n"),
            ("user", "How long?<|end_of_text|>\n"),
            ("assistant", "Hi.<|end_of_text|>\n"),
            ("user", "Well?<|end_of_text|>\n"),
            ("assistant", ""),
        )
    ),
    "system-refused": _CHATML.replace(
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n",
        "<|im_start|>user\nBe kind.\n\n",
    ),
}

every = pytest.mark.parametrize("name", list(FAMILIES))
thinking = pytest.mark.parametrize("name", [n for n, one in FAMILIES.items() if one.thought])


def said(model: LanguageModel, max_tokens: int = 30) -> tuple[str, Finished]:
    request = Request(model.render(TURNS), Sampling(temperature=0), max_tokens)
    *text, finished = model.generate(request)
    assert isinstance(finished, Finished)
    return "".join(str(piece) for piece in text), finished


def tokens(model: LanguageModel, turns: list[ChatTurn]) -> list[int]:
    return [
        token
        for part in model.render(turns).parts()
        for token in model.vocabulary.tokenize(part.text, special=part.special)
    ]


def _thinks(family: Family) -> tuple[str, ...]:
    assert family.thought is not None
    opening, closing = family.thought
    return (opening, " secret", closing, "\n\n", "Sixty", " days", ".")


def test_every_template_of_the_catalogue_is_here() -> None:
    assert {offer.template.name for offer in offers()} <= set(FAMILIES) == set(EXPECTED)
    assert {offer.architecture for offer in offers()} <= {
        one.architecture for one in FAMILIES.values()
    }


@every
def test_a_turn_is_rendered_and_its_reply_ends(load: Load, tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    model = load(write_model(tmp_path / "model.gguf", family))
    rendered = model.render(TURNS).key.replace(TEMPLATE, b"").replace(CONTENT, b"").decode()
    assert rendered == EXPECTED[name]
    text, finished = said(model)
    assert text == "Sixty days."
    assert finished.reason == "stop"
    assert model.warnings == ()
    assert model.vocabulary.is_end(model.vocabulary.tokenize(family.end.encode(), special=True)[0])


@every
def test_a_prompt_begins_once(load: Load, tmp_path: Path, name: str) -> None:
    """A template and the vocabulary may both want to write the first token."""
    model = load(write_model(tmp_path / "model.gguf", FAMILIES[name]))
    read = tokens(model, TURNS)
    assert said(model)[1].prompt_tokens == len(read)
    assert model.vocabulary.bos not in read[1:] or not model.vocabulary.adds_bos


@every
def test_what_a_customer_types_is_no_control_token(load: Load, tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    model = load(write_model(tmp_path / "model.gguf", family))

    def controls(text: str) -> list[int]:
        found = tokens(model, [ChatTurn("user", text)])
        return [token for token in found if model.vocabulary.is_control(token)]

    typed = "".join(one for one in family.specials if one not in (family.thought or ()))
    assert controls(typed) == controls("x")


@thinking
def test_thoughts_never_reach_a_reply(load: Load, tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    model = load(write_model(tmp_path / "model.gguf", family, _thinks(family)))
    text, finished = said(model)
    assert text == "Sixty days."
    assert finished.reason == "stop"
    assert finished.reply_tokens == 7


@thinking
def test_a_thought_that_does_not_end_is_no_reply(load: Load, tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    assert family.thought is not None
    script = (family.thought[0], " secret", " plan")
    model = load(write_model(tmp_path / "model.gguf", family, script, ends=False))
    text, finished = said(model)
    assert text == ""
    assert finished.reason == "length"
