"""Outcomes to tables, without a model."""

from __future__ import annotations

from bot.evaluation.answers import Outcome, pages_table, tables, waited
from bot.evaluation.shops import FOLLOW_UP, SINGLE, Question
from bot.measures import Figure

WANTED = ("Returns are free for 30 days.",)


def outcome(
    said: str,
    *,
    kind: str = SINGLE,
    answerable: bool = True,
    withheld: bool = False,
    supported: bool = True,
) -> Outcome:
    question = Question("?", "en", kind, WANTED if answerable else ())
    return Outcome(
        question, (), said, withheld, (supported,) if said else (), 120.0 if said else 0.0, 400
    )


OUTCOMES = [
    outcome("Returns are free for 30 days."),
    outcome("We are open on Sunday.", supported=False),
    outcome("", withheld=True),
    outcome("Returns are free for 30 days.", kind=FOLLOW_UP),
    outcome("", answerable=False, withheld=True),
    outcome("Something else.", answerable=False),
]


def value(cell: object) -> float:
    assert isinstance(cell, Figure)
    return round(cell.value, 3)


def test_answers_count_where_there_is_one() -> None:
    answered, _ = tables(OUTCOMES)
    rows = {row.name: row.cells for row in answered.rows}
    single, everything = rows["English, single question"], rows["English, all"]
    assert (single["questions"], everything["questions"]) == (3, 4)
    assert value(single["answered"]) == 0.667
    assert value(single["right"]) == 0.333
    assert value(everything["right"]) == 0.5
    assert value(everything["supported"]) == 0.667
    assert 0.5 <= value(everything["token F1"]) < 0.6


def test_withholding_is_a_choice_among_all_questions() -> None:
    _, withheld = tables(OUTCOMES)
    (row,) = withheld.rows
    assert row.cells["without an answer"] == 2
    assert value(row.cells["precision"]) == value(row.cells["recall"]) == 0.5
    assert value(row.cells["F1"]) == 0.5


def test_what_was_not_answered_waited_for_nothing() -> None:
    assert waited(OUTCOMES) == {"message to first token, ms": 120.0, "prompt, tokens": 400}
    assert waited([outcome("", withheld=True)]) == {}


def test_pages_are_answered_and_withheld() -> None:
    (row,) = pages_table(OUTCOMES).rows
    assert (row.name, row.cells["questions"], row.cells["without an answer"]) == ("English", 6, 2)
    assert value(row.cells["right"]) == 0.5
    assert (value(row.cells["precision"]), value(row.cells["recall"])) == (0.5, 0.5)
