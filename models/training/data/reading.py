"""Questions over real text: the words of a sentence, loosened, ask for that sentence.

Invented businesses have few words; here any word can be asked for, and must be found and copied.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bot.sentences import split_sentences
from models.training.data import phrases
from models.training.data.corpus import (
    ROLE,
    Document,
    exchange,
    is_held_out,
    question_with_passages,
    system,
    turn,
)
from models.training.data.fixed import TRANSLATE

SHARE = {"crosswoz_template_utterances": 0.0, "gutenberg_text": 0.05}
"""How much is asked of sets whose texts are no help pages; all of the others."""
SHORTEST, LONGEST = 30, 260
"""Characters of a sentence that is asked for, in English; a third of it in Chinese."""
PASSAGE_CHARACTERS = 700
ANSWER_CHARACTERS = 450
WITHHELD = 0.15
QUESTIONS = 5

_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]{2,}")
_HAN = re.compile(r"[\u4e00-\u9fff]{2,}")
_STEPS = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s", re.MULTILINE)
_COMMON_WORDS = (
    "the and for that with you your this are was were has have had not but from can will they "
    "their its our his her she him them been being would could should may might must when "
    "where which what who whom how why there here than then these those such also into onto "
    "over under about after before between because while during each any all some more most "
    "other only very just if does did done use used using one two "
)
_COMMON = frozenset(_COMMON_WORDS.split())
_CUES = {
    "en": (
        "{words}?", "What about {words}?", "Tell me about {words}.", "{words}",
        "I have a question about {words}", "How is it with {words}?",
        "What do you say about {words}?", "what does it say on {words}", "Is there {words}?",
        "Can you explain {words}?", "I need to know: {words}",
    ),
    "zh": (
        "{words}？", "请问{words}是怎么规定的？", "关于{words}有什么说明？", "我想了解{words}",
        "{words}是怎么回事？", "能介绍一下{words}吗", "{words}",
    ),
}  # fmt: skip


def read_documents(
    records: Iterable[tuple[str, dict[str, Any]]], rng: random.Random
) -> Iterator[Document]:
    """Of each text one document or two: passages from it and from the texts before it, and a few
    questions over them."""
    earlier: list[tuple[str, str]] = []
    for name, record in records:
        if rng.random() >= SHARE.get(name, 1.0) or is_held_out(record["text"]):
            continue
        language = "zh" if record.get("lang") == "zh" else "en"
        title = str(record.get("title") or "Help")[:60]
        found = [(title, text) for text in cut_passages(record["text"][:8_000])]
        rng.shuffle(found)
        for start in range(0, min(len(found), 6), 3):
            pages = [*found[start : start + 3], *rng.sample(earlier, k=min(len(earlier), 1))]
            if document := _questions(pages, found[start + 3 :] + earlier, language, rng):
                yield document
        earlier = [*earlier[-8:], *found[:2]]


def _questions(
    shown: list[tuple[str, str]],
    hidden: list[tuple[str, str]],
    language: str,
    rng: random.Random,
) -> Document:
    """The first question stands below the passages, the others go on from there."""
    spans: Document = []
    rng.shuffle(shown)
    for _ in range(rng.randint(2, QUESTIONS)):
        withheld = bool(hidden) and rng.random() < WITHHELD
        passage = rng.choice(hidden if withheld else shown)[1]
        asked = question_to(passage, language, rng)
        if asked is None:
            continue
        question, answer = asked
        if any(answer in text for _, text in shown) is withheld:
            continue
        message = question_with_passages([] if spans else shown, question, "neutral")
        said = phrases.UNKNOWN[language] if withheld else answer
        spans += exchange(message, said)
    return [(system(rng), False), *spans] if spans else []


def cut_passages(text: str) -> list[str]:
    """Runs of lines, as long as passages of the knowledge base."""
    found, current = [], ""
    for line in text.split("\n"):
        if len(current) + len(line) > PASSAGE_CHARACTERS and current:
            found.append(current.strip()[:PASSAGE_CHARACTERS])
            current = ""
        current += f"{line}\n"
    found.append(current.strip()[:PASSAGE_CHARACTERS])
    return [passage for passage in found if len(passage) > 120]


def question_to(passage: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    shortest = SHORTEST // 3 if language == "zh" else SHORTEST
    suited = [
        s
        for s in split_sentences(passage)
        if shortest <= len(s) <= LONGEST and s[-1] in ".!。！" and passage.count(s) == 1
    ]
    if not suited:
        return None
    answer = rng.choice(suited)
    words = _cue_words(answer, language, rng)
    if not words:
        return None
    return rng.choice(_CUES[language]).format(words=words), answer


def _cue_words(sentence: str, language: str, rng: random.Random) -> str:
    """Two to five of its words, in their order, now and then cut or joined differently."""
    if language == "zh":
        runs = [run for run in _HAN.findall(sentence) if len(run) > 3]
        if not runs:
            return ""
        run = rng.choice(runs)
        length = rng.randint(3, min(8, len(run)))
        start = rng.randrange(len(run) - length + 1)
        return str(run[start : start + length])
    words = [w for w in _WORD.findall(sentence) if w.lower() not in _COMMON]
    if len(words) < 3:
        return ""
    kept = sorted(rng.sample(range(len(words)), k=min(len(words), rng.randint(2, 5))))
    chosen = [words[i].lower() if rng.random() < 0.7 else words[i] for i in kept]
    chosen = [_bent(word, rng) for word in chosen]
    joiner = rng.choice((" ", " ", " and ", " for ", " of the ", ", "))
    return joiner.join(chosen)


def _bent(word: str, rng: random.Random) -> str:
    """Another form of the word, one time in four."""
    if rng.random() > 0.25 or len(word) < 5:
        return word
    for ending, other in (("ies", "y"), ("ing", ""), ("ed", ""), ("s", ""), ("y", "ies")):
        if word.endswith(ending):
            return word[: len(word) - len(ending)] + other
    return f"{word}s"


def _exchange(
    shown: list[tuple[str, str]],
    history: list[dict[str, str]],
    question: str,
    said: str,
    mood: str,
    language: str,
    rng: random.Random,
) -> Document:
    spans: Document = [(system(rng), False)]
    for earlier in history:
        spans.append((turn(ROLE.get(earlier["role"], "user"), earlier["text"][:300]), False))
    asked = question_with_passages(shown, question, mood)
    lead = ""
    if mood != "neutral" and rng.random() < 0.75:
        lead = phrases.phrase(phrases.LEADS[language][mood], language, rng)
        lead += "" if language == "zh" else " "
    return [*spans, *exchange(asked, f"{lead}{said}")]


def faq_documents(
    records: Iterable[tuple[str, dict[str, Any]]], rng: random.Random
) -> Iterator[Document]:
    """Questions that people asked, over their answers without the questions: what is asked for and
    what answers share a meaning and often no word."""
    sets: dict[str, list[dict[str, Any]]] = {}
    for name, record in records:
        if not is_held_out(record["question"]) and _shortened(record["answer"].strip()):
            sets.setdefault(name, []).append(record)
    for name, found in sets.items():
        if "glossary" in name:
            found = rng.sample(found, k=len(found) // 4)
        neighbours = [found[i : i + 40] for i in range(0, len(found), 40)]  # near in matter
        for group in neighbours:
            rng.shuffle(group)
            for start in range(0, len(group), 4):
                yield _asked_of(group[start : start + 4], group[:start], rng)


def _asked_of(
    shown: list[dict[str, Any]], hidden: list[dict[str, Any]], rng: random.Random
) -> Document:
    language = "zh" if shown[0].get("lang") == "zh" else "en"
    title = str(shown[0].get("title") or "Help")[:60]
    answers = [_shortened(record["answer"].strip()) for record in shown]
    order = rng.sample(range(len(shown)), k=len(shown))
    asked: list[tuple[str, str]] = [(shown[i]["question"], answers[i]) for i in order]
    if hidden and rng.random() < 2 * WITHHELD:
        asked.insert(
            rng.randint(0, len(asked)), (rng.choice(hidden)["question"], phrases.UNKNOWN[language])
        )
    spans: Document = [(system(rng), False)]
    for number, (question, answer) in enumerate(asked):
        passages = [] if number else [(title, text) for text in answers]
        message = question_with_passages(passages, question, "neutral")
        spans += exchange(message, answer)
    return spans


def grounded_documents(
    records: Iterable[tuple[str, dict[str, Any]]], rng: random.Random
) -> Iterator[Document]:
    """Real questions with their passages. Where the reply is not in the passages it is no lesson in
    reading, so such records are left out."""
    for _, record in records:
        language = "zh" if record.get("lang") == "zh" else "en"
        passages = [str(p) for p in record["passages"]]
        title = str(record.get("title") or "Help")[:60]
        mood = rng.choices(phrases.MOODS, weights=(2, 7, 1))[0]
        if not record.get("answerable", True):
            shown = [(title, p[:PASSAGE_CHARACTERS]) for p in passages[:4]]
            said = phrases.UNKNOWN[language]
        else:
            said = _shortened(record["answer"].strip())
            held = [p for p in passages if holds(p, said)]
            if not said or not held:
                continue
            at = max(0, held[0].find(said[:60]) - rng.randint(0, 300))
            right = held[0][at : at + PASSAGE_CHARACTERS + len(said)]
            if not holds(right, said):
                continue
            rest = [p[:PASSAGE_CHARACTERS] for p in passages if p != held[0]]
            shown = [(title, p) for p in rng.sample(rest, k=min(len(rest), rng.randint(0, 3)))]
            shown.insert(rng.choice((0, 0, rng.randint(0, len(shown)))), (title, right))
        history = record.get("history", [])[-2:] if rng.random() < 0.6 else []
        yield _exchange(shown, history, record["question"], said, mood, language, rng)


def _shortened(answer: str) -> str:
    """By its first sentences, whole ones; a list keeps its first lines."""
    if len(answer) <= ANSWER_CHARACTERS:
        return answer
    pieces = answer.split("\n") if _STEPS.search(answer) else split_sentences(answer)
    gap = "\n" if _STEPS.search(answer) else " "
    kept = ""
    for piece in pieces:
        if len(kept) + len(piece) > ANSWER_CHARACTERS:
            break
        kept += (gap if kept else "") + piece
    return kept


def holds(passage: str, answer: str) -> bool:
    """Whether the passage has most of the words of the answer, and all its figures."""
    if answer in passage:
        return True
    figures = set(re.findall(r"\d+", answer))
    if not figures <= set(re.findall(r"\d+", passage)):
        return False
    words = set(_WORD.findall(answer.lower())) - _COMMON
    words |= set(re.findall("[\u4e00-\u9fff]{2}", answer))
    there = passage.lower()
    return bool(words) and sum(word in there for word in words) >= 0.75 * len(words)


def translation_documents(
    records: Iterable[tuple[str, dict[str, Any]]], rng: random.Random
) -> Iterator[Document]:
    """As `bot.skills.translation` asks for one."""
    for _, record in records:
        if is_held_out(record["en"]):
            continue
        pair = {"English": record["en"], "Chinese": record["zh"]}
        into = rng.choice(("English", "Chinese"))
        source = pair["English" if into == "Chinese" else "Chinese"]
        asked = f"<message>\n{source}\n</message>"
        prompt = turn("system", TRANSLATE.format(language=into))
        yield [(prompt, False), *exchange(asked, pair[into])]
