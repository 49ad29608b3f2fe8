"""Greetings, thanks and goodbyes: messages that want a friendly word and no search."""

from __future__ import annotations

import re
from enum import StrEnum


class SmallTalk(StrEnum):
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    IDENTITY = "identity"
    """"Who are you?", "are you a bot?"."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """"ok", "great", "no", "👍": nothing to look up, and nothing asked."""


_FILLER = (
    r"(?:there|all|again|everyone|team|folks|kefu|bot|assistant|sir|madam|dear|please|oh|ah|ok|okay"
    r"|alright|right|great|perfect|super|cool|nice|good|well|so|very|really|that(?:'?s| is| was)?"
    r"|this|it|all|for|now|then|today|you|your|the|my|a|an|to|and|i|am|i'm|me|see|friend|much|lot|lots"
    r"|help|helped|helpful|kind|kindness|quick|fast|answer|info|information|everything|very much"
    r"|have|day|evening|weekend|one|too|yes|no|just|wanted|say)"
)
_WORDS: dict[SmallTalk, str] = {
    SmallTalk.IDENTITY: (
        r"(?:who|what) (?:are|r) (?:you|u)|are you (?:an? )?(?:real |actual )?"
        r"(?:bot|robot|human|person|machine|ai|computer|real|man|woman)(?: person| being)?"
        r"|am i (?:talking|speaking|chatting) (?:to|with) an? (?:real )?(?:bot|robot|human|person|machine|ai)"
        r"|is this an? (?:bot|robot|human|person|machine|ai)|what can you (?:do|help(?: me)? with)"
        r"|what(?:'s| is) your name|how can you help(?: me)?"
    ),
    SmallTalk.GOODBYE: (
        r"(?:good ?)?bye(?:[ -]?bye)?|see (?:you|ya)(?: later| soon)?|cya|good ?night|take care"
        r"|have a (?:nice|good|great|lovely) (?:day|evening|weekend|one)|farewell|cheerio"
        r"|that(?:'?s| is| will be) (?:all|it)(?: for (?:now|today))?|i'?m done|nothing else"
    ),
    SmallTalk.THANKS: (
        r"thanks?(?: you| u)?|thank(?:you|s)|thx|tnx|ty|tysm|many thanks|cheers|much appreciated"
        r"|i (?:really )?appreciate (?:it|that|your help)|you(?:'re| are| were| have been|'ve been)"
        r" (?:so |very |really |most )?(?:kind|helpful|great|nice|the best)|that helps|very helpful"
    ),
    SmallTalk.GREETING: (
        r"hi+|hello+|hey+|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|morning"
        r"|evening|anyone there|anybody there|is (?:anyone|anybody|someone) there|how are you"
        r"(?: doing)?(?: today)?|how(?:'s| is) it going|what'?s up|nice to meet you"
    ),
    SmallTalk.ACKNOWLEDGEMENT: (
        r"ok(?:ay)?|k|alright|great|perfect|super|cool|nice|good|awesome|fine|sure|understood|noted"
        r"|got it|i see|yes|yeah|yep|no|nope|nah"
    ),
}
_WORDS_ZH: dict[SmallTalk, str] = {
    SmallTalk.IDENTITY: (
        r"(?:你|您)(?:是|叫)(?:谁|什么名字|什么)|(?:你|您)是(?:不是)?(?:一个)?(?:机器人|真人|人|人类|人工|AI)"
        r"(?:客服)?(?:吗|么|还是真人|还是人)?|(?:你|您)(?:能|会|可以)(?:做|干|帮我做?)(?:些)?什么|你能帮我什么"
    ),
    SmallTalk.GOODBYE: r"再见|拜拜|回见|晚安|回头见|下次见|先这样|没(?:有)?(?:别的|其他)?(?:事|问题)了|没事了",
    SmallTalk.THANKS: (
        r"(?:非常|十分|太|真的?)?(?:谢谢|感谢|多谢|谢啦|谢了|辛苦)(?:你|您|你们|您的?帮助|你的?帮助|啦|了|大家)*"
        r"|(?:太|真)?(?:好|棒|赞)了?(?:谢谢|感谢)|帮(?:了)?大忙(?:了)?|(?:我的)?问题(?:已经?)?解决了"
    ),
    SmallTalk.GREETING: (
        r"(?:你|您|大家)(?:们)?好|嗨+|哈[喽啰罗]|(?:早上|上午|中午|下午|晚上)好|早(?:安|啊)?|在(?:吗|么|不在|不)"
        r"|有人(?:在)?吗?|hi|hello"
    ),
    SmallTalk.ACKNOWLEDGEMENT: r"好(?:的|吧|啊)?|嗯+|行|可以|明白|知道|收到|不用|没有|不是|是的?|对",
}
_SAID = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in _WORDS.items()}
_SAID_ZH = {kind: re.compile(words, re.IGNORECASE) for kind, words in _WORDS_ZH.items()}
_FILLING = re.compile(rf"\b{_FILLER}\b", re.IGNORECASE)
_FILLING_ZH = re.compile(r"[啊呀哦哈呢吧了的好嗯请问那行可以亲客服小姐姐]")
_APPROVAL = "[👍👌🙏🙂😊😀😄❤🎉✅]"
_LONGEST = 80
"""Characters; what is longer has something to say."""


def small_talk(text: str) -> SmallTalk | None:
    """None as soon as anything but pleasantries is left: "hi, where is my parcel?" is a question."""
    said = " ".join(text.replace("’", "'").split())
    if not said or len(said) > _LONGEST or not re.search(rf"\w|{_APPROVAL}", said):
        return None
    if not re.search(r"\w", said):
        return SmallTalk.ACKNOWLEDGEMENT
    if re.search(r"[\u4e00-\u9fff]", said):
        return _only(said, _SAID_ZH, _FILLING_ZH)
    return _only(said, _SAID, _FILLING)


def _only(
    said: str, kinds: dict[SmallTalk, re.Pattern[str]], filling: re.Pattern[str]
) -> SmallTalk | None:
    found: SmallTalk | None = None
    rest = said
    for kind, words in kinds.items():
        rest, times = words.subn(" ", rest)
        if times and found is None:
            found = kind
    return found if found and not re.search(r"\w", filling.sub(" ", rest)) else None
