"""What the sentiment heads learn from: corpora by source, messages made from phrases, and reviews,
messages and critics' sentences written for kefu, irony among them.

A label says what the customer shows. Negative: annoyance, disappointment, or a bad experience
told as one. Positive: thanks, praise, joy. Neutral: asking or informing, a question about
something broken or late included ("How do I return a broken lamp?").
"""

from __future__ import annotations

import json
import lzma
import random
import re
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PIECES = Path(__file__).parent / "customer_messages"
WRITTEN = Path(__file__).parent / "feelings"
"""Texts one by one, `KIND_LANGUAGE.tsv`: a label, a tab, a text."""
LABELS = ("negative", "neutral", "positive")
SETS = (
    "sentiment/vader_rated", "sentiment/goemotions", "intent/banking77", "intent/clinc150",
    "intent/multidogo_intents", "text/crosswoz_template_utterances", "translation/bagisto_ui",
    "translation/chatwoot_ui",
)  # fmt: skip
"""That are read by their names."""


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    label: str
    source: str
    group: str = ""
    """What it was made from, for messages made from phrases."""
    kept: str = ""
    """The part, where it does not follow from the text."""

    @property
    def part(self) -> str:
        """By the text, or what it was made from, alone: nothing is ever in two parts."""
        if self.kept:
            return self.kept
        place = zlib.crc32((self.group or self.text).encode()) % 100
        return "test" if place < 12 else "calibration" if place < 20 else "train"


FEELING = re.compile(
    r"!!|\b(angry|annoy|awful|bad|best|better|disappoint|dissatisf|excellent|fed up|frustrat|glad|"
    r"great|happy|hate|horrible|love|nice|perfect|poor|problem|ridiculous|sad|sorry|stupid|sucks?|"
    r"terrible|thank|unacceptable|unhappy|upset|useless|wonderful|worr|worst|wrong)",
    re.IGNORECASE,
)
FEELING_ZH = re.compile(
    "[!！]|好|棒|赞|谢|喜欢|爱|开心|高兴|满意|美|不错|优|可惜|糟|差|讨厌|"
    "失望|坏|难|气|怒|骗|垃圾|烦|慢|贵|惨|哭|唉|哎|呵|哈|怕|恨|死|笨|蠢|累|伤|悲|厉害|完美|幸福|快乐|祝"
)


def read(file: Path) -> Iterator[dict[str, str]]:
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def english_corpora(data: Path) -> list[Example]:
    """Everything that is there, repeated texts left out."""
    rated = read(data / "sentiment/vader_rated.jsonl.xz")
    found = [Example(row["text"], row["label"], row["source"]) for row in rated]
    # Editorials judge the world, not what happened to the writer.
    found = [example for example in found if example.source != "nytEditorialSnippets"]
    for row in read(data / "sentiment/goemotions.jsonl.xz"):
        found.append(Example(row["text"].replace("[NAME]", "Sam"), row["label"], "goemotions"))
    found += service_requests(data / "intent")
    return list({example.text: example for example in found}.values())


def service_requests(folder: Path) -> Iterator[Example]:
    intents = tomllib.loads((PIECES / "intents.toml").read_text("utf-8"))
    for row in read(folder / "banking77.jsonl.xz"):
        if row["label"] in intents["banking77_neutral"] and not FEELING.search(row["text"]):
            yield Example(row["text"], "neutral", "banking77")
    for row in read(folder / "clinc150.jsonl.xz"):
        if row["label"] not in intents["clinc150_mixed"] and not FEELING.search(row["text"]):
            yield Example(row["text"], "neutral", "clinc150")
    for row in read(folder / "multidogo_intents.jsonl.xz"):
        if row["label"] == "thankyou":
            yield Example(row["text"], "positive", "multidogo")
        elif row["label"] not in intents["multidogo_mixed"] and not FEELING.search(row["text"]):
            yield Example(row["text"], "neutral", "multidogo")


def chinese_corpora(data: Path, count: int, seed: int) -> list[Example]:
    """Neutral sentences only: customers' requests and talk without a word of feeling."""
    dice = random.Random(seed)
    found: dict[str, Example] = {}
    for row in read(data / "text/crosswoz_template_utterances.jsonl.xz"):
        if row["role"] == "customer" and not FEELING_ZH.search(row["text"].replace("你好", "")):
            found[row["text"]] = Example(row["text"], "neutral", "crosswoz")
    requests = dice.sample(list(found.values()), min(count, len(found)))
    talk: dict[str, Example] = {}
    for file in ("bagisto_ui", "chatwoot_ui"):
        for row in read(data / f"translation/{file}.jsonl.xz"):
            text = row["zh"]
            if len(text) > 5 and "{" not in text and not FEELING_ZH.search(text):
                talk[text] = Example(text, "neutral", "shop pages")
    return requests + dice.sample(list(talk.values()), min(count // 4, len(talk)))


def made_messages(language: str, count: int, seed: int) -> list[Example]:
    """Distinct messages from `customer_messages/LANGUAGE.toml`, a third of each label."""
    dice = random.Random(seed)
    pieces = tomllib.loads((PIECES / f"{language}.toml").read_text("utf-8"))
    made: dict[str, Example] = {}
    for label in LABELS:
        wanted = len(made) + count // len(LABELS)
        for _ in range(count * 20):
            if len(made) == wanted:
                break
            frame = dice.choice(pieces[label]["frames"])
            text = message(frame, pieces[label], pieces["slots"], dice)
            made.setdefault(text, Example(text, label, f"made {language}", frame))
    return list(made.values())


def written() -> list[Example]:
    """Each file is a source of its own. Neighbours are often alike but for what they mean, so its
    end is kept out as a whole."""
    found = []
    for path in sorted(WRITTEN.glob("*.tsv")):
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines):
            label, _, text = line.partition("\t")
            left = 1 - number / len(lines)
            part = "test" if left <= 0.12 else "calibration" if left <= 0.2 else "train"
            found.append(Example(text, label, f"written {path.stem}", kept=part))
    return found


def message(
    frame: str, label: dict[str, list[str]], slots: dict[str, list[str]], dice: random.Random
) -> str:
    """The frame with its slots filled, sometimes with an opening and an ending."""
    text, (gap,) = frame, slots["gap"]
    if dice.random() < 0.35:
        text = dice.choice(label["openings"]) + gap + text
    if dice.random() < 0.35:
        text = (text if gap == " " else text.rstrip("。")) + gap + dice.choice(label["endings"])
    while match := re.search(r"\{(\w+)\}", text):
        text = text[: match.start()] + dice.choice(slots[match[1]]) + text[match.end() :]
    return roughen(text, dice)


def roughen(text: str, dice: random.Random) -> str:
    """As people type: without capitals, without a full stop, now and then without commas."""
    if dice.random() < 0.3:
        text = text.lower()
    if dice.random() < 0.3:
        text = text.rstrip(".。")
    if dice.random() < 0.15:
        text = text.replace(",", "").replace("，", " ").replace("'", "")
    return text
