import pytest

from bot.skills.small_talk import SmallTalk, small_talk


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hello!", SmallTalk.GREETING),
        ("Good morning everyone", SmallTalk.GREETING),
        ("hey there :)", SmallTalk.GREETING),
        ("thx", SmallTalk.THANKS),
        ("thank you, you've been very helpful!", SmallTalk.THANKS),
        ("ok great, bye", SmallTalk.GOODBYE),
        ("no thanks, that's all", SmallTalk.GOODBYE),
        ("are you a robot?", SmallTalk.IDENTITY),
        ("你好", SmallTalk.GREETING),
        ("在吗？", SmallTalk.GREETING),
        ("好的谢谢你", SmallTalk.THANKS),
        ("再见！", SmallTalk.GOODBYE),
        ("你是机器人吗？", SmallTalk.IDENTITY),
        ("ok", SmallTalk.ACKNOWLEDGEMENT),
        ("great!", SmallTalk.ACKNOWLEDGEMENT),
        ("no", SmallTalk.ACKNOWLEDGEMENT),
        ("yes", SmallTalk.ACKNOWLEDGEMENT),
        ("👍", SmallTalk.ACKNOWLEDGEMENT),
        ("ok, got it", SmallTalk.ACKNOWLEDGEMENT),
        ("no thanks", SmallTalk.THANKS),
        ("好的", SmallTalk.ACKNOWLEDGEMENT),
        ("不用了", SmallTalk.ACKNOWLEDGEMENT),
        ("明白了", SmallTalk.ACKNOWLEDGEMENT),
    ],
)
def test_pleasantries(text: str, kind: SmallTalk) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my parcel?",
        "thanks but it did not work",
        "ok thanks, and how much is it?",
        "Good morning! Do you ship to France?",
        "你好，我想退货",
        "谢谢，那运费呢",
        "",
        "?!",
        "help",
        "no help here",
        "today",
        "the answer",
        "可以退货吗",
        "hello " * 50,
    ],
)
def test_a_message_that_says_more_is_not_small_talk(text: str) -> None:
    assert small_talk(text) is None
