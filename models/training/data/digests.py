"""Conversations put into words: what the customer wants, what was tried, how it ended and what is
left to do, as `bot.skills.summary` asks for it."""

from __future__ import annotations

import json
import random
import re

from models.training.data import fixed, phrases
from models.training.data.businesses import Told
from models.training.data.corpus import Document, exchange, turn
from models.training.data.indirect import indirect
from models.training.data.scene import Scene
from models.training.data.talks import Talk, draw_talk

LONGEST_FACT = 150
"""Characters of a fact that a summary tells; a longer one, or a list, is only named."""
MESSAGE = 600
"""Characters of a message that are shown, as the product shows them."""

_PARTED = re.compile(r"\n|\. [A-Z]|。.")
"""More than a sentence."""
_FIGURE = re.compile(r"\d[\d.,:/-]*\d|\d")
_WANTS = {
    "en": ["The customer [wants|would like|wishes] to know {asked}", "[Wants to know|Asks] {asked}",
           "The customer [asks|asked|is asking] {asked}"],
    "zh": ["客户 [想了解|想知道|询问|咨询] {asked}", "[咨询|询问] {asked}"],
}  # fmt: skip
_QUOTED = {
    "en": ["The customer [asks|asked|wants to know]: {asked}", "[Asks|Question]: {asked}"],
    "zh": ["客户 [想了解|想知道|询问|咨询] {asked}", "[咨询|询问] {asked}"],
}
_AND = {"en": [" and {asked}", "; also {asked}"], "zh": ["，还问{asked}", "，以及{asked}"]}
_ABOUT = {"en": [" ({number})", ", about {number}"], "zh": ["（编号{number}）", "，涉及{number}"]}
_ANSWERED = {
    "en": ["The bot [answered|replied|said], [from the help pages|by the help pages]: {facts}",
           "[Answered from|Told what stands in] the help pages: {facts}",
           "[The bot quoted|The reply was taken from] our pages: {facts}"],
    "zh": ["[机器人|助手] [根据帮助页面 回答|答复|回复] ：{facts}",
           "[已|] 按 帮助页面 答复 ：{facts}"],
}  # fmt: skip
_LISTED = {
    "en": ["The bot [gave|listed|quoted] the steps from the help pages"],
    "zh": ["[机器人|助手] 按 帮助页面 [给出|列出] 了 步骤"],
}
_MISSING = {
    "en": ["[The bot found nothing|Nothing was found] in the help pages",
           "The help pages [had|have] nothing on it"],
    "zh": ["[帮助页面里 没有 找到 相关 内容|机器人 没有 找到 答案]"],
}  # fmt: skip
_PARTLY = {
    "en": ["; [one question|part of it] was not found in the pages"],
    "zh": ["；[另有 问题|其中 一个 问题] 没有 找到 答案"],
}
_ENDINGS = {
    "thanked": {
        "en": ["The customer [thanked the bot|said thank you|was satisfied and said thanks].",
               "That [settled it|was enough]: the customer [thanked|said thanks]."],
        "zh": ["客户 [表示 感谢|道了谢] ， [问题 已 解决|没有 其他 问题] 。"],
    },
    "left": {
        "en": ["The customer [wrote nothing more|left after that|did not reply]."],
        "zh": ["[之后 客户 没有 再 回复|客户 随后 离开] 。"],
    },
    "denied": {
        "en": ["The customer said that it did not help; [it is still open|somebody should look at "
               "it|this still needs an answer]."],
        "zh": ["客户 表示 没有 帮助 ， [问题 仍 未 解决|仍 需 跟进] 。"],
    },
    "unknown": {
        "en": ["[It is still open|The last question has no answer yet]; "
               "[a person was offered|the bot offered a person]."],
        "zh": ["[最后 的 问题 仍 没有 答案|问题 仍 未 解决] ， [机器人 提出 可以 请 同事 帮忙|"
               "已 询问 是否 转 人工] 。"],
    },
    "asked": {
        "en": ["The customer [asked for a person|wanted to talk to a person], [and one was called|"
               "who was called]"],
        "zh": ["客户 要求 [转 人工|人工 服务] ， [已 通知 同事|已 转接]"],
    },
    "accepted": {
        "en": ["The customer [accepted the offer of a person|agreed to have a person called]"],
        "zh": ["客户 同意 [转 人工|由 同事 处理] ， 已 通知 同事"],
    },
    "nothing found": {
        "en": ["[A person was called because nothing was found again|Nothing was found again, so a "
               "person was called]"],
        "zh": ["再次 没有 找到 答案 ， 已 通知 同事"],
    },
    "anger": {
        "en": ["The customer [was angry|got angrier|was very upset], [so a person was called|"
               "and a person was called]"],
        "zh": ["客户 [非常 生气|情绪 激动|很 不满] ， 已 通知 同事"],
    },
}  # fmt: skip
_WAITING = {
    "en": ["[; nobody has answered yet|, who has not answered yet].",
           "; [still to do: answer the customer|the customer is waiting for an answer]."],
    "zh": ["，[目前 还 没有 人 回复|客户 仍 在 等待 回复] 。", "；待办：回复 客户 。"],
}  # fmt: skip
_SETTLED = {
    "en": ["; {agent} {settled}.", ", and {agent} {settled}."],
    "zh": ["，{agent} {settled} 。"],
}
_PROMISED = {
    "en": ["; {agent} [promised to|will] {promise}.", "; [still to do|open]: {promise} ({agent})."],
    "zh": ["，{agent} [答应|承诺] {promise} 。", "；待办：{promise}（{agent}）。"],
}


def digested(scene: Scene) -> Document:
    talk = draw_talk(scene)
    shown = shown_to_model(talk)
    said = {"issue": _issue(talk, shown, scene), "summary": _summary(talk, scene.rng)}
    message = exchange(shown, json.dumps(said, ensure_ascii=False))
    return [(turn("system", fixed.SUMMARIZE), False), *message]


def shown_to_model(talk: Talk) -> str:
    lines = [(who, " ".join(text.split())[:MESSAGE]) for who, text in talk.lines]
    return "\n".join(f"{who}: <message>{text}</message>" for who, text in lines)


def _issue(talk: Talk, shown: str, scene: Scene) -> str:
    rng, language = scene.rng, scene.language
    first, *more = _wanted(talk)
    asked, is_indirect = _question(first, shown, scene)
    said = phrases.phrase((_WANTS if is_indirect else _QUOTED)[language], language, rng)
    said = said.format(asked=asked)
    if more and len(said) < 120:
        other, is_too = _question(rng.choice(more), shown, scene)
        if is_too and is_indirect and other != asked:
            said += rng.choice(_AND[language]).format(asked=other)
    if talk.reference and said.endswith("?"):
        return f"{said} ({talk.reference})"
    if talk.reference:
        said += rng.choice(_ABOUT[language]).format(number=talk.reference)
    return said if said.endswith("?") else said + ("." if language == "en" else "。")


def _wanted(talk: Talk) -> list[tuple[Told, str]]:
    """Each once, with the question that asked for it."""
    found = {told: asked.question for asked in reversed(talk.asked) for told in asked.wanted}
    return list(reversed(found.items()))


def _question(wanted: tuple[Told, str], shown: str, scene: Scene) -> tuple[str, bool]:
    """In other words than the customer's where there are any, and whether it is indirect. A
    question of yes or no, or one with a story, says what only they said who asked it that way."""
    told, asked = wanted
    figures = set(_FIGURE.findall(shown))
    closed = {*told.fact.yes, *told.fact.no}
    others = [scene.fill(one) for one in told.fact.ask if one not in closed and _is_plain(one)]
    leaning = {scene.fill(one) for one in told.fact.follow}
    alone = others if asked in leaning and others else [asked, *others]
    fitting = [one for one in alone if set(_FIGURE.findall(one)) <= figures]
    if scene.language == "zh":
        plain = [one for one in fitting if _is_plain(one)] or [asked]
        return _bare(scene.rng.choice(plain)), True
    told_of = [one for one in map(indirect, fitting) if one]
    if told_of:
        return scene.rng.choice(told_of), True
    questions = [one for one in fitting if one.endswith("?")] or [asked]
    return scene.rng.choice(questions), False


def _is_plain(question: str) -> bool:
    return not re.search(r"[,，;；]|[.。!！?？].", question)


def _bare(question: str) -> str:
    said = re.sub("^(?:请问|你好，|您好，)", "", question)
    return f"“{said.rstrip('？?。')}”"


def _summary(talk: Talk, rng: random.Random) -> str:
    gap = " " if talk.language == "en" else ""
    return f"{_course(talk, rng)}{gap}{_end(talk, rng)}"


def _course(talk: Talk, rng: random.Random) -> str:
    """What was tried, in a sentence."""
    language = talk.language
    short = [one for one in (_short(told, rng) for told in talk.told) if one]
    if short:
        answered = phrases.phrase(_ANSWERED[language], language, rng)
        joiner = "; " if language == "en" else "；"
        said = answered.format(facts=joiner.join(_begun(one) for one in short[:2]))
    elif talk.told:
        said = phrases.phrase(_LISTED[language], language, rng)
    else:
        said = phrases.phrase(_MISSING[language], language, rng)
    if talk.told and talk.missing:
        said += phrases.phrase(_PARTLY[language], language, rng)
    if talk.tried:
        said += f"; the customer {talk.tried}" if language == "en" else f"；客户{talk.tried}"
    return said + ("." if language == "en" else "。")


def _begun(sentence: str) -> str:
    """Without its last stop: more follows."""
    return sentence.removesuffix(".").removesuffix("。")


def _short(told: Told, rng: random.Random) -> str:
    wordings = [one.removeprefix("- ") for one in (told.page, *told.answers)]
    fitting = [one for one in wordings if len(one) <= LONGEST_FACT and not _PARTED.search(one)]
    return rng.choice(fitting) if fitting else ""


def _end(talk: Talk, rng: random.Random) -> str:
    """How it ended and what is left to do, in a sentence."""
    language = talk.language
    said = phrases.phrase(_ENDINGS[talk.ending][language], language, rng)
    if said.endswith((".", "。")):
        return said
    if talk.promise:
        more = _PROMISED
    elif talk.settled:
        more = _SETTLED
    else:
        more = _WAITING
    told = phrases.phrase(more[language], language, rng)
    return said + told.format(agent=talk.agent, settled=talk.settled, promise=talk.promise)
