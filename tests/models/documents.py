"""What tests of made documents have in common."""

from __future__ import annotations

import random
import re
from collections import Counter

from models.training.data import phrases
from models.training.data.corpus import Document
from models.training.data.scene import Scene

LANGUAGES = ("en", "zh")


def text_of(document: Document) -> str:
    return "".join(text for text, _ in document)


def learnt(document: Document) -> list[str]:
    return [text.removesuffix("<|im_end|>") for text, wanted in document if wanted]


def scenes(count: int, language: str) -> list[Scene]:
    return [Scene(language, random.Random(f"{language} {n}"), held_out=False) for n in range(count)]


def said(patterns: list[str], language: str) -> list[str]:
    rng = random.Random(1)
    return [phrases.phrase(patterns, language, rng) for _ in range(300)]


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+", text))
