from __future__ import annotations

from dataclasses import replace

from bot.conversation import SMALL_TALK, Message, MessageState, ReplyStatus, Role
from bot.lessons.approved import Approved, Opinions, approved
from bot.lessons.lesson import Kind
from tests.lessons.talking import answers, asks, message, talk, writes

NOBODY = Opinions()


def found(messages: list[Message], opinions: Opinions = NOBODY) -> list[Approved]:
    return list(approved(messages, opinions))


def test_nobody_approved_of_an_answer_that_nobody_judged() -> None:
    assert found(talk(asks("How long for shoes?"), answers(1))) == []


def test_marked_helpful_it_is_approved_of_with_what_came_before() -> None:
    messages = talk(asks("Hi, I bought shoes"), answers(1), asks("How long?"), answers(3))
    (one,) = found(messages, Opinions(helpful={"m3"}))
    assert (one.kind, one.asked.id) == (Kind.HELPFUL, "m2")
    assert [m.id for m in one.history] == ["m0", "m1"]


def test_a_good_rating_approves_of_all_answers_but_those_marked_otherwise() -> None:
    messages = talk(asks("One?"), answers(1), asks("Two?"), answers(3))
    rated = Opinions(unhelpful={"m1"}, score=5)
    assert [(one.kind, one.asked.id) for one in found(messages, rated)] == [(Kind.RATED, "m2")]
    assert found(messages, replace(rated, score=3)) == []
    assert found(messages, Opinions(helpful={"m1"}, unhelpful={"m1"})) == []


def test_small_talk_and_what_was_cut_off_teach_nothing() -> None:
    whole = answers(1)
    for other in (
        replace(whole, rule=SMALL_TALK),
        replace(whole, state=MessageState.STOPPED),
        replace(whole, status=ReplyStatus.UNKNOWN),
        replace(whole, citations=()),
        replace(whole, text=" "),
    ):
        assert found(talk(asks("How long?"), other), Opinions(helpful={"m1"})) == []


def test_what_agents_write_in_a_row_is_one_reply() -> None:
    messages = talk(asks("How long for shoes?"), writes("Hello!"), writes("Sixty days."))
    (one,) = found(messages)
    assert (one.kind, one.reply) == (Kind.PERSON, "Hello!\nSixty days.")
    assert one.history == ()


def test_after_the_bots_answer_it_is_a_correction_and_that_answer_is_not_shown() -> None:
    messages = talk(asks("How long for sale shoes?"), answers(1), writes("Fourteen days."))
    (one,) = found(messages)
    assert (one.kind, one.asked.id, one.history) == (Kind.CORRECTION, "m0", ())


def test_an_agent_answers_the_question_not_the_wish_for_a_person() -> None:
    called = message(3, Role.ASSISTANT, "I have called a person.", status=ReplyStatus.HANDED_OFF)
    unknown = message(1, Role.ASSISTANT, "I don't know.", status=ReplyStatus.UNKNOWN)
    messages = talk(
        asks("Do you repair lamps?"),
        unknown,
        asks("I want to speak to a person"),
        called,
        writes("We do, within two years."),
    )
    (one,) = found(messages)
    assert (one.kind, one.asked.id) == (Kind.PERSON, "m0")


def test_a_message_that_was_taken_back_is_no_question() -> None:
    assert found(talk(asks(""), writes("Sixty days."))) == []
