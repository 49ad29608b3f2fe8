import json
from pathlib import Path

import pytest

from bot.skills.wishes import says_yes, wishes_for_a_person

SAMPLE = Path(__file__).parents[1] / "data" / "sample_questions.jsonl"


@pytest.mark.parametrize(
    "text",
    [
        "I wanna speak with one of your colleagues",
        "can I have a human please",
        "this bot is useless, get me a manager",
        "let me chat with an actual person",
        "could you put me through to an agent",
        "I don’t want to talk to a machine",
        "call me a representative",
        "Is there anyone I can talk to?",
        "human!!",
        "能不能转人工客服",
        "我要投诉,叫你们经理来",
        "不想和机器人聊了",
        "让人工来处理",
        "I am tired of talking to this machine",
        "stop this chatbot nonsense, no more bots",
        "I need a manager now",
        "how can I talk to a human?",
        "帮我联系客服",
    ],
)
def test_wishes(text: str) -> None:
    assert wishes_for_a_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can someone else collect my order?",
        "How many people work at your shop?",
        "What are the opening hours of customer service?",
        "I need a person's name on the invoice",
        "I don't like the robot vacuum",
        "How do I contact customer support?",
        "Are you a human?",
        "Can my agent order on behalf of my company?",
        "客服电话是多少",
        "人工费怎么算",
        "I'm tired of this coffee machine, can I send it back?",
        "I do not want this machine, how do I return it?",
        "No machine arrived",
        "The robot I bought does not talk",
        "Do I need a representative sample for a return?",
        "I need a manager account",
        "Where can I write to the support team?",
        "怎么联系客服？",
        "x" * 1_000_000,
    ],
)
def test_mentions(text: str) -> None:
    assert not wishes_for_a_person(text)


def test_the_sample_questions() -> None:
    records = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    wrong = [
        record["question"]
        for record in records
        if wishes_for_a_person(record["question"]) != (record["kind"] == "person")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["yes", "Yes please!", "ok", "please do", "好的", "要", "好的谢谢"]
)
def test_yes(text: str) -> None:
    assert says_yes(text)


@pytest.mark.parametrize("text", ["no", "thanks", "谢谢", "不用", "yes, but how much is it?", ""])
def test_not_a_yes(text: str) -> None:
    assert not says_yes(text)
