"""The words around an answer, for a model that words replies but does not read.

An outline holds such a model: the sentences that were picked stand in the reply word for word, and
around them a grammar lets each word only follow the five before it in some phrase that the model
was taught: with fewer, halves of two phrases are joined that do not belong together.
There is no figure, no name and no fact in those phrases; so whatever it samples, it cannot invent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from bot.conversation import SentimentLabel

Phrases = Mapping[str, Mapping[str, Sequence[str]]]
Outline = list[dict[str, str]]
"""The parts of a reply: `text` stands word for word, `grammar` (GBNF) is what may be written."""
State = tuple[str, ...]

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_UNIT = re.compile(r"\s*\S+")
_SPACED_PUNCTUATION = re.compile(r"\s+([.,!?:])")
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")
_START: State = ("",) * 5
_MOST = 4_000
"""Wordings of one pattern that are looked at; ours have a few dozen."""


FIXED = {
    "de": {
        SentimentLabel.NEUTRAL: (
            "Auf unseren Hilfeseiten steht dazu:",
            "Falls das nicht weiterhilft, fragen Sie gern noch einmal.",
        ),
        SentimentLabel.NEGATIVE: (
            "Das tut mir leid. Auf unseren Hilfeseiten steht dazu:",
            "Falls das nicht weiterhilft, sagen Sie es bitte; dann kümmert sich jemand darum.",
        ),
        SentimentLabel.POSITIVE: (
            "Das freut mich! Auf unseren Hilfeseiten steht dazu:",
            "Fragen Sie gern, wenn noch etwas ist!",
        ),
    },
    "fr": {
        SentimentLabel.NEUTRAL: (
            "Voici ce que disent nos pages d'aide :",
            "Si cela ne vous aide pas, n'hésitez pas à redemander.",
        ),
        SentimentLabel.NEGATIVE: (
            "Je suis désolé pour ce désagrément. Voici ce que disent nos pages d'aide :",
            "Si cela ne vous aide pas, dites-le-moi ; quelqu'un s'en occupera.",
        ),
        SentimentLabel.POSITIVE: (
            "Merci, cela fait plaisir ! Voici ce que disent nos pages d'aide :",
            "N'hésitez pas si vous avez d'autres questions !",
        ),
    },
    "es": {
        SentimentLabel.NEUTRAL: (
            "Esto es lo que dicen nuestras páginas de ayuda:",
            "Si no le sirve, no dude en preguntar de nuevo.",
        ),
        SentimentLabel.NEGATIVE: (
            "Lamento las molestias. Esto es lo que dicen nuestras páginas de ayuda:",
            "Si no le sirve, dígamelo y una persona se ocupará de ello.",
        ),
        SentimentLabel.POSITIVE: (
            "¡Gracias, me alegra leerlo! Esto es lo que dicen nuestras páginas de ayuda:",
            "¡No dude en preguntar si necesita algo más!",
        ),
    },
}
"""What stands before and after a quotation in languages in which the model was taught no words."""


class Wording:
    def __init__(self, phrases: Phrases) -> None:
        """`phrases`: by language and part ("opening.neutral", "greeting"), patterns in which
        `[a|b]` is a choice, and in languages without spaces a space parts words."""
        self._phrases = phrases
        self._fallback = "en" if "en" in phrases else next(iter(phrases))

    def around(self, quote: str, language: str, mood: SentimentLabel | None = None) -> Outline:
        """An opening, `quote` word for word, a closing."""
        felt = mood or SentimentLabel.NEUTRAL
        if language not in self._phrases and language in FIXED:
            before, after = FIXED[language][felt]
            return [{"text": f"{before}\n\n{quote}\n\n{after}"}]
        opening = ['root ::= opening "\\n\\n"']
        opening += self._rules("opening", f"opening.{felt}", language)
        closing = self._rules("root", f"closing.{felt}", language)
        return [
            {"grammar": "\n".join(opening)},
            {"text": f"{quote}\n\n"},
            {"grammar": "\n".join(closing)},
        ]

    def pleasantry(self, kind: str, language: str) -> Outline | None:
        """A few friendly words; `kind` as `bot.skills.small_talk` names them. None where the model
        was taught no such words."""
        if kind not in self._phrases[self._spoken(language)]:
            return None
        return [{"grammar": "\n".join(self._rules("root", kind, language))}]

    def _rules(self, name: str, part: str, language: str) -> list[str]:
        spoken = self._spoken(language)
        joiner = "" if spoken == "zh" else " "
        texts = (text for p in self._phrases[spoken][part] for text in _wordings(p, joiner))
        return _graph(name, texts, spaced=bool(joiner))

    def _spoken(self, language: str) -> str:
        return language if language in self._phrases else self._fallback


def _wordings(pattern: str, joiner: str) -> Iterator[str]:
    """Every text that the pattern stands for; words are parted by one space in all languages."""
    pieces = _CHOICE.split(pattern)  # text, choices, text, choices...
    options = [[p] if i % 2 == 0 else p.split("|") for i, p in enumerate(pieces)]
    for number, chosen in enumerate(product(*options)):
        if number == _MOST:
            return
        text = " ".join("".join(chosen).split())
        yield _SPACED_PUNCTUATION.sub(r"\1", text) if joiner else text


def _graph(name: str, texts: Iterable[str], *, spaced: bool) -> list[str]:
    """One rule a state, a state being the last words: what may come next."""
    following: dict[State, dict[str, State]] = {}
    ends: set[State] = set()
    for text in texts:
        state = _START
        for unit in _UNIT.findall(text):
            word = unit if spaced else unit.strip()
            after = (*state[1:], word)
            following.setdefault(state, {})[word] = after
            state = after
        ends.add(state)
    numbers: dict[State, str] = {_START: name}
    for nexts in following.values():
        for state in nexts.values():
            numbers.setdefault(state, f"{name}-{len(numbers)}")
    rules = []
    for state, rule in numbers.items():
        ways = [f"{_literal(w)} {numbers[s]}" for w, s in following.get(state, {}).items()]
        ways += ['""'] if state in ends else []
        rules.append(f"{rule} ::= {' | '.join(ways)}")
    return rules


def _literal(text: str) -> str:
    """A GBNF string: it knows fewer escapes than JSON does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + _CONTROL.sub(lambda found: "\\x" + found[0].encode().hex(), escaped) + '"'
