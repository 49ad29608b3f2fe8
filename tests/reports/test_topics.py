from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from bot.digest.outcome import Reason
from bot.rates import rate
from bot.reports.clusters import Floats
from bot.reports.entries import Entry
from bot.reports.topics import (
    HEADING,
    Asked,
    Gap,
    Topic,
    first_questions,
    gaps,
    heading_of,
    topics,
    unanswered_questions,
)
from tests.reports.conftest import (
    MONDAY,
    Line,
    agent,
    bot,
    called,
    customer,
    entry,
    talk,
    unknown,
)

RETURNS, LAMPS = "Returns › How long you have", "Lamps"
EAST, NORTH = (1.0, 0.0), (0.0, 1.0)


def answered(text: str, page: str, *more: Line, **where: Any) -> Entry:
    return entry(talk(customer(text), bot(page=page), *more, **where))


def open_question(text: str, who: str = "ada", **more: Any) -> Entry:
    return entry(talk(customer(text, **more), unknown(), who=who))


def vectors_of(asked: list[Asked], by_text: Mapping[str, tuple[float, ...]]) -> dict[str, Floats]:
    return {
        one.question.message: np.asarray(by_text[one.question.text], dtype=np.float32)
        for one in asked
        if one.question.text in by_text
    }


def found(asked: list[Asked], vectors: Mapping[str, Floats] | None = None) -> list[Topic]:
    return topics(asked, vectors or {}, lambda one: (one.started.at - MONDAY).days, 3)


def gaps_of(*now: Entry, before: tuple[Entry, ...] = ()) -> list[Gap]:
    return gaps(unanswered_questions(now, before), {})


# --- topics


def test_what_a_page_answered_is_one_topic_whatever_the_words() -> None:
    now = [
        answered("How long can I return shoes?", RETURNS),
        answered("怎么退货？", RETURNS),
        answered("Does it dim?", LAMPS),
    ]
    one, other = found(first_questions(now, []))
    assert (one.name, one.count) == (RETURNS, 2)
    assert (other.name, other.count) == (LAMPS, 1)


def test_the_first_question_of_a_conversation_counts() -> None:
    now = [
        answered("Is it late?", RETURNS, customer("Does it dim?"), bot(page=LAMPS)),
        entry(talk(customer("Hello"), bot("Hello!", rule="small talk"))),
    ]
    (one,) = found(first_questions(now, []))
    assert (one.name, one.count) == (RETURNS, 1)


def test_what_no_page_answered_is_named_by_a_question() -> None:
    now = [open_question("gift registry?"), open_question("a gift registry?", "bob")]
    (one,) = found(first_questions(now, []))
    assert (one.name, one.count) == ("Gift registry?", 2)


@pytest.mark.parametrize(("near", "is_joined"), [((0.8, 0.6), True), ((0.3, 0.95), False)])
def test_a_question_without_an_answer_joins_its_page(
    near: tuple[float, float], is_joined: bool
) -> None:
    now = [
        answered("Is it too late?", RETURNS),
        answered("Until when?", RETURNS),
        open_question("Three weeks ago, and now?"),
    ]
    asked = first_questions(now, [])
    texts = {"Is it too late?": EAST, "Until when?": EAST, "Three weeks ago, and now?": near}
    topic, *others = found(asked, vectors_of(asked, texts))
    assert (topic.name, topic.count) == (RETURNS, 3 if is_joined else 2)
    assert [one.name for one in others] == ([] if is_joined else ["Three weeks ago, and now?"])


def test_of_two_pages_it_joins_the_nearer() -> None:
    now = [answered("return", RETURNS), answered("dim", LAMPS), open_question("dimmer")]
    asked = first_questions(now, [])
    vectors = vectors_of(asked, {"return": EAST, "dim": NORTH, "dimmer": (0.6, 0.8)})
    assert {one.name: one.count for one in found(asked, vectors)} == {LAMPS: 2, RETURNS: 1}


def test_the_same_words_join_the_page_without_a_vector() -> None:
    now = [answered("Wie lange?", RETURNS), open_question("Wie lange?", language="de")]
    (one,) = found(first_questions(now, []))
    assert (one.name, one.count) == (RETURNS, 2)


def test_what_is_told_of_a_topic() -> None:
    now = [
        answered("one?", RETURNS, customer("Thanks, that helped!", 0.8)),
        answered("two?", RETURNS, at=MONDAY + timedelta(days=2)),
        answered("three?", RETURNS, customer("That did not help", -0.6), at=MONDAY),
    ]
    then = [answered("before?", RETURNS), answered("elsewhere?", LAMPS)]
    returns, lamps = found(first_questions(now, then))
    assert (returns.count, returns.before) == (3, 1)
    assert returns.resolved == rate(2, 3)
    assert returns.mood == pytest.approx((0.4 + 0.0 - 0.3) / 3)
    assert returns.course == (2, 0, 1)
    assert [one.text for one in returns.examples] == ["three?", "two?", "one?"]
    assert returns.examples[0].conversation == now[2].started.id
    assert (lamps.count, lamps.before, lamps.resolved.share) == (0, 1, None)


def test_examples_are_the_newest_each_with_other_words() -> None:
    texts = ["a?", "b?", "B?", "c?", "d?", "d?"]
    (one,) = found(first_questions([answered(text, RETURNS) for text in texts], []))
    assert [example.text for example in one.examples] == ["d?", "c?", "B?"]


def test_the_most_frequent_comes_first() -> None:
    now = [answered("?", page) for page in ("b", "a", "c", "c")]
    then = [answered("?", "b")]
    assert [one.name for one in found(first_questions(now, then))] == ["c", "b", "a"]


def test_no_topics() -> None:
    assert found([]) == []
    assert gaps([], {}) == []


# --- gaps


def test_gaps_count_customers_not_questions() -> None:
    now = [
        open_question("Do you have a gift registry?"),
        open_question("gift registry please"),
        open_question("Is there a gift registry?", "bob"),
    ]
    (gap,) = gaps_of(*now)
    assert (gap.customers, gap.questions, gap.before) == (2, 3, 0)


def test_what_one_customer_alone_asked_is_no_gap() -> None:
    text = "Is there a gift registry?"
    assert gaps_of(open_question(text), open_question(text)) == []
    nameless = [open_question(text, ""), open_question(text, "")]
    assert [gap.customers for gap in gaps_of(*nameless)] == [2], "they may be two"


def test_a_gap_of_the_period_before_is_none_now() -> None:
    before = (open_question("gift registry?", "cleo"), open_question("gift registry?", "dan"))
    assert gaps_of(open_question("gift registry?"), before=before) == []
    now = open_question("gift registry?"), open_question("gift registry?", "bob")
    (gap,) = gaps_of(*now, before=before)
    assert (gap.customers, gap.questions, gap.before) == (2, 2, 2)


def test_what_a_gap_tells() -> None:
    texts = ["Is there a gift registry?", "gift registry", "Gift registry?", "a gift registry"]
    now = [open_question(text, f"c{n}") for n, text in enumerate(texts)]
    now.append(open_question("gift registry bitte", "c9", language="de"))
    (gap,) = gaps_of(*now)
    assert gap.languages == ("de", "en")
    assert len(gap.examples) == 3
    assert gap.examples[0].text == "gift registry bitte"


def test_what_most_customers_asked_comes_first() -> None:
    now = [open_question("dimmer for lamps?", f"l{n}") for n in range(2)]
    now += [open_question("gift registry?", f"g{n}") for n in range(3)]
    assert [gap.heading for gap in gaps_of(*now)] == ["Gift registry?", "Dimmer for lamps?"]


def test_which_questions_are_unanswered() -> None:
    question = customer("Is there a gift registry?")
    nothing_found = called("nothing found again")
    talks = {
        "unknown": talk(question, unknown()),
        "called, for nothing was found": talk(question, nothing_found),
        "answered": talk(question, bot(page=RETURNS)),
        "called by policy": talk(question, called("policy: complaints")),
        "answered by a person": talk(question, agent()),
        "not answered yet": talk(question),
    }
    asked = {name: unanswered_questions([entry(one)], []) for name, one in talks.items()}
    assert [name for name, some in asked.items() if some] == [
        "unknown",
        "called, for nothing was found",
    ]
    assert entry(talks["called by policy"]).case.reason is Reason.POLICY


# --- headings


def heading(*texts: str, vectors: Mapping[str, tuple[float, ...]] | None = None) -> str:
    asked = unanswered_questions([open_question(text) for text in texts], [])
    return heading_of(asked, vectors_of(asked, vectors or {}))


def test_a_heading_is_what_was_asked_most() -> None:
    assert heading("do you gift wrap", "gift wrap?", "gift wrap?") == "Gift wrap?"


def test_a_heading_has_no_number_of_one_customer() -> None:
    assert heading("order 7", "where is order LL123?", "where is my order?") == "Where is my order?"
    assert heading("order 7", "order 7", "order 7", "where is it?") == "Where is it?"


def test_of_equals_the_shortest_is_the_heading() -> None:
    assert heading("could you perhaps gift wrap it", "gift wrap?", "is gift wrap there?") == (
        "Gift wrap?"
    )


def test_a_heading_is_near_to_all() -> None:
    vectors = {"aa": EAST, "bbb": (0.8, 0.6), "cc": NORTH}
    assert heading("aa", "bbb", "cc", vectors=vectors) == "Bbb"


def test_a_long_question_is_the_last_choice_and_cut() -> None:
    long = "and " * 30 + "gift wrap?"
    assert heading(long, long, "do you wrap gifts for us?") == "Do you wrap gifts for us?"
    assert heading("order 5 " * 30, "order 5") == "Order 5"
    cut = heading(long)
    assert len(cut) <= HEADING
    assert cut.endswith("…")
    assert cut.startswith("And and")
