from __future__ import annotations

import time

from bot.conversation import SMALL_TALK, ReplyStatus, Role
from bot.digest.details import LONGEST, details_of
from bot.skills import handoff
from tests.digest.test_brief import bot, customer, message


def test_what_is_wanted_is_told_in_the_customers_words() -> None:
    first = customer("Hello. I am looking for a train. Can you help me?")
    more = customer("From Bishops Stortford to Cambridge, after 12:45.")
    when = customer("On Tuesday, for 2 people. Thanks!")
    found = details_of([first, bot("Where from?"), more, bot("When?"), when])
    assert found.text == (
        "I am looking for a train. From Bishops Stortford to Cambridge, after 12:45. "
        "On Tuesday, for 2 people."
    )
    assert found.messages == (first.id, more.id, when.id)


def test_manners_and_wishes_for_a_person_are_left_out() -> None:
    messages = [
        customer("Good evening to all of you"),
        bot("Good evening!", rule=SMALL_TALK),
        customer("My lamp arrived with a broken shade."),
        bot("Our pages say nothing about it.", ReplyStatus.UNKNOWN),
        customer("Put me through to the manager of this place"),
        bot("Of course.", ReplyStatus.HANDED_OFF, rule=handoff.ASKED),
    ]
    assert details_of(messages).text == "My lamp arrived with a broken shade."


def test_what_others_said_is_not_quoted() -> None:
    messages = [message(Role.AGENT, "Your parcel is in Leeds."), bot("It is in Leeds.")]
    assert details_of(messages).text == ""


def test_the_same_is_not_said_twice() -> None:
    messages = [
        customer("My lamp arrived with a broken shade."),
        customer("The broken shade of my lamp that arrived!"),
        customer("I paid 45 euros."),
    ]
    assert details_of(messages).text == "My lamp arrived with a broken shade. I paid 45 euros."


def test_it_stays_short_however_much_was_said() -> None:
    many = [customer(f"word{n} thing{n} matter{n} point{n} number {n}.") for n in range(3_000)]
    began = time.perf_counter()
    found = details_of(many)
    assert time.perf_counter() - began < 2
    assert len(found.text.split()) <= LONGEST


def test_chinese_characters_count_half() -> None:
    said = "，".join(["我想找一家评分高的餐馆"] * 12) + "。"
    found = details_of([customer("我想退货。"), customer(said)])
    assert found.text == "我想退货。"
    assert "价格四十五元" in details_of([customer("我想退货。"), customer("价格四十五元。")]).text
