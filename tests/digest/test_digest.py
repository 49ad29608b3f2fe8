from __future__ import annotations

import json
import random
import time

import pytest

from bot.conversation import (
    SMALL_TALK,
    Citation,
    Message,
    MessageState,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
)
from bot.digest.brief import Line
from bot.digest.digest import TEAM, TRIED, Action, Mood, Tried, digest, label_of
from bot.digest.facts import Fact, Kind
from bot.digest.outcome import Outcome, Reason
from bot.skills import handoff
from tests.digest.test_brief import CROSS, bot, customer, message

PAGE = Citation("returns.md", "Returns", "Deadlines > Shoes", "60 days.")
UNUSED = Citation("stores.md", "Stores", "", "Open on Monday.", cited=False)


def agent(text: str) -> Message:
    return message(Role.AGENT, text)


class Rich:
    """A conversation in which everything happens once."""

    hello = customer("Hello!")
    hi = bot("Hello!", rule=SMALL_TALK)
    name = customer("My name is Anna Schmidt, how long for the shoes of LL48213377?")
    days = bot("60 days, I will see to it by Friday.", citations=(PAGE, UNUSED))
    tried = customer("I already sent them back on 3 May.", CROSS)
    unknown = bot("I do not know.", ReplyStatus.UNKNOWN, rule="nothing found")
    failed = bot("", state=MessageState.FAILED)
    person = customer("I want to talk to a person.")
    called = bot("Of course.", ReplyStatus.HANDED_OFF, rule=handoff.ASKED)
    came = agent("Hello Anna, I will look into it.")
    promised = agent("You paid €45.90. We will refund it on Monday.")
    thanked = customer("Thanks!", Sentiment(SentimentLabel.POSITIVE, 0.7, 0.9))
    messages = (
        *(hello, hi, name, days, tried, unknown, failed, person, called, came, promised, thanked),
    )


def test_every_field_rests_on_its_messages() -> None:
    found = digest(Rich.messages)
    assert found.issue == Line(f"“{Rich.name.text}”", (Rich.name.id,))
    assert found.ending.outcome is Outcome.ESCALATED
    assert found.ending.reason is Reason.ASKED
    assert found.ending.messages == (Rich.called.id, Rich.promised.id)
    assert found.summary.messages == (
        *(Rich.name.id, Rich.days.id, Rich.called.id, Rich.promised.id),
    )
    assert found.entities == (
        Fact(Kind.NAME, "Anna Schmidt", Rich.name.id),
        Fact(Kind.ORDER, "LL48213377", Rich.name.id),
        Fact(Kind.DATE, "3 May", Rich.tried.id),
        Fact(Kind.TRIED, "I already sent them back on 3 May.", Rich.tried.id),
        Fact(Kind.DATE, "on Monday", Rich.promised.id),
        Fact(Kind.AMOUNT, "€45.90", Rich.promised.id),
    )
    assert found.promises == (
        Fact(Kind.PROMISE, "Hello Anna, I will look into it.", Rich.came.id),
        Fact(Kind.PROMISE, "We will refund it on Monday.", Rich.promised.id),
    )
    assert found.language == "en"
    assert found.edited == ()


def test_what_was_tried_and_from_which_pages() -> None:
    assert digest(Rich.messages).tried == (
        Tried(
            "The bot: 60 days, I will see to it by Friday.",
            (Rich.days.id,),
            ("Returns › Deadlines › Shoes",),
        ),
        Tried("The customer: I already sent them back on 3 May.", (Rich.tried.id,)),
        Tried("The bot found nothing", (Rich.unknown.id,)),
        Tried("The bot called a person: asked for a person", (Rich.called.id,)),
        Tried("A person: Hello Anna, I will look into it.", (Rich.came.id,)),
        Tried("A person: You paid €45.90. We will refund it on Monday.", (Rich.promised.id,)),
    )


def test_of_answers_the_newest_are_listed() -> None:
    answers = [bot(f"{days} days.") for days in range(TRIED + 3)]
    listed = digest([customer("How long?"), *answers]).tried
    assert [one.messages for one in listed] == [(answer.id,) for answer in answers[3:]]


def test_the_promises_of_the_last_answer_are_to_be_kept() -> None:
    owed = Action("We will refund it on Monday.", TEAM, (Rich.promised.id,))
    assert digest(Rich.messages).actions == (owed,)
    unanswered, *rest = digest([*Rich.messages, customer("And what about the socks?")]).actions
    assert unanswered.messages == (Rich.called.id, Rich.promised.id)
    assert rest == [owed]


def test_what_the_bot_left_open_is_to_be_looked_at() -> None:
    question = customer("How long for hats?")
    unknown = bot("I do not know.", ReplyStatus.UNKNOWN)
    look = "Look at what was not answered: “How long for hats?”"
    assert digest([question]).actions == (Action(look, TEAM, (question.id,)),)
    assert digest([question, unknown]).actions == (Action(look, TEAM, (unknown.id,)),)
    answer = bot("60 days.")
    assert digest([question, answer]).actions == ()
    assert digest([question, answer], frozenset({answer.id})).actions == (
        Action(look, TEAM, (answer.id,)),
    )


def test_how_the_customer_felt() -> None:
    moods = digest(Rich.messages).moods
    assert moods.start == Mood(SentimentLabel.NEUTRAL, 0.1, (Rich.hello.id,))
    assert moods.end == Mood(SentimentLabel.POSITIVE, 0.4, (Rich.thanked.id,))
    assert moods.worst == Mood(SentimentLabel.NEGATIVE, -0.8, (Rich.tried.id,))
    assert moods.quarters == (0.1, 0.1, -0.8, 0.4)
    assert moods.smooth == (0.1, 0.1, -0.26, -0.116, 0.21)


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (1.0, SentimentLabel.POSITIVE),
        (0.25, SentimentLabel.POSITIVE),
        (0.24, SentimentLabel.NEUTRAL),
        (-0.24, SentimentLabel.NEUTRAL),
        (-0.25, SentimentLabel.NEGATIVE),
    ],
)
def test_the_label_of_a_mean(score: float, label: SentimentLabel) -> None:
    assert label_of(score) is label


def test_the_summary_tells_the_issue_the_pages_the_end_and_the_course() -> None:
    question, answer = customer("How long for hats?"), bot("60 days.", citations=(PAGE,))
    settled = digest([question, answer]).summary.text
    for part in ("“How long for hats?”", "Returns › Deadlines › Shoes", "neutral throughout"):
        assert part in settled
    denied = digest([question, answer, customer("That does not help!", CROSS)]).summary.text
    for part in ("did not help", "neutral at first and negative at the end"):
        assert part in denied
    assert handoff.ASKED in digest(Rich.messages).summary.text


def test_of_many_questions_the_first_and_the_last_are_the_issue() -> None:
    asked = [customer(f"How long for {thing}?") for thing in ("hats", "lamps", "shoes")]
    talk = [m for question in asked for m in (question, bot("60 days."))]
    assert digest([*talk, customer("Thanks!")]).issue == Line(
        "“How long for hats?” … “How long for shoes?” (3 questions)", (asked[0].id, asked[2].id)
    )


@pytest.mark.parametrize(
    "talk", [[customer("Hello!"), bot("Hello!", rule=SMALL_TALK)], [customer("  ")]]
)
def test_not_enough_content_is_said(talk: list[Message]) -> None:
    found = digest(talk)
    assert found.summary.text == "Not enough content"
    assert found.ending.outcome is Outcome.NOT_ENOUGH_CONTENT
    assert {found.tried, found.actions, found.entities, found.promises} == {()}


def test_as_json_has_it() -> None:
    plain = digest(Rich.messages).plain()
    assert set(plain) >= {
        *("summary", "issue", "details", "tried", "outcome", "actions", "entities", "promises"),
        *("sentiment", "language"),
    }
    read = json.loads(json.dumps(plain))
    assert set(read["sentiment"]) == {"start", "end", "worst", "quarters", "smooth"}
    assert read["sentiment"]["worst"] == {
        "label": "negative",
        "score": -0.8,
        "messages": [Rich.tried.id],
    }
    assert read["outcome"] == {
        "text": "escalated",
        "why": "asked for a person",
        "reason": "asked",
        "confirmed": False,
        "abandoned": False,
        "messages": [Rich.called.id, Rich.promised.id],
    }
    assert read["entities"][1] == {"kind": "order", "text": "LL48213377", "message": Rich.name.id}
    assert read["tried"][0]["citations"] == ["Returns › Deadlines › Shoes"]
    untagged = digest([message(Role.CUSTOMER, "How long?")]).plain()
    assert json.loads(json.dumps(untagged))["sentiment"]["start"] is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_of_two_hundred_turns_is_lost(seed: int) -> None:
    dice = random.Random(seed)
    asked, said = ["How long do I have for a return?"] * 200, ["I see."] * 200
    planted: dict[Kind, set[str]] = {kind: set() for kind in Kind}

    def plant(kind: Kind, text: str, into: list[str], sentence: str) -> None:
        into[dice.randrange(200)] += f" {sentence.format(text)}"
        planted[kind].add(text)

    for number in range(20):
        last = "".join(dice.choices("abcdefghij", k=8)).capitalize()
        order = f"LL{dice.randrange(10**7, 10**8)}"
        day = f"{1 + number} October {dice.randrange(2000, 2030)}"
        promise = f"I will send parcel {number} to your neighbour."
        plant(Kind.NAME, f"Anna {last}", asked, "My name is {}.")
        plant(Kind.ORDER, order, asked, "Where is {}?")
        plant(Kind.DATE, day, dice.choice((asked, said)), "It came on {}.")
        plant(Kind.PROMISE, promise, said, "{}")

    pairs = zip(asked, said, strict=True)
    talk = [m for ask, say in pairs for m in (customer(ask), message(Role.AGENT, say))]
    found = digest(talk)
    texts = {m.id: m.text for m in talk}
    for kind in (Kind.NAME, Kind.ORDER, Kind.DATE):
        assert {fact.text for fact in found.entities if fact.kind is kind} == planted[kind]
    assert {fact.text for fact in found.promises} == planted[Kind.PROMISE]
    assert all(fact.text in texts[fact.message] for fact in (*found.entities, *found.promises))


def test_ten_thousand_turns_are_soon_read() -> None:
    talk = []
    for number in range(10_000):
        talk.append(customer(f"Where is LL{48_213_377 + number}? I ordered it on Monday."))
        talk.append(bot("Within 60 days.", citations=(PAGE,)))
    began = time.process_time()
    found = digest(talk)
    assert time.process_time() - began < 5
    assert len(found.entities) == 10_001
