"""What is the same twice: documents word for word, and those that ask the same business the same
and are told the same."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

from models.training.data.corpus import Document
from models.training.data.scene import Made

_BUSINESS = re.compile(r"customer-service assistant of (.+?)\. Answer")
_MESSAGE = re.compile(r"<message>\n?(.*?)\n?</message>", re.DOTALL)
_FIGURE = re.compile(r"\d[\d.,:]*")
_LETTERS = re.compile(r"[\W_]+")


def signature(document: Document) -> int:
    """The same for two documents whose business, questions and figures in the replies are the
    same; where a reply has no figure, its letters count."""
    shown = "".join(text for text, learnt in document if not learnt)
    replies = [text for text, learnt in document if learnt]
    business = _BUSINESS.search(shown)
    asked = _MESSAGE.findall(shown)
    told = [" ".join(sorted(_FIGURE.findall(text))) or _letters(text) for text in replies]
    parts = [business[1] if business else "", *map(_letters, asked), *told]
    if not asked:  # running text
        parts = [text for text, _ in document]
    return _hash("\0".join(parts))


def _letters(text: str) -> str:
    return _LETTERS.sub("", text).lower()


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


class Seen:
    """What came before. Documents that are alike word for word have one signature, too."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self.count = 0
        self.dropped = 0

    def is_new(self, signature: int) -> bool:
        self.count += 1
        if signature in self._known:
            self.dropped += 1
            return False
        self._known.add(signature)
        return True

    def told(self) -> str:
        share = self.dropped / max(1, self.count)
        return f"{self.dropped:,} of {self.count:,} documents dropped, {share:.2%}: seen before"


class Census:
    """Counts of what is made."""

    def __init__(self, tokens_of: Callable[[str], float]) -> None:
        self._tokens_of = tokens_of
        self._began = time.monotonic()
        self._counts: dict[str, Counter[str]] = {"kind": Counter(), "language": Counter(),
                                                 "trade": Counter()}  # fmt: skip
        self._tokens: Counter[str] = Counter()
        self._learnt = 0.0
        self._businesses: set[str] = set()
        self._texts: set[int] = set()
        self._seen = Seen()

    def add(self, one: Made) -> None:
        for by in self._counts:
            self._counts[by][getattr(one, by)] += 1
        for text, learnt in one.document:
            tokens = self._tokens_of(text)
            self._tokens[one.kind] += round(tokens)
            self._learnt += tokens if learnt else 0
        self._businesses.add(f"{one.trade} {one.business}")
        self._texts.add(_hash("".join(text for text, _ in one.document)))
        self._seen.is_new(signature(one.document))

    def told(self) -> str:
        seen = self._seen
        lines = [
            f"documents {seen.count:,}, word for word distinct {len(self._texts):,}, "
            f"near duplicates {seen.dropped:,} ({seen.dropped / max(1, seen.count):.2%})",
            f"tokens {self._tokens.total():,}, of them learnt {round(self._learnt):,}",
            f"names of businesses {len(self._businesses):,}",
            f"seconds {time.monotonic() - self._began:.1f}",
        ]
        for by, counts in self._counts.items():
            lines.append(f"by {by}:")
            for name, count in counts.most_common():
                tokens = f", {self._tokens[name]:,} tokens" if by == "kind" else ""
                lines.append(f"  {name} {count:,}{tokens}")
        return "\n".join(lines)
