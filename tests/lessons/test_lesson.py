from __future__ import annotations

from dataclasses import replace

from bot.lessons.lesson import Kind, Lesson, Parts, fingerprint, split, without_doubles
from bot.skills.prompt import Turn
from tests.lessons.talking import SHOES


def lesson(group: str, question: str, kind: Kind = Kind.HELPFUL, reply: str = "") -> Lesson:
    return Lesson(kind, group, (), Turn(question), reply or f"Yes: {question}.", "en")


MANY = [lesson(f"talk {n // 3}", f"question {n}") for n in range(90)] + [
    lesson(f"page {n // 4}", f"asked {n}", Kind.PAGE) for n in range(80)
]


def test_no_conversation_and_no_page_is_cut_in_two() -> None:
    parts = split(MANY, seed=1)
    every = (parts.train, parts.validation, parts.kept_out)
    groups = [{one.group for one in part} for part in every]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert {*parts.train, *parts.validation, *parts.kept_out} == set(MANY)
    for part in (parts.validation, parts.kept_out):
        assert {one.kind.source for one in part} == {"conversations", "pages"}
        assert 17 <= len(part) <= 24


def test_the_seed_decides_and_nothing_else() -> None:
    assert split(MANY, seed=1) == split(MANY[::-1][::-1], seed=1)
    assert split(MANY, seed=1) != split(MANY, seed=2)


def test_a_conversation_that_was_erased_moves_no_other_into_training() -> None:
    before = split(MANY, seed=1)
    gone = before.train[0].group
    after = split([one for one in MANY if one.group != gone], seed=1)
    assert set(after.kept_out) == set(before.kept_out)


def straddling(parts: Parts) -> set[str]:
    """Replies that stand in more than one part."""
    every = [{one.reply.lower() for one in part} for part in of_each(parts)]
    return {text for part in every for other in every if part is not other for text in part & other}


def of_each(parts: Parts) -> tuple[tuple[Lesson, ...], ...]:
    return parts.train, parts.validation, parts.kept_out


def test_conversations_with_one_reply_stay_together() -> None:
    stock = [lesson(f"stock {n}", f"asked {n}?", reply="Sixty Days.") for n in range(40)]
    written = [replace(one, reply="sixty  days.") for one in stock[:3]]
    for seed in range(10):
        parts = split([*MANY, *stock, *written], seed)
        assert parts.repeated == 0
        assert {*stock, *written} <= set(parts.train)  # too many to judge by
        assert all(of_each(parts))


def test_a_few_conversations_with_one_reply_are_in_one_part() -> None:
    some = [lesson(f"talk {n}", f"asked {n}?", reply=f"Reply {n // 4}.") for n in range(80)]
    for seed in range(10):
        parts = split(some, seed)
        assert straddling(parts) == set()
        assert [len(part) for part in of_each(parts)] == [64, 8, 8]


def test_a_quote_is_a_reply_whatever_is_said_around_it() -> None:
    asked = Turn("How long?", None, (SHOES,))
    talks = [
        replace(lesson(f"talk {n}", f"asked {n}?"), asked=asked, reply=f"Yes {n}! {SHOES.quote}")
        for n in range(4)
    ]
    for seed in range(10):
        parts = split([*MANY, *talks, lesson("returns.md", "How?", Kind.PAGE, SHOES.quote)], seed)
        assert sum(any(SHOES.quote in one.reply for one in part) for part in of_each(parts)) == 1


def test_stock_replies_that_chain_all_conversations_leave_three_parts() -> None:
    """Each has its neighbour's reply: joined, they would be one."""
    some = [
        lesson(f"talk {n}", f"asked {n} {place}?", reply=f"Reply {(n + place) % 200}.")
        for n in range(200)
        for place in (0, 1)
    ]
    parts = split(some, seed=1)
    assert straddling(parts) == set()
    assert 0 < parts.repeated < 40
    assert parts.repeated + sum(map(len, of_each(parts))) == len(some)
    assert len(parts.train) > 200
    assert min(map(len, of_each(parts))) >= 20


def test_not_to_know_is_everybodys_reply() -> None:
    some = [lesson(f"page {n}", f"asked {n}?", Kind.WITHHELD, "I don't know.") for n in range(40)]
    assert [len(part) for part in of_each(split(some, seed=1))] == [32, 4, 4]


def test_where_there_is_little_it_is_learnt_from() -> None:
    two = [lesson("a", "How long?"), lesson("b", "How much?")]
    assert [len(part) for part in of_each(split(two[:1], seed=1))] == [1, 0, 0]
    assert [len(part) for part in of_each(split(two, seed=1))] == [1, 0, 1]


def test_the_same_said_twice_counts_once() -> None:
    some = [
        lesson("a", "How long?", reply="Yes."),
        lesson("b", "how  LONG?", reply="yes."),
        lesson("c", "How long?", reply="No."),
    ]
    assert [one.group for one in without_doubles(some)] == ["a", "c"]


def test_the_fingerprint_tells_any_change() -> None:
    assert fingerprint(MANY) == fingerprint(list(MANY))
    assert fingerprint(MANY) != fingerprint(MANY[1:])
