"""What is measured on: of the gathered data what nothing was trained on, and files of one's own."""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from bot.conversation import Message, Role, Sentiment, SentimentLabel
from bot.errors import UsageError
from bot.evaluation.feelings import Felt
from bot.evaluation.search import Corpus, Document
from bot.evaluation.words import Summed, Translated
from bot.language import detect_language
from models.training.data import sentiment_data
from models.training.data.corpus import SUMMARIES, is_held_out, records
from models.training.data.encoder_data import UNSEEN
from models.training.data.sources import require

SHORTEST = 40
"""Characters of an answer that is searched for."""
FEWEST = 25
"""Questions of a set that is searched."""
MADE = 9_000
"""Made messages, of which the tested part is taken."""
SUMMED = {
    "star_task_summary": "STAR, English",
    "multiwoz_goal_summary": "MultiWOZ, English",
    "crosswoz_goal_summary": "CrossWOZ, Chinese",
}
FELT = {
    "tweets": "tweets",
    "amazonReviewSnippets": "Amazon snippets",
    "movieReviewSnippets": "film snippets",
    "goemotions": "GoEmotions",
    "clinc150": "requests, CLINC150",
    "banking77": "requests, banking77",
}
_REQUESTS = ("intent/clinc150", "intent/multidogo_intents")
_ROLES = {"customer": Role.CUSTOMER, "user": Role.CUSTOMER, "agent": Role.AGENT}


NEEDED = {
    "search": ("faq/vagov_faq",),
    "sentiment": ("sentiment/vader_rated", "sentiment/goemotions", "intent/banking77"),
    "summaries": tuple(f"summary/{name}" for name in SUMMED),
    "translations": ("translation/k8s_pairs",),
}
"""Sets without which a suite has nothing to measure, or too little."""


Labelled: TypeAlias = tuple[str, str]
"""A text and its label."""


def check(data: Path, suites: Collection[str]) -> None:
    """Raise UsageError where the folder lacks what the suites need, or a set cannot be read."""
    needed = [name for suite in sorted(suites) for name in NEEDED.get(suite, ())]
    require(data, (), [*needed, *(_REQUESTS if "sentiment" in suites else ())])
    for file in (data / f"{name}.jsonl.xz" for name in needed):
        try:
            with lzma.open(file, "rt", encoding="utf-8") as lines:
                json.loads(next(lines))
        except (OSError, ValueError, lzma.LZMAError, EOFError, StopIteration) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None


def corpora(data: Path | None, count: int) -> list[Corpus]:
    """Help pages of whole sets that no model saw: people's questions and their answers."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, record in records(data, "faq") if data else ():
        if name.startswith(UNSEEN) and len(record["answer"]) > SHORTEST:
            found.setdefault(name.removesuffix("_faq"), []).append(record)
    return [
        _corpus(name, some, count) for name, some in sorted(found.items()) if len(some) >= FEWEST
    ]


def _corpus(name: str, records_of: Sequence[dict[str, Any]], count: int) -> Corpus:
    places: dict[tuple[str, str], str] = {}
    asked: dict[str, set[str]] = {}
    for record in records_of:
        page = (str(record.get("title") or "Help"), record["answer"])
        place = places.setdefault(page, f"page-{len(places)}")
        asked.setdefault(record["question"], set()).add(place)
    questions = sorted((text, frozenset(right)) for text, right in asked.items())
    chosen = random.Random(name).sample(questions, k=min(count, len(questions)))
    documents = tuple(Document(place, title, text) for (title, text), place in places.items())
    language = "zh" if records_of[0].get("lang") == "zh" else "en"
    return Corpus(name, language, documents, tuple(chosen))


def felt(data: Path | None, count: int) -> list[Felt]:
    """The tested parts of what the sentiment model was made from."""
    examples = sentiment_data.made_messages("en", MADE, seed=1)
    examples += sentiment_data.made_messages("zh", MADE, seed=1)
    if data:
        examples += sentiment_data.english_corpora(data)
    names = {"made en": "made messages, English", "made zh": "made messages, Chinese", **FELT}
    found = []
    for source, name in names.items():
        own = _kept(source, [one for one in examples if one.source == source], count)
        if own:
            language = "zh" if source.endswith("zh") else "en"
            found.append(_felt(name, language, own))
        signed = [(text, label) for text, label in own if label != "neutral"]
        if source in ("movieReviewSnippets", "amazonReviewSnippets") and signed:
            found.append(_felt(f"{name}, two labels", "en", signed))
    written = sentiment_data.written()
    for language, name in (("en", "English"), ("zh", "Chinese")):
        own = _kept(language, [e for e in written if e.source.endswith(f"_{language}")], count)
        found.append(_felt(f"reviews and messages written for kefu, {name}", language, own))
    return found


def _kept(seed: str, examples: Sequence[sentiment_data.Example], count: int) -> list[Labelled]:
    """Of those to test with, so many at most."""
    pairs = [(one.text, one.label) for one in examples if one.part == "test"]
    return random.Random(seed).sample(pairs, k=min(count, len(pairs)))


def _felt(name: str, language: str, pairs: Sequence[Labelled]) -> Felt:
    return Felt(name, language, tuple(t for t, _ in pairs), tuple(label for _, label in pairs))


def felt_in(name: str, lines: Sequence[dict[str, Any]]) -> list[Felt]:
    """A file of one's own: `text`, `label`, by language."""
    labels = [str(label) for label in SentimentLabel]
    by_language: dict[str, list[tuple[str, str]]] = {}
    for number, line in enumerate(lines, start=1):
        if line.get("label") not in labels:
            raise UsageError(
                f"line {number} of {name}: label {line.get('label')!r} is none of "
                f"{', '.join(labels)}"
            )
        language = str(line.get("language") or detect_language(line["text"]))
        by_language.setdefault(language, []).append((line["text"], line["label"]))
    return [_felt(f"{name}, {one}", one, pairs) for one, pairs in sorted(by_language.items())]


def summed(data: Path | None, count: int) -> list[Summed]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, record in records(data, "summary") if data else ():
        if name in SUMMED and is_held_out(record["summary"], SUMMARIES):
            found.setdefault(name, []).append(record)
    sets = []
    for name, some in sorted(found.items()):
        chosen = random.Random(name).sample(some, k=min(count, len(some)))
        conversations = tuple(tuple(_messages(record["turns"])) for record in chosen)
        sets.append(Summed(SUMMED[name], conversations, tuple(r["summary"] for r in chosen)))
    return sets


def _messages(turns: Sequence[dict[str, str]]) -> Iterator[Message]:
    for number, turn in enumerate(turns):
        yield Message(
            id=f"{number:06}",
            conversation="",
            role=_ROLES.get(turn["role"], Role.AGENT),
            text=turn["text"],
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            language=detect_language(turn["text"]),
            sentiment=Sentiment(SentimentLabel.NEUTRAL, score=0.0, confidence=1.0),
        )


def translated(data: Path | None, count: int) -> list[Translated]:
    """Of the pairs those that are kept out by a hash of their English."""
    kept = [
        record
        for _, record in (records(data, "translation") if data else ())
        if is_held_out(record["en"]) and len(record["en"]) < 400
    ]
    kept = random.Random(1).sample(kept, k=min(count, len(kept)))
    if not kept:
        return []
    english, chinese = tuple(r["en"] for r in kept), tuple(r["zh"] for r in kept)
    return [
        Translated("English to Chinese", "zh", english, chinese),
        Translated("Chinese to English", "en", chinese, english),
    ]
