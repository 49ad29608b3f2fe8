from __future__ import annotations

from bot.lessons.lesson import Kind, Lesson, fingerprint, split, without_doubles
from bot.skills.prompt import Turn


def lesson(group: str, question: str, kind: Kind = Kind.HELPFUL, reply: str = "Yes.") -> Lesson:
    return Lesson(kind, group, (), Turn(question), reply, "en")


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


def test_the_same_said_twice_counts_once() -> None:
    some = [
        lesson("a", "How long?"),
        lesson("b", "how  LONG?"),
        lesson("c", "How long?", reply="No."),
    ]
    assert [one.group for one in without_doubles(some)] == ["a", "c"]


def test_the_fingerprint_tells_any_change() -> None:
    assert fingerprint(MANY) == fingerprint(list(MANY))
    assert fingerprint(MANY) != fingerprint(MANY[1:])
