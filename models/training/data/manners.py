"""Thanks, greetings and goodbyes inside a conversation about something."""

from __future__ import annotations

import random
from itertools import islice

from models.training.data import fixed, phrases
from models.training.data.corpus import Document, exchange, question_with_passages, system_of
from models.training.data.scene import Scene, questions
from models.training.data.turns import turn

GREETED, IDENTIFIED, ACKNOWLEDGED, THANKED, LEFT = 0.5, 0.15, 0.3, 0.8, 0.4
"""How often each is said at its place."""
ACKNOWLEDGEMENTS = {
    "en": ["[Ok|Okay|Alright|I see|Got it|Understood|Fine|Great|Perfect|ok|k][.|!|]"],
    "zh": ["[好的|好|嗯|明白|知道|收到|可以][。|！|]"],
}
"""To `bot.skills.small_talk` they ask nothing."""


def polite(scene: Scene) -> Document:
    """One or two questions, with pleasantries before, between and after."""
    rng, language = scene.rng, scene.language
    spans: Document = [(system_of(scene.business.name), False)]
    if rng.random() < GREETED:
        spans += pleasantry("greeting", language, rng)
    if rng.random() < IDENTIFIED:
        spans += pleasantry("identity", language, rng)
    for number, asked in enumerate(islice(questions(scene), rng.choice((1, 1, 2)))):
        if number and rng.random() < ACKNOWLEDGED:
            said = phrases.phrase(ACKNOWLEDGEMENTS[language], language, rng)
            shown = question_with_passages([], said, "neutral")
            spans += exchange(shown, fixed.ACKNOWLEDGED[language])
        spans += turn(asked, scene)
    if rng.random() < THANKED:
        spans += pleasantry("thanks", language, rng)
    if rng.random() < LEFT:
        spans += pleasantry("goodbye", language, rng)
    return spans


def pleasantry(kind: str, language: str, rng: random.Random) -> Document:
    said, replies = phrases.SMALL_TALK[language][kind]
    mood = "positive" if kind == "thanks" and rng.random() < 0.6 else "neutral"
    shown = question_with_passages([], phrases.phrase(said, language, rng), mood)
    return exchange(shown, phrases.phrase(replies, language, rng))
