"""Whether a customer wishes for a person: a wish, not a mention of people.

"Get me someone real" is one; "can someone else pick up my parcel?" is a question like any other.
Patterns find the usual wordings in English and Chinese; a head over the vector that the encoder
has made of the message for its sentiment finds the others, in all languages that it knows.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.errors import ModelFileError
from bot.language import same_script

Floats: TypeAlias = NDArray[np.float32]

READ = 2_000
"""Characters looked at."""

_REAL = r"(?:real|actual|live|human|proper|living)"
_ROLE = (
    r"(?:human(?: being)?s?|persons?|people|agents?|representatives?|reps?|advis[oe]rs?|operators?"
    r"|supervisors?|managers?|staff(?: member)?|employees?|colleagues?|team member"
    r"|members? of (?:your|the) (?:staff|team)|customer (?:service|support|care)|support(?: team)?"
    r"|helpdesk|(?:someone|somebody|anyone|anybody)(?: real| human)?)"
)
_PERSON = rf"(?:{_REAL}\s+)*{_ROLE}"
_REAL_ONE = (
    rf"{_REAL}\s+(?:\w+\s+)?(?:human|person|people|agent|one|being|rep\w*|advis[oe]r|someone"
    r"|somebody|operator|staff|employee)"
)
_ONE = r"(?:human|person|agent|representative|rep|operator|supervisor|manager)"
_TALK = (
    r"(?:talk|speak|chat|discuss|deal|get through|be (?:connected|put through|transferred)"
    r"|connect me|put me (?:through|in touch)|transfer me|hand me (?:over|off)|pass me|forward me"
    r"|escalate(?: me| this)?|switch me)"
)
_DETERMINER = r"(?:an?\s+|the\s+|your\s+|some\s+|one of your\s+)?"
_BOT = r"\b(?:bots?|chat ?bots?|ai|automated \w+)\b(?!'s|-)"
_MACHINE = rf"(?:{_BOT}|\b(?:robots?|machines?|computers?)\b(?!'s|-))"
_SAY = r"(?:talk\w*|speak\w*|chat\w*|deal\w*|argu\w+|discuss\w*|answered|helped)"
_SO_ENDS = (
    r"(?=\W*$|\s*[.,!?;:]|\s+(?:please|pls|now|to|who|that|instead|right|asap|immediately|on|from"
    r"|here|today|and|because|not|i|for (?:this|that|help))\b)"
)
_GIVE = r"(?:want|need|like|prefer|get|give|find|fetch|call|have|require|demand|request|send|bring)"
_ASK_FOR = (
    r"(?:want|need|can i (?:have|get)|(?:give|get|call|find|send) me|let me have|fetch me"
    r"|i(?:'d| would) (?:like|prefer|rather have))"
)
_ENOUGH = (
    r"(?:don'?t|do not|won'?t|not|no|stop|sick of|tired of|enough of|hate|instead of|rather than)"
)
_ALONE = (
    rf"(?:{_REAL_ONE}|human|(?:real )?person|live (?:agent|chat)|agent|representative|operator"
    r"|customer service|(?:live|human) support)"
)
_SOMEONE = r"(?:a human|a person|an agent|someone|somebody|anyone|anybody|one of you)"
_ENGLISH = (
    # talk to a person; speak with your manager
    rf"\b{_TALK}\b(?:\s+\w+){{0,2}}?\s+(?:to|with|through to|over to|on to)\s+"
    rf"{_DETERMINER}{_PERSON}\b",
    # get me a real person
    rf"\b{_GIVE}\b(?:\s+(?:me|in|for|to have|to get|over))?\s+{_DETERMINER}{_REAL_ONE}\b",
    # I need an agent
    rf"\b{_ASK_FOR}\s+(?:an?|the|your|some)?\s*{_ONE}\b{_SO_ENDS}",
    # get me someone real
    r"\b(?:get|give|find|send|bring|want|need)\b(?:\s+me)?\s+(?:someone|somebody)\s+(?:real|human)\b",
    # could somebody from your team take over?
    rf"\b(?:can|could|would|will|may)\s+{_SOMEONE}(?:\s+(?:real|human|else))?"
    r"(?:\s+(?:from|in|on|at) (?:your|the) (?:team|staff|company|office))?"
    r"\s+(?:please\s+)?(?:take over|step in|get involved|take this over)\b",
    # is there a human? is there anyone I can talk to?
    rf"\bis there\s+(?:an?\s+|any\s+)?(?:{_REAL_ONE}|human"
    r"|(?:anyone|someone|anybody|somebody)\s+(?:real|human|i can (?:talk|speak)))",
    # I don't want a bot; enough of talking to this machine; but shops sell coffee machines
    rf"\b{_ENOUGH}\b(?:\s+\w+){{0,4}}?\s+(?:an?\s+|this\s+|the\s+|stupid\s+)*{_BOT}",
    rf"\b{_ENOUGH}\b(?:\s+\w+){{0,3}}?\s+{_SAY}\s+(?:to\s+|with\s+|by\s+)?"
    rf"(?:an?\s+|this\s+|the\s+|stupid\s+)*{_MACHINE}",
    # human please!
    r"^\W*(?:(?:please|pls|just|an?|hello|hi|i want)\W+)*"
    rf"{_ALONE}(?:\W+(?:please|pls|now|thanks))*\W*$",
    # can a human help?
    r"\bcan (?:a|any|some) ?(?:human|real person|person|one real|one human)\b(?:\s+\w+){0,2}?"
    r"\s+(?:help|call|contact|answer|look|take)\b",
    # have someone call me
    rf"\b{_SOMEONE}\s+(?:real\s+)?(?:from (?:your|the) (?:team|staff|company)\s+)?(?:to\s+)?"
    r"(?:call|ring|phone|contact|get back to)\s+me\b",
    # speak to someone in charge
    r"\b(?:talk|speak)\s+to\s+(?:(?:an?|the|your)\s+)?"
    r"(?:boss|someone (?:real|else|in charge|who))\b",
)
_OTHERS = (
    # mit einem Menschen sprechen
    r"\bmit (?:einem|einer|jemandem)(?: echten)?(?: menschen| mitarbeiter(?:in)?| berater(?:in)?)?"
    r"(?: aus (?:ihrem|dem) team)? (?:sprechen|reden|chatten|verbunden werden)\b",
    # parler à une personne
    r"\bparler (?:à|avec|a) (?:une? (?:vraie? )?(?:personne|humain|conseill(?:er|ère)|agent)"
    r"|quelqu'un)\b",
    # hablar con una persona
    r"\bhablar con (?:una? (?:persona|agente|humano|asesora?|operadora?)|alguien)\b",
)
_ROLE_ZH = (
    r"(?:人工|真人|活人|人类|客服人员|客服专员|客服经理|客服(?!电话|邮箱|热线|时间|号码|的)"
    r"|主管|经理|负责人|工作人员)"
)
_CHINESE = (
    # 转人工，找一位客服
    r"(?:转|转接|接通|找|接|要|叫|换|请|(?<!怎么)(?<!如何)(?<!怎样)(?<!哪里)联系|需要|想要|给我|有没有|有)"
    rf"(?:一?个|一?位|到|接|你们的?|下|一下)*{_ROLE_ZH}",
    # 和真人说话
    r"(?:和|跟|与|同|让)(?:一?个|一?位|你们的?)*"
    r"(?:真人|活人|人工|人类|客服|经理|主管|负责人|工作人员|真正的人)(?:客服|人员|员工)?(?:来)?"
    r"(?:说|谈|聊|讲|对话|沟通|交流|通话|联系|处理|帮)",
    # 人工客服！
    r"^\W*(?:人工|真人|人工客服|真人客服|人工服务|转接人工|客服人员)\W*(?:谢谢|请)?\W*$",
    # 不想和机器人聊
    r"(?:不要|不想|别让|讨厌|不需要|受够)(?:再)?(?:和|跟|用)?(?:这个|你这)?(?:机器人|机器|AI|自动回复)",
)
_WISHES = [re.compile(pattern, re.IGNORECASE) for pattern in (*_ENGLISH, *_OTHERS)]
_WISHES_ZH = [re.compile(pattern, re.IGNORECASE) for pattern in _CHINESE]
_ABOUT_PARCELS = re.compile(
    r"\b(?:pick(?:ed)? up|collect|sign(?:ature)?|deliver\w*|receive|returns? for|on behalf)\b",
    re.IGNORECASE,
)
_ABOUT_OURSELVES = re.compile(
    r"\b(?:are you|is this|am i (?:talking|speaking|chatting))\b", re.IGNORECASE
)
_YES = re.compile(
    r"^(?!\W*(?:thanks?|thank you|it|that|bitte|danke)\W*$)\W*"
    r"(?:(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please|pls|do|go ahead|that would be (?:great|nice)"
    r"|of course|absolutely|thanks?|thank you|i would"
    r"|i'd like that|it|that|ja|jawohl|gerne?|sehr|klar|bitte|natürlich|danke|machen sie das"
    r"|das wäre (?:nett|gut|toll)|oui|volontiers|bien sûr|s'il vous plaît|merci|sí|claro|por favor"
    r"|vale|gracias)\b\W*)+$"
    r"|^(?!\W*谢谢\W*$)\W*(?:好的?|可以|是的?|要|需要|行|嗯|请|麻烦(?:你|您)?了?|谢谢|当然)+\W*$",
    re.IGNORECASE,
)


class Encoder(Protocol):
    @property
    def languages(self) -> frozenset[str]: ...

    async def aembed_for(
        self, purpose: Literal["feeling"], texts: Sequence[str]
    ) -> list[list[float]]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """Logistic regression; its file is described in models/cards/kefu-wishes.md."""

    weight: Floats
    """(dimensions of the encoder)"""
    bias: float
    threshold: float
    """A message is a wish from this logit on."""

    def hears(self, vector: Sequence[float]) -> bool:
        logit = np.asarray(vector, dtype=np.float32) @ self.weight + self.bias
        return bool(logit >= self.threshold)


class Wishes:
    """By patterns alone where there is no head."""

    def __init__(self, encoder: Encoder | None = None, head: Head | None = None) -> None:
        self._encoder = encoder
        self._head = head

    async def heard(self, text: str, language: str) -> bool:
        """Whether the message is a wish; `language`: an ISO 639-1 code."""
        if wishes_for_a_person(text):
            return True
        said = text[:READ]
        if not (self._encoder and self._head and said.strip()):
            return False
        if not any(same_script(language, known) for known in self._encoder.languages):
            return False
        (vector,) = await self._encoder.aembed_for("feeling", [said])
        return self._head.hears(vector)


def read_head(weights: Path, revision: str) -> Head:
    """Raise ModelFileError where `weights` is not the head for this revision of the encoder."""
    try:
        with weights.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            made_for = str(stored["revision"])
            head = Head(
                stored["weight"].astype(np.float32),
                float(stored["bias"]),
                float(stored["threshold"]),
            )
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{weights} is not kefu's head for wishes: {error}") from None
    if made_for != revision:
        raise ModelFileError(
            f"{weights} is for revision {made_for or 'unnamed'} of the encoder, "
            f"not for {revision or 'unnamed'}"
        )
    return head


def wishes_for_a_person(text: str) -> bool:
    """By patterns."""
    said = " ".join(text[:READ].replace("’", "'").split())
    if any(wish.search(said) for wish in _WISHES_ZH):
        return True
    if not any(wish.search(said) for wish in _WISHES):
        return False
    return not _ABOUT_PARCELS.search(said) and not _ABOUT_OURSELVES.match(said)


def says_yes(text: str) -> bool:
    """To an offer just made, and nothing else."""
    return bool(_YES.match(text[:READ].replace("’", "'")))
