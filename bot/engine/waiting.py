"""The requests that wait for a sequence: by priority, and fair among conversations."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from bot.engine.request import Request


class Waiter(Protocol):
    @property
    def request(self) -> Request: ...


W = TypeVar("W", bound=Waiter)


class WaitingLine(Generic[W]):
    """Each conversation has a line of its own, and the lines are served in turn: who sends ten
    requests at once delays nobody else by more than one."""

    def __init__(self) -> None:
        self._lines: dict[int, OrderedDict[str, deque[W]]] = {}
        self._strangers = 0

    def __len__(self) -> int:
        return sum(len(line) for lines in self._lines.values() for line in lines.values())

    def add(self, waiter: W) -> None:
        lines = self._lines.setdefault(waiter.request.priority, OrderedDict())
        name = waiter.request.conversation
        if not name:  # nobody's: a conversation of its own
            self._strangers += 1
            name = f"\0{self._strangers}"
        lines.setdefault(name, deque()).append(waiter)

    def take(self, admits: Callable[[W], bool]) -> W | None:
        """The first that is admitted; its conversation goes to the end of the line."""
        for _, lines in sorted(self._lines.items()):
            for name, line in lines.items():
                if admits(line[0]):
                    waiter = line.popleft()
                    lines.move_to_end(name)
                    if not line:
                        del lines[name]
                    return waiter
        return None

    def remove(self, leaves: Callable[[W], bool]) -> list[W]:
        """Each is asked about once: another thread may change the answer meanwhile."""
        left: list[W] = []
        for lines in self._lines.values():
            for name, line in list(lines.items()):
                stay: deque[W] = deque()
                for waiter in line:
                    (left if leaves(waiter) else stay).append(waiter)
                if stay:
                    lines[name] = stay
                else:
                    del lines[name]
        return left

    def in_order(self) -> Iterator[W]:
        """As they will be served, as far as that can be known: by rounds over the lines."""
        for _, lines in sorted(self._lines.items()):
            rounds = max(map(len, lines.values()), default=0)
            for number in range(rounds):
                for line in lines.values():
                    if number < len(line):
                        yield line[number]
