from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.conversation import Message, ReplyStatus, Role, Sentiment, SentimentLabel
from bot.skills import handoff
from bot.skills.handoff import decide
from bot.skills.wishes import says_yes, wishes_for_a_person


def said(text: str, score: float = 0.0) -> Message:
    label = SentimentLabel.NEGATIVE if score < -0.3 else SentimentLabel.NEUTRAL
    mood = Sentiment(label, score, 0.9)
    return Message("1", "c", Role.CUSTOMER, text, datetime.now(UTC), sentiment=mood)


def answered(status: ReplyStatus = ReplyStatus.ANSWERED) -> Message:
    return Message("2", "c", Role.ASSISTANT, "…", datetime.now(UTC), status=status)


def rule_for(*messages: Message) -> str | None:
    wished = wishes_for_a_person(messages[-1].text)
    found = decide(messages, wished=wished, agrees=says_yes)
    return found.rule if found else None


def test_a_wish_is_granted() -> None:
    assert rule_for(said("I want to talk to a human")) == handoff.ASKED


def test_yes_to_the_offer_of_a_person() -> None:
    unknown = answered(ReplyStatus.UNKNOWN)
    assert rule_for(said("bitcoin?"), unknown, said("yes please")) == handoff.ACCEPTED
    assert rule_for(said("bitcoin?"), unknown, said("no")) is None
    assert rule_for(said("returns?"), answered(), said("yes please")) is None


def test_anger_that_lasts() -> None:
    furious = said("this is a disgrace", -0.9)
    assert rule_for(furious, answered(), furious, answered(), furious) == handoff.ANGER
    assert rule_for(furious, answered(), furious) is None
    assert rule_for(furious, answered(), said("ok, how?"), answered(), furious) is None


@pytest.mark.parametrize(
    ("scores", "calls"),
    [
        ([-0.95] * 2, False),
        ([-0.95] * 3, True),
        ([-0.75] * 3, True),
        ([-1.0], False),
        ([-0.9, 0.0, -0.9], False),
        ([-0.9, 0.0, -0.9, -0.9], True),
        ([-0.6] * 4, False),
        ([-0.6] * 6, True),
        ([-0.4] * 10, False),
        ([0.9] * 5 + [-0.9] * 3, True),
        ([-0.9, -0.9, -0.9, 0.5], False),
    ],
)
def test_anger_is_read_from_the_course(scores: list[float], calls: bool) -> None:
    talk = [message for score in scores for message in (said("hm", score), answered())]
    assert (rule_for(*talk[:-1]) == handoff.ANGER) is calls


def test_a_topic_of_the_policy() -> None:
    found = decide(
        [said("My lawyer will call")],
        wished=False,
        agrees=says_yes,
        topic="legal",
    )
    assert found == handoff.Handoff("policy: legal")


def test_anger_is_counted_anew_after_a_person_spoke() -> None:
    furious = said("this is a disgrace", -0.9)
    agent = Message("3", "c", Role.AGENT, "I am sorry.", datetime.now(UTC))
    called = answered(ReplyStatus.HANDED_OFF)
    for between in (agent, called):
        assert rule_for(furious, furious, between, furious) is None
        assert rule_for(furious, between, furious, furious, furious) == handoff.ANGER


def test_nothing_found_again() -> None:
    unknown, known = answered(ReplyStatus.UNKNOWN), answered()
    manners = replace(answered(), rule="small talk")
    agent = Message("3", "c", Role.AGENT, "Here.", datetime.now(UTC))
    ask = said("bitcoin?")
    again = handoff.finds_nothing_again
    assert again([ask, unknown, ask], 2)
    assert again([ask, unknown, ask, manners, ask], 2), "manners stand between no two questions"
    assert not again([ask], 2)
    assert not again([ask, unknown, ask, known, ask], 2)
    assert not again([ask, unknown, ask], 3)
    assert again([ask, unknown, ask, unknown, ask], 3)
    assert not again([ask, unknown, ask, agent, ask], 2)
    assert not again([ask, unknown, ask], 0)
    assert again([ask], 1)
