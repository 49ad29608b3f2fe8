from __future__ import annotations

from dataclasses import dataclass

from bot.engine.prompt import Prompt
from bot.engine.request import Priority, Request
from bot.engine.waiting import WaitingLine


@dataclass(frozen=True)
class Waiter:
    name: str
    request: Request


def waiter(name: str, priority: Priority = Priority.CUSTOMER) -> Waiter:
    """The letter is the conversation; "-" is nobody's."""
    conversation = name[0].strip("-")
    return Waiter(name, Request(Prompt([]), conversation=conversation, priority=priority))


def line_of(*names: str) -> WaitingLine[Waiter]:
    line: WaitingLine[Waiter] = WaitingLine()
    for name in names:
        line.add(waiter(name))
    return line


def served(line: WaitingLine[Waiter]) -> list[str]:
    names = []
    while (found := line.take(lambda _: True)) is not None:
        names.append(found.name)
    return names


def test_conversations_take_turns() -> None:
    line = line_of("a1", "a2", "a3", "b1", "c1", "b2")
    assert [one.name for one in line.in_order()] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert served(line) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert len(line) == 0


def test_strangers_are_served_as_they_come() -> None:
    assert served(line_of("-1", "a1", "-2", "-3")) == ["-1", "a1", "-2", "-3"]


def test_customers_go_before_background_work() -> None:
    line = line_of("b1")
    line.add(waiter("d1", Priority.BACKGROUND))
    line.add(waiter("c1"))
    assert served(line) == ["b1", "c1", "d1"]


def test_who_is_not_admitted_keeps_the_place() -> None:
    line = line_of("a1", "b1", "a2")
    found = line.take(lambda one: one.name != "a1")
    assert found is not None
    assert found.name == "b1"
    assert line.take(lambda _: False) is None
    assert served(line) == ["a1", "a2"]


def test_some_leave() -> None:
    line = line_of("a1", "b1", "a2", "c1")
    assert {one.name for one in line.remove(lambda one: one.name[0] in "ac")} == {"a1", "a2", "c1"}
    assert len(line) == 1
    assert served(line) == ["b1"]


def test_nobody_is_lost_who_changes_his_mind_while_those_who_leave_are_sought() -> None:
    line = line_of("a1", "b1", "c1")
    asked: set[str] = set()

    def leaves(waiter: Waiter) -> bool:
        """Not when it is asked first, and from then on."""
        again = waiter.name in asked
        asked.add(waiter.name)
        return again

    left = line.remove(leaves)
    assert {one.name for one in left} | set(served(line)) == {"a1", "b1", "c1"}
