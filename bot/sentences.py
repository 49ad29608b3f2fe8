"""Where one sentence ends and the next begins, in English and Chinese help pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

LIST_ITEM = re.compile(
    r"\s*(?:[-*+•·–]\s|\(?(?:\d{1,3}[.)]|[A-Za-z]\))\s|（?[一二三四五六七八九十\d]{1,3}[、）])"
)
END = re.compile(
    r"(?P<wide>[。！？]+)[”’」』）》】]*"
    r"|(?<![.!?…])(?P<narrow>[.!?…]+)[\"'”’」』）)\]]*(?=\s|$)"
    r"|(?<=[\u4e00-\u9fff])[.!?](?=[\u4e00-\u9fff])"
)
ABBREVIATIONS = {
    *("mr", "mrs", "ms", "mx", "dr", "prof", "st"),
    *("e.g", "eg", "i.e", "ie", "vs", "approx", "ca", "cf", "incl", "excl"),
}
BEFORE_NUMBERS = {"no", "nos", "nr", "fig", "p", "pp", "art", "tel", "ext", "sec", "vol", "ch"}
AFTER_CLOCK = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"[a-z]*\b|(?:[A-Z]{1,4}T|UTC)\b"
)
MARKER = re.compile(r"\s*\(?(?:\d{1,3}|[A-Za-z])")
WRAPPED = 60
"""Characters from which a line without a full stop is taken to go on in the next."""


def split_sentences(text: str) -> list[str]:
    """Verbatim pieces of `text`, stripped; a list item or a table row is one, however long."""
    return [
        sentence
        for block, whole in _blocks(text)
        for piece in ([block] if whole else _cut(block))
        if (sentence := piece.strip())
    ]


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Lines that run on into each other; with each whether it is a list item or a table row."""
    lines: list[str] = []
    whole = False
    for line in text.split("\n"):
        row = _is_table_row(line)
        item = bool(LIST_ITEM.match(line))
        if row or item or not (lines and _runs_on(lines[-1], line)):
            yield "\n".join(lines), whole
            lines, whole = [], row or item
        lines.append(line)
        if row:
            yield line, whole
            lines = []
    yield "\n".join(lines), whole


def _is_table_row(line: str) -> bool:
    line = line.strip()
    return line.startswith("|") or " | " in line or "\t" in line


def _runs_on(line: str, following: str) -> bool:
    line, following = line.strip(), following.strip()
    if not line or not following or line[-1] in ":：。！？":
        return False
    return following[0].islower() or (len(line) >= WRAPPED and line[-1] not in ".!?")


def _cut(block: str) -> Iterator[str]:
    start = 0
    for end in END.finditer(block):
        if not _is_abbreviation(block, start, end):
            stop = _closing_quote(block, start, end)
            yield block[start:stop]
            start = stop
    yield block[start:]


def _is_abbreviation(block: str, start: int, end: re.Match[str]) -> bool:
    """Whether the sentence goes on after this mark."""
    narrow = end["narrow"]
    if narrow is None:
        return False
    following = block[end.end() : end.end() + 40].lstrip()
    if narrow.strip("!?") == "":
        return end.end() > end.end("narrow") and following[:1].islower()
    if following[:1].islower() and not following[1:2].isupper():  # "iPhone" may begin a sentence
        return True
    before = block[max(start, end.start() - 20) : end.start()]
    word = re.split(r"[\s(（\"“‘]", before)[-1]
    if narrow == "." and MARKER.fullmatch(block, start, end.start()):
        return True
    return narrow == "." and _stands_open(word, following)


def _stands_open(word: str, following: str) -> bool:
    """Whether the full stop after `word` belongs to the word."""
    plain = word.lower()
    if plain in ABBREVIATIONS:
        return True
    if plain in BEFORE_NUMBERS:
        return following[:1].isdigit()
    if plain in ("a.m", "p.m", "am", "pm"):
        return bool(AFTER_CLOCK.match(following))
    return len(word) == 1 and word.isupper() and word.isascii() and word != "I"


def _closing_quote(block: str, start: int, end: re.Match[str]) -> int:
    """The end of the mark, with the straight quote after it where that closes one."""
    stop = end.end()
    if end["wide"] and block[stop : stop + 1] == '"' and block.count('"', start, stop) % 2:
        return stop + 1
    return stop
