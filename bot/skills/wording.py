"""The words around an answer, for a model that words replies but does not read.

A grammar holds such a model: the sentences that were picked stand in the reply word for word, and
the opening and the closing are made of the model's own closed vocabulary, in which there is no
figure, no name and no fact. So whatever it samples, it cannot invent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

OPENING_WORDS = 16
CLOSING_WORDS = 16
"""The longest sentence of the model's own, in words."""


class Wording:
    def __init__(self, lexicon: dict[str, Sequence[str]]) -> None:
        """`lexicon`: for each language the words that the model may use, lower case."""
        self._words = {language: _words(language, words) for language, words in lexicon.items()}
        self._fallback = next(iter(lexicon))

    def around(self, quote: str, language: str) -> str:
        """The GBNF of a reply: an opening, `quote` word for word, a closing."""
        spoken = self._language(language)
        return "\n".join(
            [
                'root ::= opening "\\n\\n" quote "\\n\\n" closing',
                f"quote ::= {json.dumps(quote, ensure_ascii=False)}",
                *_SENTENCES[spoken],
                *self._words[spoken],
            ]
        )

    def free(self, language: str) -> str:
        """The GBNF of a few friendly words about nothing: greetings, thanks, goodbyes."""
        spoken = self._language(language)
        return "\n".join(["root ::= closing", *_SENTENCES[spoken], *self._words[spoken]])

    def _language(self, language: str) -> str:
        return language if language in self._words else self._fallback


_SENTENCES = {
    "en": (
        'opening ::= (sentence [.!] " ")? sentence [:]',
        'closing ::= sentence [.!?] (" " sentence [.!?]){0,2}',
        f'sentence ::= first (","? " " word){{0,{OPENING_WORDS}}}',
    ),
    "zh": (
        "opening ::= (sentence [。！])? sentence [：]",
        "closing ::= sentence [。！？] (sentence [。！？]){0,2}",
        f'sentence ::= first ("，"? word){{0,{CLOSING_WORDS}}}',
    ),
}


def _words(language: str, words: Iterable[str]) -> tuple[str, str]:
    lower = sorted(set(words))
    first = lower if language == "zh" else [word[0].upper() + word[1:] for word in lower]
    return f"first ::= {_tree(sorted(set(first)))}", f"word ::= {_tree(lower)}"


def _tree(words: list[str]) -> str:
    """Alternatives as a prefix tree: few paths stay open at each letter, so a check is quick."""
    branches: dict[str, list[str]] = {}
    for word in words:
        branches.setdefault(word[0], []).append(word[1:])
    return "(" + " | ".join(_branch(letter, rests) for letter, rests in branches.items()) + ")"


def _branch(letter: str, rests: list[str]) -> str:
    longer = [rest for rest in rests if rest]
    start = json.dumps(letter, ensure_ascii=False)
    if not longer:
        return start
    return f"{start} {_tree(longer)}{'?' if '' in rests else ''}"
