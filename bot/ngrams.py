"""Hashed n-grams: what the sentiment heads see of a text besides its vector.

Training and use must agree to the letter: whoever changes this trains the heads again.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable
from itertools import pairwise

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[:;=<][-']?[)(dp/3|]+|[!?.]+|[^\w\s]")
SHOUTED = 0.6
"""The share of capitals from which a text of more than five letters counts as shouted."""


def english_ngrams(text: str) -> set[str]:
    """Lower-case words, punctuation runs, emoticons, emoji, and pairs of these; figures left out.

    "<s>" and "</s>" stand for the ends of the text, "<shout>" for a text in capitals.
    """
    text = text.replace("’", "'")
    words = WORD.findall(text.lower())
    framed = ["<s>", *words, "</s>"]
    grams = set(words) | {f"{first} {second}" for first, second in pairwise(framed)}
    letters = [character for character in text if character.isalpha()]
    if len(letters) > 5 and sum(map(str.isupper, letters)) > SHOUTED * len(letters):
        grams.add("<shout>")
    return grams


def chinese_ngrams(text: str) -> set[str]:
    """Runs of one to three characters after NFKC, in lower case, without spaces, figures as 0.

    "^" and "$" stand for the ends of the text.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"\d+", "0", re.sub(r"\s+", "", plain))
    framed = f"^{plain}$"
    return {framed[at : at + n] for n in (1, 2, 3) for at in range(len(framed) - n + 1)}


def places(ngrams: Iterable[str], size: int) -> list[int]:
    """Where the n-grams stand among `size` features, each place once: CRC-32 of UTF-8, modulo.

    Every place has the value 1 / sqrt(number of places), so that the features have unit length.
    """
    return sorted({zlib.crc32(ngram.encode("utf-8", "replace")) % size for ngram in ngrams})
