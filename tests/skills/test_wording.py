import ctypes
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from bot.skills.wording import Wording
from models.training.phrases import DENIALS, lexicon
from tests.engine.tiny import write_language_model

LEXICON = {language: lexicon(language) for language in ("en", "zh")}


class Acceptor:
    """llama.cpp's own grammar over a vocabulary of bytes."""

    def __init__(self, path: Path) -> None:
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)

    def accepts(self, grammar: str, text: str) -> bool:
        """Whether `text` and then the end of the reply are allowed, token by token."""
        sampler = llama_cpp.llama_sampler_init_grammar(self._vocabulary, grammar.encode(), b"root")
        assert sampler, "llama.cpp cannot read the grammar"
        end = llama_cpp.llama_vocab_eos(self._vocabulary)
        try:
            return all(self._allowed(sampler, token) for token in [*self._tokens(text), end])
        finally:
            llama_cpp.llama_sampler_free(sampler)

    def _allowed(self, sampler: Any, token: int) -> bool:
        row = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 0.0, 0.0))
        array = llama_cpp.llama_token_data_array(row, 1, -1, False)
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
        if math.isinf(row[0].logit):
            return False
        llama_cpp.llama_sampler_accept(sampler, token)
        return True

    def _tokens(self, text: str) -> list[int]:
        data = text.encode()
        room = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), room, len(room), False, False
        )
        return list(room[:count])

    def close(self) -> None:
        llama_cpp.llama_model_free(self._model)


@pytest.fixture(scope="module")
def acceptor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acceptor]:
    path = tmp_path_factory.mktemp("wording") / "tiny.gguf"
    write_language_model(path)
    acceptor = Acceptor(path)
    yield acceptor
    acceptor.close()


QUOTE = 'Shoes can be returned within 60 days of "delivery" \\ at no cost.'


def test_the_quote_stands_word_for_word(acceptor: Acceptor) -> None:
    grammar = Wording(LEXICON).around(QUOTE, "en")
    reply = f"Here is what our help pages say:\n\n{QUOTE}\n\nIs there anything else?"
    assert acceptor.accepts(grammar, reply)
    assert not acceptor.accepts(grammar, reply.replace("60", "30"))
    assert not acceptor.accepts(grammar, f"{QUOTE}\n\nIs there anything else?")


@pytest.mark.parametrize(
    "opening",
    ["Within 30 days", "Amazon says", "You can not do this", "It is free", "<b>hello</b>", "60"],
)
def test_no_figures_names_or_facts_around_it(acceptor: Acceptor, opening: str) -> None:
    grammar = Wording(LEXICON).around(QUOTE, "en")
    assert not acceptor.accepts(grammar, f"{opening}:\n\n{QUOTE}\n\nThank you.")


def test_chinese(acceptor: Acceptor) -> None:
    quote = "鞋子可在送达后60天内退回。"
    grammar = Wording(LEXICON).around(quote, "zh")
    assert acceptor.accepts(
        grammar, f"感谢您的提问，下面是帮助页面的说明：\n\n{quote}\n\n还有什么问题？"
    )
    assert not acceptor.accepts(grammar, f"您有30天：\n\n{quote}\n\n谢谢。")


def test_small_talk_and_a_language_without_a_lexicon(acceptor: Acceptor) -> None:
    wording = Wording(LEXICON)
    assert acceptor.accepts(wording.free("en"), "Hello! How can I help you today?")
    assert wording.free("de") == wording.free("en")


def test_the_lexicon_denies_nothing_and_counts_nothing() -> None:
    for words in LEXICON.values():
        assert not DENIALS & set(words)
        assert not any(character.isdigit() for word in words for character in word)
