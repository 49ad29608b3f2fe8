"""When a person takes over. Rules decide, and the rule that fired is stored with the reply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation import Message, Role, SentimentLabel

ASKED = "asked for a person"
ANGER = "anger"
HELD = "a person holds the conversation"

ANGRY_MESSAGES = 3
"""So many unhappy messages in a row, each below ANGRY_SCORE, call a person."""
ANGRY_SCORE = -0.6

_PERSON = (
    r"(?:(?:real|actual|live|human|physical|proper|flesh[- ]and[- ]blood)\s+)*"
    r"(?:human(?: being)?s?|persons?|people|agents?|representatives?|reps?|advis[oe]rs?|operators?"
    r"|members? of (?:your|the) (?:staff|team)|supervisors?|managers?|staff(?: member)?|employees?|colleagues?|team member"
    r"|customer (?:service|support|care)|(?:someone|somebody|anyone|anybody)(?: real| human)?"
    r"|(?:some|any) ?one who (?:works|is real|is human)|support(?: team)?|helpdesk)"
)
_REAL = r"(?:real|actual|live|human|proper)\s+(?:\w+\s+)?(?:human|person|people|agent|one|being|rep\w*|advis[oe]r|someone|somebody|operator|staff|employee)"
_TALK = r"(?:talk|speak|chat|write|discuss|deal|get through|be (?:connected|put through|transferred)|connect me|put me (?:through|in touch)|transfer me|hand me (?:over|off)|pass me|forward me|escalate(?: me| this)?|switch me)"
_NO_BOT = r"\b(?:bots?|robots?|chat ?bots?|machines?|computers?|ai|automated \w+)\b(?!'s|-|\s+(?:vacuum|cleaner|mower|toy|kit|costume))"

_WISHES_EN = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_TALK}\b(?:\s+\w+){{0,2}}?\s+(?:to|with|through to|over to|on to)\s+(?:an?\s+|the\s+|your\s+|some\s+|one of your\s+)?{_PERSON}\b",
        rf"\b(?:want|need|like|prefer|get|give|find|fetch|call|have|require|demand|request|send|bring)\b(?:\s+(?:me|in|for|to have|to get|over))?\s+(?:an?\s+|the\s+|your\s+|some\s+)?{_REAL}\b",
        rf"\b(?:want|need|can i (?:have|get)|(?:give|get|call|find|send) me|let me have|fetch me|i(?:'d| would) (?:like|prefer|rather have))\s+(?:an?|the|your|some)?\s*(?:human|person|agent|representative|rep|operator|supervisor|manager)\b(?!'s|\s+\w+\s+(?:to|of)|-)",
        r"\b(?:get|give|find|send|bring|want|need)\b(?:\s+me)?\s+(?:someone|somebody)\s+(?:real|human)\b",
        r"\b(?:can|could|would|will|may)\s+(?:a human|a person|an agent|someone|somebody|anyone|one of you)"
        r"(?:\s+(?:real|human|else))?(?:\s+(?:from|in|on|at) (?:your|the) (?:team|staff|company|office))?"
        r"\s+(?:please\s+)?(?:take over|step in|get involved|take this over)\b",
        rf"\bis there\s+(?:an?\s+|any\s+)?(?:{_REAL}|human|(?:anyone|someone|anybody|somebody)\s+(?:real|human|i can (?:talk|speak)))",
        rf"\b(?:don'?t|do not|won'?t|not|no|stop|sick of|tired of|enough of|hate|instead of|rather than)\b(?:\s+\w+){{0,4}}?\s+(?:to\s+|with\s+)?(?:an?\s+|this\s+|the\s+|stupid\s+)*{_NO_BOT}",
        rf"^\W*(?:(?:please|pls|just|an?|hello|hi|i want)\W+)*(?:{_REAL}|human|real person|live (?:agent|chat)|agent|representative|operator|customer service|(?:live|human) support)(?:\W+(?:please|pls|now|thanks))*\W*$",
        rf"\bcan (?:a|any|some) ?(?:human|real person|person|one real|one human)\b(?:\s+\w+){{0,2}}?\s+(?:help|call|contact|answer|look|take)\b",
        rf"\b(?:someone|somebody|a human|a person|an agent)\s+(?:real\s+)?(?:from (?:your|the) (?:team|staff|company)\s+)?(?:to\s+)?(?:call|ring|phone|contact|get back to)\s+me\b",
        r"\b(?:talk|speak)\s+to\s+(?:(?:an?|the|your)\s+)?(?:manager|supervisor|boss|human|someone (?:real|else|in charge|who))\b",
    )
]
_WISHES_ZH = [
    re.compile(pattern)
    for pattern in (
        r"(?:转|转接|接通|找|接|要|叫|换|请|联系|需要|想要|给我|有没有|有)(?:一?个|一?位|到|接|你们的?|下|一下)*(?:人工|真人|活人|人类|客服人员|客服专员|客服经理|客服(?!电话|邮箱|热线|时间|号码|的)|主管|经理|负责人|工作人员)",
        r"(?:和|跟|与|同|让)(?:一?个|一?位|你们的?)*(?:真人|活人|人工|人类|客服|经理|主管|负责人|工作人员|真正的人)(?:客服|人员|员工)?(?:来)?(?:说|谈|聊|讲|对话|沟通|交流|通话|联系|处理|帮)",
        r"^\W*(?:人工|真人|人工客服|真人客服|人工服务|转接人工|客服人员)\W*(?:谢谢|请)?\W*$",
        r"(?:不要|不想|别让|讨厌|不需要|受够)(?:再)?(?:和|跟|用)?(?:这个|你这)?(?:机器人|机器|AI|自动回复)",
    )
]
_ABOUT_PARCELS = re.compile(
    r"\b(?:pick(?:ed)? up|collect|sign(?:ature)?|deliver\w*|receive|returns? for|on behalf)\b",
    re.IGNORECASE,
)
_ABOUT_OURSELVES = re.compile(
    r"\b(?:are you|is this|am i (?:talking|speaking|chatting))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Handoff:
    rule: str


def decide(text: str, recent: Sequence[Message]) -> Handoff | None:
    """`recent`: the conversation so far, oldest first, `text`'s own message the last."""
    if wishes_for_a_person(text):
        return Handoff(ASKED)
    moods = [m.sentiment for m in recent if m.role is Role.CUSTOMER and m.sentiment][
        -ANGRY_MESSAGES:
    ]
    angry = [m for m in moods if m.label is SentimentLabel.NEGATIVE and m.score < ANGRY_SCORE]
    if len(angry) == ANGRY_MESSAGES:
        return Handoff(ANGER)
    return None


def wishes_for_a_person(text: str) -> bool:
    """A wish, not a mention: "can someone else pick up my parcel?" is a question like any other."""
    said = " ".join(text[:2_000].replace("’", "'").split())
    if any(wish.search(said) for wish in _WISHES_ZH):
        return True
    if not any(wish.search(said) for wish in _WISHES_EN):
        return False
    return not _ABOUT_PARCELS.search(said) and not _ABOUT_OURSELVES.match(said)
