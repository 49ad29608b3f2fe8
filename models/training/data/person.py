"""Conversations that end with a person being called, the way the product's rules call one."""

from __future__ import annotations

import random
from itertools import islice

from models.training.data import fixed, phrases
from models.training.data.corpus import Document, exchange, question_with_passages, system_of
from models.training.data.scene import Scene, questions
from models.training.data.turns import as_typed, reply, turn

ASKED, ACCEPTED, NOTHING_FOUND, ANGER = "asked", "accepted", "nothing found", "anger"
WHY = {ASKED: 6, ACCEPTED: 2, NOTHING_FOUND: 2, ANGER: 2}
"""How often each of the rules fires."""
ANGRY = 3
"""Messages."""

WISHES = {
    "en": [
        "[Can|Could|May] I [speak|talk|chat] [to|with] [a person|a human|a real person|an agent|"
        "someone from your team|a manager|your supervisor][, please|][?|]",
        "I [want|would like|need] to [speak|talk] [to|with] [a human|a real person|an agent|"
        "your manager|a supervisor|a human being][.|!|]",
        "[Please|Just] [connect me with|transfer me to|put me through to] "
        "[a person|an agent|a human|customer service|a representative][.|!|]",
        "[Get|Give|Find] me [a real person|a live agent|someone real|a human agent][.|!|, please]",
        "I don't want to [talk|chat|write] [to|with] [a bot|a chatbot|this bot][.|!| any more.]",
        "[a human please|human, please|agent please|real person please|agent|live agent]",
        "[Can|Could] [somebody|someone] from your team [take over|step in][, please|]?",
        "[This is not helping|You don't understand me], "
        "[I want a real person|let me talk to a human|I need an agent][.|!]",
    ],
    "zh": [
        "[转人工|人工客服|转人工客服|请转人工|我要人工客服][。|！|]",
        "[我想|我要|能不能|可以] [和|跟] [真人|人工客服|经理|工作人员] [说话|沟通|聊聊] [吗？|。|]",
        "[麻烦|请] [帮我|给我] 转 [人工|人工客服|真人客服] [，谢谢|。|]",
        "[不想|不要] [和|跟] 机器人 聊 [了|] ， [找个真人|转人工] [吧|] 。",
        "[有没有|有] 人工客服 [吗|] ？",
        "[你没听懂|这没有用] ， [我要找经理|请转人工|我要找真人] [。|！]",
    ],
}
"""All of them are wishes to `bot.skills.wishes`."""
YES = {
    "en": [
        "[Yes, please|Yes|Please do|Sure|ok, yes|Yes please, thank you|That would be great][.|!|]"
    ],
    "zh": ["[好的|要|需要|可以|行|麻烦了|是的|好的谢谢][。|！|]"],
}
ANGRY_REMARKS = {
    "en": [
        "[This is ridiculous|This is unacceptable|I am furious|What a joke|Absolutely useless]!",
        "[You are wasting my time|I have had enough of this|This is the worst service ever]!",
        "[I am so angry|I cannot believe this|Nobody here cares], [really|honestly]!",
        "[Terrible|Awful|Horrible], [just terrible|simply awful|I am disgusted]!",
    ],
    "zh": [
        "[太过分了|简直不能接受|气死我了|太离谱了|什么破服务]！",
        "[完全是浪费我的时间|我受够了|从没见过这么差的服务]！",
        "[你们根本没人管|太让人失望了|真的很生气]！",
    ],
}


def called(scene: Scene) -> Document:
    """One to four turns; at the last one a person is called."""
    rng, language = scene.rng, scene.language
    why = rng.choices(list(WHY), weights=list(WHY.values()))[0]
    spans: Document = [(system_of(scene.business.name), False)]
    if why == ANGER:
        return spans + _angered(scene)
    for asked in islice(questions(scene), rng.choices((0, 1, 2), weights=(2, 4, 2))[0]):
        spans += turn(asked, scene)
    if why == ASKED:
        return spans + exchange(*wish(language, rng))
    spans += unlearnt(_nothing(scene), fixed.UNKNOWN[language])
    if why == ACCEPTED:
        message = question_with_passages(
            [], phrases.phrase(YES[language], language, rng), "neutral"
        )
        return spans + exchange(message, fixed.HANDED_OFF[language])
    return spans + exchange(_nothing(scene), fixed.NOTHING_FOUND[language])


def wish(language: str, rng: random.Random) -> tuple[str, str]:
    """What is written and what is replied."""
    mood = rng.choices(phrases.MOODS, weights=(4, 6, 0))[0]
    said = phrases.phrase(WISHES[language], language, rng)
    said = said.lower() if rng.random() < 0.2 else said
    return question_with_passages([], said, mood), fixed.HANDED_OFF[language]


def unlearnt(message: str, said: str) -> Document:
    """What a rule replied: it stands in the history, and is no lesson."""
    return [(text, False) for text, _ in exchange(message, said)]


def _nothing(scene: Scene) -> str:
    """A question to which no page was found."""
    _, asked = scene.first()
    mood = scene.rng.choices(phrases.MOODS, weights=(3, 7, 0))[0]
    question = as_typed(asked.question, mood, scene.language, scene.rng)
    return question_with_passages([], question, mood)


def _angered(scene: Scene) -> Document:
    rng, language = scene.rng, scene.language
    spans: Document = []
    for number, asked in enumerate(islice(questions(scene), ANGRY), 1):
        remark = phrases.phrase(ANGRY_REMARKS[language], language, rng)
        question = as_typed(asked.question, "neutral", language, rng)
        message = f"{remark} {question}" if language == "en" else f"{remark}{question}"
        if number == ANGRY:
            shown = question_with_passages([], message, "negative")
            return spans + exchange(shown, fixed.ANGER[language])
        shown = question_with_passages(asked.passages, message, "negative")
        spans += exchange(shown, reply(asked, "negative", language, rng))
    return spans
