"""Ctrl-C is heard between two steps, and never lost."""

from __future__ import annotations

import signal

import pytest

from models.training.log import heard_interrupt


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_whoever_asks_is_told_and_ends_in_peace() -> None:
    before = signal.getsignal(signal.SIGINT)
    with heard_interrupt() as interrupted:
        assert not interrupted()
        press()
        assert interrupted()
    assert signal.getsignal(signal.SIGINT) is before


def test_where_nobody_asks_any_more_it_ends_what_follows() -> None:
    reached: list[int] = []

    def work() -> None:
        with heard_interrupt() as interrupted:
            assert not interrupted()
            press()
            reached.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached


def test_pressed_again_it_ends_at_once() -> None:
    pressed: list[int] = []

    def work() -> None:
        with heard_interrupt():
            for number in range(3):
                pressed.append(number)
                press()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert pressed == [0, 1]
