"""What the customer writes, the way people write, and what is replied."""

from __future__ import annotations

import random

from models.training.data import phrases
from models.training.data.businesses import Told
from models.training.data.corpus import Document, exchange, question_with_passages
from models.training.data.scene import Asked, Scene

VERBATIM = 0.8
"""Replies in the very words of the page; the rest in others that mean the same."""
OUTLINED = 0.3
"""Replies laid out as `bot.skills.wording` does for models that do not read."""
LEADS = {"negative": 0.75, "positive": 0.6, "neutral": 0.1}
"""How often a reply begins with a few words to the customer."""
CLOSINGS = 0.1
MOOD_WEIGHTS = (3, 6, 1)
"""Of unhappy, neutral and pleased messages."""


def turn(asked: Asked, scene: Scene) -> Document:
    """The question with its passages, and the reply."""
    mood = scene.rng.choices(phrases.MOODS, weights=MOOD_WEIGHTS)[0]
    question = as_typed(asked.question, mood, scene.language, scene.rng)
    shown = question_with_passages(asked.passages, question, mood)
    return exchange(shown, reply(asked, mood, scene.language, scene.rng))


def reply(asked: Asked, mood: str, language: str, rng: random.Random) -> str:
    if asked.told and rng.random() < OUTLINED:
        opening = phrases.phrase(phrases.OPENINGS[language][mood], language, rng)
        closing = phrases.phrase(phrases.CLOSINGS[language][mood], language, rng)
        return "\n\n".join([opening, *(answer(told, rng) for told in asked.told), closing])
    lead = ""
    if rng.random() < LEADS[mood]:
        lead = phrases.phrase(phrases.LEADS[language][mood], language, rng)
    gap = "" if language == "zh" else " "
    said = [answer(told, rng) for told in asked.told]
    if not said:
        said = [phrases.UNKNOWN[language]]
    if lead:
        said.insert(0, lead)
    if asked.told and "\n" not in said[-1] and rng.random() < CLOSINGS:
        said.append(phrases.phrase(phrases.CLOSINGS[language][mood], language, rng))
    return gap.join(said)


def answer(told: Told, rng: random.Random) -> str:
    """Mostly in the very words of the page."""
    if rng.random() < VERBATIM and not (told.page.startswith("- ") and rng.random() < 0.5):
        return told.page.removeprefix("- ")
    return rng.choice(told.answers)


def as_typed(question: str, mood: str, language: str, rng: random.Random) -> str:
    """With what people write around a question, and how they write it in a hurry."""
    remarks = phrases.MOOD_REMARKS[language].get(mood)
    if remarks and rng.random() < 0.7:
        remark = phrases.phrase(remarks, language, rng)
        question = f"{remark} {question}" if language == "en" else f"{remark}{question}"
    if rng.random() < 0.12:
        greeting = rng.choice(phrases.GREETINGS[language])
        question = f"{greeting}{question}"
    if rng.random() < 0.08:
        question += rng.choice(phrases.THANKS[language])
    if rng.random() < 0.12:
        question = question.lower()
    if rng.random() < 0.12:
        question = question.rstrip("?？.。!！")
    if rng.random() < 0.12:
        question = _mistyped(question, rng)
    return question


def _mistyped(text: str, rng: random.Random) -> str:
    """One or two slips in letters: swapped, left out, doubled. Figures stay."""
    letters = list(text)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(letters) - 1) if len(letters) > 4 else 0
        if not (letters[at].isalpha() and letters[at + 1 : at + 2] and letters[at + 1].isalpha()):
            continue
        slip = rng.randrange(3)
        if slip == 0:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif slip == 1:
            del letters[at]
        else:
            letters.insert(at, letters[at])
    return "".join(letters)
