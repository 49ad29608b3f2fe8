from bot.adapters.slack.overheard import MESSAGES, SECONDS, Overheard
from bot.delivery import Incoming, Place


def said(place: str, text: str) -> Incoming:
    return Incoming(Place("slack", place), text, text, "anna", text)


def test_it_is_kept_for_some_minutes_and_given_once() -> None:
    now = [0.0]
    overheard = Overheard(lambda: now[0])
    overheard.add(said("a", "1"))
    now[0] = SECONDS / 2
    overheard.add(said("a", "2"))
    overheard.add(said("b", "3"))
    now[0] = SECONDS + 1
    assert [one.text for one in overheard.taken_from(Place("slack", "a"))] == ["2"]
    assert overheard.taken_from(Place("slack", "a")) == []
    assert [one.text for one in overheard.taken_from(Place("slack", "b"))] == ["3"]


def test_there_is_a_limit() -> None:
    overheard = Overheard()
    for number in range(MESSAGES + 5):
        overheard.add(said("a", str(number)))
    assert len(overheard.taken_from(Place("slack", "a"))) == MESSAGES
