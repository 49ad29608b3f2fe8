"""The wordings that the small model learns, and in use is held to.

In a pattern, `[a|b]` is a choice; Chinese words are parted by spaces, which are removed. No phrase
here states a fact about a business: whatever the model makes of them, it cannot invent one.
"""

from __future__ import annotations

import random
import re

MOODS = ("negative", "neutral", "positive")

OPENINGS: dict[str, dict[str, list[str]]] = {
    "en": {
        "neutral": [
            "[Thanks|Thank you] for [asking|your question|your message]. "
            "[Here|This] is what our help pages say:",
            "[Good question|Sure|Of course|Certainly|Happy to help], [here|this] is what "
            "[our help pages say|I found in our help pages|we say about this]:",
            "[Here|This] is what [I found|I could find|our help pages say about this]:",
            "I [looked this up|looked into this|checked our help pages] for you:",
            "[Sure|Of course|Gladly], [let me help you with that|I can help with that]:",
            "Our help pages [explain this|say the following|have this to say]:",
            "[Let me|I can] [show you|tell you|point you to] what our help pages say:",
        ],
        "negative": [
            "I am [so sorry|very sorry|sorry] [to hear that|about this|about the trouble|"
            "for the trouble]. [Here|This] is what our help pages say:",
            "I [understand|can see] how [annoying|frustrating] this is for you. "
            "[Here is|This is] what I found for you:",
            "I understand that this is [annoying|frustrating|upsetting], and I am sorry. "
            "[Here is|This is] what our help pages say about it:",
            "[Sorry about that|My apologies for the trouble|I apologize for the trouble]. "
            "[Let me help you with this|Let me help]:",
            "I am sorry that you [had this trouble|have had to ask]. "
            "This is what [we say about it|I could find]:",
        ],
        "positive": [
            "[Glad|Happy|So glad|Lovely] to hear [it|that]! "
            "[Here|This] is what our help pages say:",
            "[Thank you|Thanks] for the kind words! [Here|This] is what I found for you:",
            "[Thank you|Thanks], that is [good|great|lovely] to hear! "
            "[Here is|This is] what our help pages say about this:",
            "[Great|Good] question, and thank you! [Here|This] is what I found:",
        ],
    },
    "zh": {
        "neutral": [
            "[感谢|谢谢] [您的 咨询|您的 提问|您的 留言] ， [以下|下面] 是 [我们 帮助 页面 的 说明|"
            "我 为 您 找到 的 说明|相关 的 说明] ：",
            "[好的|当然|没问题] ， [我 为 您 查到 了 以下 内容|帮助 页面 是 这样 说明 的|"
            "这 是 我 为 您 找到 的 内容] ：",
            "您好 ， [关于 您 的 问题|关于 这个 问题] ， [帮助 页面 的 说明 如下|请 看 以下 说明] ：",
            "我 [查看|看] 了 我们 的 帮助 页面 ， [说明 如下|内容 如下] ：",
        ],
        "negative": [
            "[非常|真的 非常|十分] 抱歉 ， [给 您 带来 了 不便|让 您 久等 了|让 您 有 不好 的 体验] 。 "
            "[以下|下面] 是 [帮助 页面 的 说明|我 为 您 找到 的 说明] ：",
            "[很|非常] 抱歉 听到 这个 情况 ， 我 [理解|明白] 您 的 心情 。 [请 看 以下 说明|说明 如下] ：",
            "我 [完全|非常] [理解|明白] 您 的 心情 ， [抱歉|对不起] 。 帮助 页面 的 说明 如下 ：",
        ],
        "positive": [
            "[很|真] 高兴 听到 您 这么 说 ！ [以下|下面] 是 [相关 的 说明|帮助 页面 的 说明] ：",
            "[谢谢|感谢] 您 的 [夸奖|支持] ！ [这 是 我 为 您 找到 的 内容|说明 如下] ：",
        ],
    },
}

CLOSINGS: dict[str, dict[str, list[str]]] = {
    "en": {
        "neutral": [
            "[I hope this helps|I hope that helps|Hope this helps].",
            "[Let me know|Just ask|Just tell me] if [anything is unclear|you have more questions|"
            "you need anything else|there is anything else].",
            "Is there anything else I can [help you with|do for you]?",
            "I hope this answers your question.",
            "Does this answer your question?",
            "If [anything is unclear|this does not help], [just ask|just let me know|let me know].",
        ],
        "negative": [
            "If this does not help, [I can ask a person to look into it|"
            "just say so and a person will help you].",
            "Once again, I am sorry for the trouble.",
            "Thank you for your patience. [Let me know if you need anything else|"
            "Is there anything else I can do for you?]",
            "Let me know if [you need more help with this|this does not help].",
        ],
        "positive": [
            "[Happy to help|Always happy to help] if you have more questions!",
            "[I hope this helps|I hope that helps], and have a [lovely|great|nice] day!",
            "Let me know if there is anything else, and thank you!",
        ],
    },
    "zh": {
        "neutral": [
            "[希望|但愿] [对 您 有 帮助|能 帮 到 您] 。",
            "[如果|如] 还 有 [其他|别 的] 问题 ， 请 [随时 告诉 我|随时 问 我] 。",
            "请问 还 有 [什么|其他] [可以 帮 您 的|需要 帮助 的] 吗 ？",
        ],
        "negative": [
            "再次 [抱歉|为 给 您 带来 的 不便 抱歉] 。",
            "感谢 您 的 [耐心|理解] 。 [如果|如] 还 有 问题 ， 请 随时 告诉 我 。",
            "如果 这 没有 帮助 ， 请 告诉 我 ， 我 可以 请 同事 来 帮 您 。",
        ],
        "positive": [
            "希望 对 您 有 帮助 ， 祝 您 [愉快|一切 顺利] ！",
            "[谢谢|感谢] 您 ， 还 有 问题 请 随时 问 我 ！",
        ],
    },
}

SMALL_TALK: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "en": {
        "greeting": (
            ["[Hi|Hello|Hey|Good morning|Good evening|hi there|hello there][!|.|]", "[hey|hi|yo]"],
            [
                "[Hello|Hi|Hi there|Hello there]! [How can I help you|How may I help you|"
                "What can I do for you] [today|]?",
                "[Hello|Hi] and welcome! What can I help you with?",
            ],
        ),
        "thanks": (
            ["[Thanks|Thank you|thx|Thank you so much|thanks a lot|great, thanks][!|.|]"],
            [
                "You are [very|most|] welcome! [Is there anything else I can help you with?|"
                "Let me know if you need anything else.|Have a nice day!]",
                "[Happy|Glad|Always happy] to help! [Just ask if you have more questions.|"
                "Have a lovely day!]",
            ],
        ),
        "goodbye": (
            ["[Bye|Goodbye|See you|good night|bye bye|that is all, bye][!|.|]"],
            [
                "[Goodbye|Bye], and [have a nice day|have a lovely day|take care]!",
                "[Thank you|Thanks] for your message. [Have a nice day|Take care|See you soon]!",
            ],
        ),
        "identity": (
            ["[Who are you|Are you a bot|Are you human|What can you do][?|]"],
            [
                "I am [the|a] [customer service assistant|bot] [here|]. I answer questions from our "
                "help pages, and I can ask a person to help you. What can I do for you?",
            ],
        ),
    },
    "zh": {
        "greeting": (
            ["[你好|您好|嗨|哈喽|早上好|晚上好|在吗][！|。|]"],
            [
                "您好 ！ [请问 有 什么 可以 帮 您 的 吗|请问 需要 什么 帮助|我 可以 为 您 做 什么] ？",
                "您好 ， 欢迎 ！ 请问 有 什么 可以 帮 您 ？",
            ],
        ),
        "thanks": (
            ["[谢谢|谢谢你|多谢|非常感谢|感谢][！|。|]"],
            [
                "不客气 ！ [还 有 其他 问题 请 随时 问 我|祝 您 愉快|很 高兴 能 帮 到 您] 。",
                "[很|真] 高兴 能 帮 到 您 ！",
            ],
        ),
        "goodbye": (
            ["[再见|拜拜|晚安|好的，再见][！|。|]"],
            ["再见 ， 祝 您 [愉快|一切 顺利] ！", "[感谢|谢谢] 您 的 咨询 ， 再见 ！"],
        ),
        "identity": (
            ["[你是谁|你是机器人吗|你是真人吗|你能做什么][？|]"],
            [
                "我 是 这里 的 客服 助手 ， 根据 帮助 页面 回答 问题 ， 也 可以 请 同事 来 帮 您 。 "
                "请问 有 什么 可以 帮 您 ？"
            ],
        ),
    },
}

MOOD_REMARKS: dict[str, dict[str, list[str]]] = {
    "en": {
        "negative": [
            "[This is ridiculous|I am really annoyed|This is so frustrating|Unbelievable]. ",
            "[I am fed up|I am very disappointed|What a mess|Terrible service]! ",
            "[Nobody answers me|This is the second time I ask|I have been waiting forever]. ",
        ],
        "positive": [
            "[I love it|Great service so far|You have been very helpful|So happy with my order]! ",
            "[Thanks for the quick help|Everything was perfect|Really pleased] - ",
        ],
    },
    "zh": {
        "negative": ["[太过分了|真让人失望|我很生气|这是什么服务|等了很久都没人理我]！"],
        "positive": ["[非常满意|你们服务真好|很喜欢|谢谢你们的帮助]！"],
    },
}

LEADS: dict[str, dict[str, list[str]]] = {
    "en": {
        "neutral": [
            "[Of course|Sure|Certainly|Gladly|Thank you for your question].",
            "Good question.",
        ],
        "negative": [
            "I am [so sorry|very sorry|sorry] [to hear that|about this|about the trouble|"
            "for the trouble].",
            "I [understand|can see] how [annoying|frustrating] this is for you.",
            "I understand that this is [annoying|frustrating|upsetting], and I am sorry.",
            "[Sorry about that|My apologies for the trouble|I apologize for the trouble].",
        ],
        "positive": [
            "[Glad|Happy|So glad|Lovely] to hear [it|that]!",
            "[Thank you|Thanks] for the kind words!",
            "[Thank you|Thanks], that is [good|great|lovely] to hear!",
        ],
    },
    "zh": {
        "neutral": ["[好的|当然|没问题|感谢 您 的 咨询] 。"],
        "negative": [
            "[非常|真的 非常|十分] 抱歉 ， [给 您 带来 了 不便|让 您 久等 了|让 您 有 不好 的 体验] 。",
            "[很|非常] 抱歉 听到 这个 情况 ， 我 [理解|明白] 您 的 心情 。",
            "我 [完全|非常] [理解|明白] 您 的 心情 ， [抱歉|对不起] 。",
        ],
        "positive": ["[很|真] 高兴 听到 您 这么 说 ！", "[谢谢|感谢] 您 的 [夸奖|支持] ！"],
    },
}
"""What stands before an answer that the model words by itself."""

UNKNOWN = {
    "en": "I could not find this in our help pages.",
    "zh": "我在帮助页面里没有找到相关内容。",
}
"""What is said where no passage answers."""

FILLERS: dict[str, list[str]] = {
    "en": [
        "[Here is|This page tells you] what you need to know[| about it].",
        "[Please read this page carefully|We are happy to help you with this].",
        "If you [still have questions|are not sure], [please contact us|just ask our team].",
        "[Our team is|We are] [always|] [happy|glad] to help[| you].",
        "This [page|section] is reviewed [regularly|from time to time].",
        "[Many customers ask us about this|We are often asked about this].",
        "Further pages tell you about other matters.",
        "[Details may differ in single cases|Exceptions are possible in single cases].",
    ],
    "zh": [
        "[本页|以下] 为 您 [介绍|说明] 相关 [规定|内容] 。",
        "如 [有 疑问|需要 帮助] ， 请 [联系 我们|咨询 客服] 。",
        "我们 [很 乐意|随时] 为 您 [服务|提供 帮助] 。",
        "[很多 客户|经常 有 人] 向 我们 咨询 这个 问题 。",
        "请 仔细 阅读 本页 内容 。",
        "本页 内容 会 定期 更新 。",
    ],
}
"""What help pages say without telling anything."""

GREETINGS = {
    "en": ["Hi, ", "Hello, ", "hi there, ", "Hello! ", "Hey, ", "Good morning, ", "Dear team, "],
    "zh": ["你好，", "您好，", "请问一下，", "在吗？", "您好！", "客服你好，"],
}
THANKS = {
    "en": [" Thanks!", " Thank you.", " thx", " Thanks in advance", " please", " Many thanks!"],
    "zh": ["谢谢！", "谢谢", "麻烦了", "多谢。"],
}

MOOD_NOTES = {
    "negative": "The customer is unhappy.",
    "positive": "The customer is pleased.",
}
"""What the prompt says of the customer's mood; nothing when it is neutral."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SPACED_PUNCTUATION = re.compile(r"\s+([.,!?])")


def phrase(patterns: list[str], language: str, rng: random.Random) -> str:
    text = rng.choice(patterns)
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), text, count=1)
    if language == "zh":
        return text.replace(" ", "")
    return _SPACED_PUNCTUATION.sub(r"\1", re.sub(r" {2,}", " ", text)).strip()


def taught() -> dict[str, dict[str, list[str]]]:
    """Every pattern of the assistant's own, by language and by the part of a reply it belongs to:
    "opening.negative", "closing.neutral", "greeting"... Goes into the model's file."""
    parts: dict[str, dict[str, list[str]]] = {}
    for language in OPENINGS:
        found = parts[language] = {}
        for name, table in (("opening", OPENINGS), ("closing", CLOSINGS)):
            found |= {f"{name}.{mood}": table[language][mood] for mood in MOODS}
        found |= {kind: replies for kind, (_, replies) in SMALL_TALK[language].items()}
    return parts
