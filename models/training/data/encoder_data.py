"""What the encoder is tuned on: questions, what answers them, and what stands near and does not.

    python -m models.training.data.encoder_data --data DATA --out runs/encoder

writes `learn.jsonl.xz`, `feelings.jsonl.xz` and, of trades, topics and help pages that are never
trained on, `held_out.jsonl.xz`, `topics.jsonl.xz` and `search.jsonl.xz`. Everything follows from
the seed.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.reading import told
from bot.sentences import split_sentences
from knowledge.followup import is_follow_up
from models.training.data import phrases, sentiment_data, sources
from models.training.data.businesses import HelpPage, Told, Trade, draw_business, load_trades
from models.training.data.corpus import is_held_out, records
from models.training.data.families import draw_family
from models.training.data.item import BARE, Item
from models.training.data.reading import cut_passages, holds, question_to
from models.training.data.scene import laid_out
from models.training.data.topics import topic_items
from models.training.data.turns import as_typed

TASKS = ("grounded_qa", "faq", "text", "translation", "intent", "sentiment")
"""That are read of the data folder."""
UNSEEN = ("vagov", "f18handbook", "medusa", "ms_teams_zh", "github_policy")
"""Sets whose pages are never trained on: they are what search is measured on."""
FOLLOW_UPS, OTHER_LANGUAGE, TWO_AT_ONCE = 0.25, 0.15, 0.06
NEGATIVES = 9
MADE, CHINESE_REQUESTS = 9_000, 3_000
TWINS = 0.6
"""Of the translations."""


class Shown:
    """Sentences of a page with its headings, now and then without."""

    def __init__(self, page: HelpPage, rng: random.Random) -> None:
        bare = rng.random() < BARE
        self.title, self.heading = ("", "") if bare else (page.title, page.heading)

    def sentences(self, text: str) -> list[str]:
        return [told(self.title, self.heading, one) for one in split_sentences(text)]


class Asker:
    """Questions to the businesses of a trade, in one language, now and then in the other."""

    def __init__(self, number: int, language: str, rng: random.Random, *, held_out: bool) -> None:
        self.language, self.rng, self.held_out = language, rng, held_out
        self.other = "zh" if language == "en" else "en"
        trades = load_trades(language, held_out=held_out)
        self.number = number % len(trades)
        self.trade = trades[self.number]
        self.places = _places(self.trade)

    def items(self, questions: int) -> Iterator[Item]:
        rng = self.rng
        business = draw_business(self.trade, self.language, rng)
        other = load_trades(self.other, held_out=self.held_out)[self.number]
        foreign = draw_business(other, self.other, rng)
        families = [draw_family(self.language, rng.choice("£$€"), rng) for _ in range(2)]
        for _ in range(questions):
            if not self.held_out and rng.random() < 0.25:
                yield from self._of_family(rng.choice(families), business.pages)
                continue
            page = rng.choice(business.pages)
            fact = rng.choice(page.facts)
            place = self.places[id(fact.fact)]
            key = f"{self.trade.name} {place}"
            asked = fact.fact
            fill, language = business.values.fill, self.language
            if rng.random() < OTHER_LANGUAGE and not self.held_out:
                asked = other.pages[place[0]].facts[place[1]]
                fill, language = foreign.values.fill, self.other
            question = fill(rng.choice(asked.ask))
            wanted = [fact]
            if rng.random() < FOLLOW_UPS and len(page.facts) > 1 and language == self.language:
                before = rng.choice([f for f in page.facts if f is not fact])
                question = f"{fill(rng.choice(before.fact.ask))} {fill(rng.choice(asked.follow))}"
            elif rng.random() < TWO_AT_ONCE and len(page.facts) > 1 and language == self.language:
                second = rng.choice([f for f in page.facts if f is not fact])
                question = f"{question} {fill(rng.choice(second.fact.ask))}"
                wanted.append(second)
            mood = rng.choices(phrases.MOODS, weights=(2, 7, 1))[0]
            question = as_typed(question, mood, language, rng)
            yield self._item("trade", question, wanted, page, business.pages, key)
            if not self.held_out:
                yield self._passage(question, page, business.pages, key)

    def _of_family(self, page: HelpPage, pages: Sequence[HelpPage]) -> Iterator[Item]:
        fact = self.rng.choice(page.facts)
        question = as_typed(self.rng.choice(fact.fact.ask), "neutral", self.language, self.rng)
        yield self._item("family", question, [fact], page, pages, f"family {page.title}")

    def _item(
        self,
        kind: str,
        question: str,
        wanted: Sequence[Told],
        page: HelpPage,
        pages: Sequence[HelpPage],
        key: str,
    ) -> Item:
        rng = self.rng
        shown = Shown(page, rng)
        right = [shown.sentences(fact.page)[0] for fact in wanted]
        wrong = [s for fact in page.facts if fact not in wanted for s in shown.sentences(fact.page)]
        filler = phrases.phrase(phrases.FILLERS[self.language], self.language, rng)
        wrong += shown.sentences(filler)[:1]
        elsewhere = [p for p in pages if p is not page]
        for other in rng.sample(elsewhere, k=min(3, len(elsewhere))):
            beside = Shown(other, rng)
            wrong += [beside.sentences(fact.page)[0] for fact in other.facts[:2]]
        if not self.held_out:
            rng.shuffle(wrong)
            wrong = wrong[:NEGATIVES]
        return Item(kind, question, right, wrong, key, self.language)

    def _passage(self, question: str, page: HelpPage, pages: Sequence[HelpPage], key: str) -> Item:
        def text(of: HelpPage) -> str:
            facts = [fact.page for fact in of.facts]
            self.rng.shuffle(facts)
            body = laid_out(facts, self.language, self.rng)
            return told(of.title, of.heading, body)

        elsewhere = [p for p in pages if p is not page]
        wrong = [text(p) for p in self.rng.sample(elsewhere, k=min(2, len(elsewhere)))]
        return Item("passage", question, [text(page)], wrong, key, self.language)


def _places(trade: Trade) -> dict[int, tuple[int, int]]:
    return {
        id(fact): (p, f) for p, page in enumerate(trade.pages) for f, fact in enumerate(page.facts)
    }


def trade_items(businesses: int, rng: random.Random, *, held_out: bool = False) -> Iterator[Item]:
    for number in range(businesses):
        language = "zh" if rng.random() < 0.4 else "en"
        yield from Asker(number, language, rng, held_out=held_out).items(8)


def grounded_items(data: Path, rng: random.Random) -> Iterator[Item]:
    """Real questions: the sentences of the passage that the answer has, against the others."""
    for name, record in records(data, "grounded_qa"):
        if name.startswith(UNSEEN) or "_api_" in name or "_db_" in name:
            continue
        language = "zh" if record.get("lang") == "zh" else "en"
        question = _with_history(record, rng)
        passages = [_without_question(str(p), record["question"]) for p in record["passages"]]
        title = str(record.get("title") or "")[:60] if rng.random() < 0.5 else ""
        if name.startswith("dstc9"):
            yield from _of_faq(name, question, record, language, rng)
            continue
        if not record.get("answerable", True):
            continue
        answer = record["answer"].strip()
        held = [p for p in passages if holds(p, answer[:450])]
        if not held:
            continue
        sentences = [s for s in split_sentences(held[0]) if 8 < len(s) < 500]
        right = [s for s in sentences if holds(answer[:450], s) or s in answer[:450]][:1]
        if not right:
            continue
        others = [s for s in sentences if s not in answer]
        others += [s for p in passages if p != held[0] for s in split_sentences(p)[:3]]
        others = [s for s in others if s != right[0] and not holds(answer[:450], s)]
        rng.shuffle(others)
        wrong = [told(title, "", s[:500]) for s in others[:NEGATIVES]]
        yield Item("grounded", question, [told(title, "", right[0])], wrong, language=language)
        whole = told(title, "", held[0][:700])
        beside = [told(title, "", p[:700]) for p in passages if p != held[0]][:2]
        yield Item("passage", question, [whole], beside, language=language)


def _of_faq(
    name: str, question: str, record: dict[str, Any], language: str, rng: random.Random
) -> Iterator[Item]:
    """Passages of a question and its answer: shown with it, or the answer alone. A tenth of the
    places that are asked about is held out."""
    if is_held_out(str(record.get("title"))) and not name.endswith("unanswerable"):
        return
    bare = rng.random() < 0.6
    shown = [str(p).split("? ", 1)[-1] if bare else str(p) for p in record["passages"]]
    answer = record["answer"].strip().lower() if record.get("answerable", True) else None
    right = [s for s, p in zip(shown, record["passages"], strict=True)
             if answer and holds(str(p), answer)][:1]  # fmt: skip
    if answer and not right:
        return
    wrong = [s for s in shown if s not in right]
    rng.shuffle(wrong)
    yield Item("dstc9", question, right, wrong[:NEGATIVES], str(record.get("title")), language)


def _with_history(record: dict[str, Any], rng: random.Random) -> str:
    """As kefu folds a question that leans on those before it."""
    question: str = record["question"]
    said = [t["text"] for t in record.get("history", []) if t["role"] == "customer"]
    if said and (is_follow_up(question) or rng.random() < 0.2):
        return f"{said[-1][:200]} {question}"
    return question


def _without_question(passage: str, question: str) -> str:
    first, _, rest = passage.partition("\n")
    return (
        rest.strip() if rest and first.strip().rstrip("?？") == question.rstrip("?？") else passage
    )


def faq_items(data: Path, rng: random.Random) -> Iterator[Item]:
    sets: dict[str, list[dict[str, Any]]] = {}
    for name, record in records(data, "faq"):
        if not name.startswith(UNSEEN):
            sets.setdefault(name, []).append(record)
    for name, found in sets.items():
        kept = rng.sample(found, k=len(found) // 4) if "glossary" in name else found
        for record in (one for one in kept if one["answer"].strip()):
            beside = rng.sample(kept, k=min(3, len(kept)))
            wrong = [r["answer"][:700] for r in beside if r is not record][:2]
            language = "zh" if record.get("lang") == "zh" else "en"
            yield Item("passage", record["question"], [record["answer"][:700]], wrong, "", language)


def cue_items(data: Path, rng: random.Random) -> Iterator[Item]:
    """Words of a sentence ask for it, among those that stand around it."""
    for name, record in records(data, "text"):
        if name.startswith((*UNSEEN, "gutenberg", "crosswoz", "openstax")):
            continue
        language = "zh" if record.get("lang") == "zh" else "en"
        title = str(record.get("title") or "")[:60]
        for passage in cut_passages(record["text"][:6_000])[:1]:
            asked = question_to(passage, language, rng)
            if asked is None:
                continue
            others = [s for s in split_sentences(passage) if s != asked[1] and len(s) > 8]
            rng.shuffle(others)
            wrong = [told(title, "", s[:400]) for s in others[:5]]
            yield Item("cue", asked[0], [told(title, "", asked[1])], wrong, "", language)


_HEADING = re.compile(r"^[^\n.。!:：]{4,70}$")


def heading_items(data: Path, rng: random.Random) -> Iterator[Item]:
    """A heading asks for what stands below it."""
    for name, record in records(data, "text"):
        if name.startswith((*UNSEEN, "gutenberg", "crosswoz")):
            continue
        if "openstax" in name and rng.random() > 0.3:
            continue
        blocks = [b.strip() for b in record["text"].split("\n\n") if b.strip()]
        language = "zh" if record.get("lang") == "zh" else "en"
        found = [
            (head, below)
            for head, below in pairwise(blocks)
            if _HEADING.match(head) and len(below) > 80
        ]
        for head, below in found[:2]:
            yield Item("passage", head, [below[:700]], [], "", language)


def twin_items(data: Path, rng: random.Random) -> Iterator[Item]:
    """The same in English and Chinese, and questions that ask for the same."""
    for _, record in records(data, "translation"):
        pair = [record["en"], record["zh"]]
        if is_held_out(record["en"]):
            continue
        if min(map(len, pair)) > 3 and max(map(len, pair)) < 400 and rng.random() < TWINS:
            rng.shuffle(pair)
            yield Item("twin", pair[0], [pair[1]])
    intents: dict[str, list[str]] = {}
    for name, record in records(data, "intent"):
        if "multidogo" not in name:
            intents.setdefault(f"{name} {record['label']}", []).append(record["text"])
    for key, texts in intents.items():
        rng.shuffle(texts)
        for one, two in zip(texts[::2], texts[1::2], strict=False):
            yield Item("same", one, [two], [], key)


def search_items(data: Path) -> Iterator[Item]:
    """Questions over whole sets that were never trained on; `key` names the set, in which every
    answer is searched."""
    for name, record in records(data, "faq"):
        if name.startswith(UNSEEN) and len(record["answer"]) > 40:
            language = "zh" if record.get("lang") == "zh" else "en"
            text = told(str(record.get("title") or ""), "", record["answer"])
            yield Item("search", record["question"], [text], [], name, language)


def write(path: Path, items: Iterable[Item]) -> dict[str, int]:
    """How many of each kind."""
    counts: dict[str, int] = {}
    with lzma.open(path, "wt", encoding="utf-8", preset=2) as file:
        for item in items:
            counts[item.kind] = counts.get(item.kind, 0) + 1
            file.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
    return counts


def write_feelings(path: Path, data: Path, seed: int) -> dict[str, int]:
    """How many of each source. A message's part follows from its text."""
    found = sentiment_data.english_corpora(data)
    found += sentiment_data.made_messages("en", MADE, seed)
    found += sentiment_data.made_messages("zh", MADE, seed)
    found += sentiment_data.chinese_corpora(data, CHINESE_REQUESTS, seed)
    found += sentiment_data.written()
    counts: dict[str, int] = {}
    with lzma.open(path, "wt", encoding="utf-8", preset=2) as file:
        for one in found:
            counts[one.source] = counts.get(one.source, 0) + 1
            label = sentiment_data.LABELS.index(one.label)
            told = {"text": one.text, "label": label, "source": one.source, "part": one.part}
            file.write(json.dumps(told, ensure_ascii=False) + "\n")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--businesses", type=int, default=9_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        sources.require(given.data, TASKS, sentiment_data.SETS)
    except UsageError as error:
        sys.exit(str(error))
    given.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"encoder {given.seed}")
    readers: list[Callable[[Path, random.Random], Iterator[Item]]]
    readers = [grounded_items, faq_items, cue_items, heading_items, twin_items]
    items = [*trade_items(given.businesses, rng), *topic_items(rng)]
    for reader in readers:
        items += reader(given.data, rng)
    rng.shuffle(items)
    print(write(given.out / "learn.jsonl.xz", items))
    held = trade_items(120, random.Random("held out"), held_out=True)
    print(write(given.out / "held_out.jsonl.xz", held))
    kept = topic_items(random.Random("topics"), "choose")
    print(write(given.out / "topics.jsonl.xz", kept))
    print(write(given.out / "search.jsonl.xz", search_items(given.data)))
    print(write_feelings(given.out / "feelings.jsonl.xz", given.data, given.seed))


if __name__ == "__main__":
    main()
