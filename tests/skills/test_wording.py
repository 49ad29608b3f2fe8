import ctypes
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from bot.conversation import SentimentLabel
from bot.skills.small_talk import SmallTalk
from bot.skills.wording import FIXED, Outline, Wording
from models.training.data.phrases import MOODS, SMALL_TALK, phrase, taught
from tests.engine.tiny import write_language_model

WORDING = Wording(taught())


class Acceptor:
    """llama.cpp's own grammar over a vocabulary of bytes."""

    def __init__(self, path: Path) -> None:
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)

    def accepts_reply(self, outline: Outline, reply: str) -> bool:
        """Whether the outline's parts make `reply`, which has one quote between blank lines."""
        if len(outline) == 1:
            return self.accepts(outline[0]["grammar"], reply)
        opening, quote, closing = outline
        end = reply.find("\n\n") + 2
        rest = reply[end:]
        return (
            self.accepts(opening["grammar"], reply[:end])
            and rest.startswith(quote["text"])
            and self.accepts(closing["grammar"], rest.removeprefix(quote["text"]))
        )

    def accepts(self, grammar: str, text: str) -> bool:
        """Whether `text` and then its end are allowed, token by token."""
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


QUOTE = 'Shoes can be returned within 60 days of "delivery" \\ at no cost. 🎉'


def test_the_quote_stands_word_for_word(acceptor: Acceptor) -> None:
    outline = WORDING.around(QUOTE, "en")
    reply = f"Our help pages explain this:\n\n{QUOTE}\n\nI hope this helps."
    assert acceptor.accepts_reply(outline, reply)
    assert not acceptor.accepts_reply(outline, reply.replace("60", "30"))
    assert not acceptor.accepts_reply(outline, f"{QUOTE}\n\nI hope this helps.")
    assert outline[1] == {"text": f"{QUOTE}\n\n"}


def test_a_quote_of_several_lines(acceptor: Acceptor) -> None:
    quote = "1. Print the label.\n2. Pack the \x07\x0c\x08\t\r shoes \\n.\n\n| a | b |"
    reply = f"Our help pages explain this:\n\n{quote}\n\nI hope this helps."
    assert acceptor.accepts_reply(WORDING.around(quote, "en"), reply)


@pytest.mark.parametrize(
    "opening",
    ["Within 30 days:", "Amazon says:", "You can not do this:", "It is free:", "<b>hello</b>:"],
)
def test_no_figures_names_or_facts_around_it(acceptor: Acceptor, opening: str) -> None:
    outline = WORDING.around(QUOTE, "en")
    assert not acceptor.accepts_reply(outline, f"{opening}\n\n{QUOTE}\n\nI hope this helps.")


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_taught_may_be_said(acceptor: Acceptor, language: str, mood: str) -> None:
    rng = random.Random(4)
    outline = WORDING.around("…", language, SentimentLabel(mood))
    for _ in range(15):
        opening = phrase(list(taught()[language][f"opening.{mood}"]), language, rng)
        closing = phrase(list(taught()[language][f"closing.{mood}"]), language, rng)
        assert acceptor.accepts_reply(outline, f"{opening}\n\n…\n\n{closing}")


@pytest.mark.parametrize("kind", [kind for kind in SmallTalk if kind in SMALL_TALK["en"]])
def test_small_talk(acceptor: Acceptor, kind: SmallTalk) -> None:
    rng = random.Random(4)
    for language in ("en", "zh"):
        _, replies = SMALL_TALK[language][kind]
        outline = WORDING.pleasantry(kind, language)
        assert outline is not None
        assert acceptor.accepts_reply(outline, phrase(replies, language, rng))
    assert WORDING.pleasantry(kind, "de") == WORDING.pleasantry(kind, "en")


def test_what_was_not_taught_is_not_asked_for() -> None:
    assert WORDING.pleasantry(SmallTalk.ACKNOWLEDGEMENT, "en") is None


def reaches_itself(rules: dict[str, set[str]], name: str) -> bool:
    seen: set[str] = set()
    open_ = set(rules[name])
    while open_:
        if name in open_:
            return True
        seen |= open_
        open_ = {after for one in open_ for after in rules[one]} - seen
    return False


def test_no_wording_goes_on_for_ever() -> None:
    """A state that is reached again could be reached for ever."""
    for language, parts in taught().items():
        for part in parts:
            lines = WORDING._rules("x", part, language)
            pairs = [line.split(" ::= ", 1) for line in lines]
            rules = {name: set(re.findall(r'" (x-\d+)', body)) for name, body in pairs}
            looping = [name for name in rules if reaches_itself(rules, name)]
            assert looping == [], (language, part)


def test_what_is_taught_counts_nothing() -> None:
    for parts in taught().values():
        for patterns in parts.values():
            assert not re.search(r"\d", " ".join(patterns))


@pytest.mark.parametrize("language", ["de", "es", "fr"])
@pytest.mark.parametrize("mood", list(SentimentLabel))
def test_languages_that_the_model_was_not_taught_have_words_of_their_own(
    language: str, mood: SentimentLabel
) -> None:
    (part,) = WORDING.around("60 days.\n- Always.", language, mood)
    before, after = FIXED[language][mood]
    assert part == {"text": f"{before}\n\n60 days.\n- Always.\n\n{after}"}
    assert not re.search(r"\d", before + after)


def test_halves_that_do_not_belong_together_are_not_joined(acceptor: Acceptor) -> None:
    grammar = WORDING.around("", "zh")[2]["grammar"]
    assert acceptor.accepts(grammar, "如果还有其他问题，请随时告诉我。")
    assert not acceptor.accepts(grammar, "如果还有其他需要帮助的吗？")
