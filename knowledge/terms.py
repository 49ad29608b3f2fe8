"""What BM25 counts: English words by their stems, Chinese by overlapping pairs of characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise

UNSPACED = "\u0e00-\u0e7f\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Scripts without spaces between words, and Korean, whose words grow endings."""
WORD = rf"[^\W_{UNSPACED}]+"
TOKEN = re.compile(rf"(?P<run>[{UNSPACED}]+)|(?P<word>{WORD}(?:['’-]{WORD})*)")
ENGLISH = """
a about after again all also am an and any are as at be been before being but by can could did do
does doing dont for from get got had has have having he hello hi how i id if ill im in into is it
its ive just like may me might my need of off ok okay on one or our out please shall she should so
some such than thank thanks that the their them then there these they this those to too up us want
was we were what when where which while who whom whose why will with would yes no you your
"""
STOP_WORDS = frozenset(ENGLISH.split())
LONGEST = 40
"""Letters of a word that has a stem; beyond it are keys and noise, and the stemmer is slow."""
STOP_PHRASES = re.compile(
    "请问一下|请问|你们|我们|他们|我的|你好|您好|谢谢|为什么|什么时候|什么|怎么样|怎么办|怎么|怎样|如何|"
    "可不可以|可以|能不能|能否|是不是|是否|有没有|哪里|哪儿|哪些|哪个|多少钱|多少|多久|这个|那个|一下|需要|"
    "想要|如果|的话|还是|或者|我想|我要|我|你|您|吗|呢|吧|啊|呀|了(?!解)|的|么|那|是|(?<![现存正])在(?!线)|想|(?<!申)请"
)


def terms_of(text: str) -> str:
    """Of a passage, for the index: separated by spaces."""
    return " ".join(_terms(text, singles=True))


def query_terms(text: str) -> list[str]:
    """Of a question: distinct, without stop words, unless it consists of them."""
    found = _terms(_without_phrases(text), singles=True, without=STOP_WORDS)
    return _distinct(found) or _distinct(_terms(text, singles=True))


def content_terms(text: str) -> list[str]:
    """What a question says by itself, about one a word; empty for "how do I do that?"."""
    return _distinct(_terms(_without_phrases(text), singles=False, without=STOP_WORDS))


def _without_phrases(text: str) -> str:
    return STOP_PHRASES.sub(" ", unicodedata.normalize("NFKC", text))


def _distinct(terms: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(terms))


def _terms(text: str, *, singles: bool, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """`singles` adds each character by itself: "收到货" and "收货" share no pair."""
    for token in TOKEN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        if run := token["run"]:
            if singles or len(run) == 1:
                yield from run
            yield from (first + second for first, second in pairwise(run))
        else:
            yield from (stem(word) for word in _words(token["word"]) if word not in without)


def _words(word: str) -> Iterator[str]:
    """ "pick-up" as pick, up and pickup, "don't" as dont."""
    parts = re.sub(r"['’](?:s$)?", "", word).split("-")
    yield from parts
    if len(parts) > 1:
        yield "".join(parts)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    return _stemmer()(word) if word.isascii() and len(word) <= LONGEST else word


@cache
def _stemmer() -> Callable[[str], str]:
    import snowballstemmer  # type: ignore[import-untyped]

    stem_word: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem_word
