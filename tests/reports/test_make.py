from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.conversation import Reply, ReplyStatus
from bot.hours import BusinessHours
from bot.reports import make
from bot.reports.entries import make_digests
from bot.reports.report import Report
from bot.store import ConversationLog, Store
from bot.store.cohort import Period, Started
from bot.store.whole import Whole
from tests.reports.conftest import (
    JUNE,
    MAY,
    MONDAY,
    CountingEncoder,
    Line,
    bot,
    customer,
    reporter,
    talk,
    unknown,
)


class CountingDigests:
    """Which conversations are digested; it is stopped by `error` after the first one."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.made: list[str] = []
        self._error = error

    async def __call__(
        self, store: Store, some: Sequence[Started], done: Callable[[int], None]
    ) -> None:
        for one in some:
            await make_digests(store, [one], done)
            self.made.append(one.id)
            if self._error is not None:
                raise self._error


async def may(store: Store, encoder: CountingEncoder | None = None, **more: Any) -> Report:
    chosen = (encoder or CountingEncoder()).of("en")
    return await reporter(store, chosen, **more).report(MAY, JUNE)


def question(text: str, who: str = "ada", **more: Any) -> Whole:
    return talk(customer(text), bot(page="Returns"), who=who, **more)


# --- what is kept


async def test_a_second_report_makes_no_digest_and_opens_no_encoder(store: Store) -> None:
    await store.whole.add([question("Is it late?"), question("Until when?", "bob")])
    digests, encoder = CountingDigests(), CountingEncoder()
    first = await may(store, encoder, digests=digests)
    assert len(digests.made) == 2
    assert (encoder.opened, sorted(encoder.encoded)) == (1, ["Is it late?", "Until when?"])
    second = await may(store, encoder, digests=digests)
    assert second == first
    assert (len(digests.made), encoder.opened) == (2, 1)


async def test_a_new_message_makes_one_digest_anew(store: Store) -> None:
    whole = question("Is it late?")
    await store.whole.add([whole, question("Until when?", "bob")])
    digests, encoder = CountingDigests(), CountingEncoder()
    await may(store, encoder, digests=digests)
    await store.log.note(whole.conversation.id, "And is there a gift registry?")
    await store.log.record(
        whole.conversation.id, Reply("No idea.", ReplyStatus.UNKNOWN, "en", rule="nothing found")
    )
    made = await may(store, encoder, digests=digests)
    assert digests.made[2:] == [whole.conversation.id]
    assert encoder.encoded[2:] == ["And is there a gift registry?"]
    assert made.now.messages == 6


async def test_the_same_words_are_encoded_once(store: Store) -> None:
    await store.whole.add([question("Is it late?", str(n)) for n in range(5)])
    encoder = CountingEncoder()
    made = await may(store, encoder)
    assert encoder.encoded == ["Is it late?"]
    assert [(topic.name, topic.count) for topic in made.topics] == [("Returns", 5)]


async def test_another_encoder_encodes_anew(store: Store) -> None:
    await store.whole.add([question("Is it late?")])
    encoder = CountingEncoder()
    await may(store, encoder)
    other = make.Encoder("other", frozenset({"en"}), encoder.of().open)
    await reporter(store, other).report(MAY, JUNE)
    assert encoder.opened == 2


async def test_the_period_before_is_brought_up_to_date_too(store: Store) -> None:
    before = MAY.since - timedelta(days=3)
    long_before = MAY.since - timedelta(days=40)
    await store.whole.add([question("Is it late?", at=at) for at in (MONDAY, before, long_before)])
    made = await may(store)
    assert (made.now.conversations, made.then.conversations) == (1, 1)
    assert made.before == datetime(2026, 3, 31, tzinfo=UTC)


async def test_how_far_it_is_told(store: Store) -> None:
    told: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append((what, total, []))
        yield told[-1][2].append

    await store.whole.add([question("Is it late?"), question("Until when?", "bob")])
    await may(store, progress=progress)
    assert [(what, total) for what, total, _ in told] == [
        ("reading conversations", 2),
        ("comparing questions", 2),
    ]
    assert all(sum(done) == total for _, total, done in told)
    await may(store, progress=progress)
    assert len(told) == 2, "there was nothing to do"


# --- cut off in the middle


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
async def test_it_goes_on_from_where_it_was_cut_off(
    store: Store, error: type[BaseException]
) -> None:
    await store.whole.add([question("Is it late?", str(n)) for n in range(4)])
    cut_off = CountingDigests(error)
    for _ in range(2):
        with pytest.raises(error):
            await may(store, digests=cut_off)
    goes_on = CountingDigests()
    made = await may(store, digests=goes_on)
    assert len(cut_off.made) == len(goes_on.made) == 2
    assert not set(cut_off.made) & set(goes_on.made)
    assert made.now.conversations == 4


async def test_vectors_go_on_from_where_they_were_cut_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "AT_ONCE", 1)

    @contextmanager
    def cut_off(what: str, _: int) -> Iterator[Callable[[int], None]]:
        def done(_: int) -> None:
            if what == "comparing questions":
                raise KeyboardInterrupt

        yield done

    await store.whole.add([question(f"{word}?", word) for word in ("one", "two", "three")])
    encoder = CountingEncoder()
    with pytest.raises(KeyboardInterrupt):
        await may(store, encoder, progress=cut_off)
    assert len(encoder.encoded) == 1
    await may(store, encoder)
    assert sorted(encoder.encoded) == ["one?", "three?", "two?"]


async def test_a_report_that_was_cut_off_is_the_same_in_the_end(store: Store) -> None:
    await store.whole.add([question(f"Is it late {n}?", str(n)) for n in range(3)])
    with pytest.raises(KeyboardInterrupt):
        await may(store, digests=CountingDigests(KeyboardInterrupt))
    made = await may(store)
    assert await may(store) == made
    assert made.now.resolution.count == 3


# --- what people wrote


async def test_an_edited_summary_shows(store: Store) -> None:
    whole = talk(customer("Is it late?", -0.8), bot(page="Returns"))
    await store.whole.add([whole])
    assert "Is it late?" in (await may(store)).worst[0].summary
    await store.digests.edit(whole.conversation.id, "summary", "A lamp came broken.", "ben")
    edited = await may(store)
    assert edited.worst[0].summary == "A lamp came broken."
    assert edited.notes == ("1 digest with words of your team.",)
    await store.log.note(whole.conversation.id, "Hello?")
    assert (await may(store)).worst[0].summary == "A lamp came broken."


# --- stores of every kind


async def test_an_empty_store(store: Store) -> None:
    encoder = CountingEncoder()
    made = await may(store, encoder)
    assert made.highlights == ("No customer wrote in this period.",)
    assert (made.now.conversations, len(made.parts), encoder.opened) == (0, 31, 0)


async def test_a_store_with_one_message(store: Store) -> None:
    await store.whole.add([talk(customer("Is it late?"))])
    made = await may(store)
    now = made.now
    assert (now.conversations, now.messages, now.engaged.count) == (1, 1, 0)
    assert now.answer.share is None
    assert (now.abandonment.count, now.abandonment.share) == (1, 1.0)
    assert (now.first_response.wall.n, now.handle_time.wall.median) == (0, 0.0)
    assert [(topic.name, topic.count) for topic in made.topics] == [("Is it late?", 1)]
    assert made.gaps == ()


@pytest.mark.parametrize("line", [bot("Hello!", rule="small talk"), bot(), unknown()])
async def test_a_store_in_which_no_customer_wrote(store: Store, line: Line) -> None:
    await store.whole.add([talk(line)])
    made = await may(store)
    assert (made.now.conversations, made.now.abandonment.of) == (1, 0)
    assert made.topics == ()


async def test_languages_are_mixed(store: Store) -> None:
    said = {"en": "gift registry?", "zh": "有礼品清单吗", "de": "Gibt es eine Geschenkliste?"}
    talks = [
        talk(customer(text, language=language), unknown(), who=f"{language}{n}")
        for n in range(2)
        for language, text in said.items()
    ]
    talks.append(talk(customer("???", language=None), unknown(), who="nobody knows"))
    await store.whole.add(talks)
    encoder = CountingEncoder()
    made = await may(store, encoder)
    assert made.now.languages == {"en": 2, "zh": 2, "de": 2, "unknown": 1}
    assert sorted(encoder.encoded) == ["???", "gift registry?"]
    assert {gap.heading: (gap.customers, gap.languages) for gap in made.gaps} == {
        "Gift registry?": (2, ("en",)),
        "有礼品清单吗": (2, ("zh",)),
        "Gibt es eine Geschenkliste?": (2, ("de",)),
    }
    assert made.notes[0].startswith("2 conversations in other languages than English and Chinese")


async def test_a_clock_that_ran_backwards(store: Store) -> None:
    hours = iter([9, 9, 8, 7, 6])
    log = ConversationLog(
        store.database, clock=lambda: datetime(2026, 5, 4, next(hours), tzinfo=UTC)
    )
    begun = await log.start(channel="slack", customer="ada")
    await log.note(begun.id, "Is it late?")
    await log.record(begun.id, Reply("30 days.", ReplyStatus.ANSWERED, "en"))
    await log.note(begun.id, "Thanks!")
    made = await may(store)
    assert (made.now.conversations, made.now.resolution.count) == (1, 1)
    assert made.now.first_response.wall.n == made.now.handle_time.wall.n == 0
    assert "1 conversation in which a clock was set back: not timed." in made.notes
    assert sum(part.conversations for part in made.parts) == 1


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        (date(2026, 3, 27), date(2026, 3, 31), "2026-03-22T00:00:00+01:00"),
        (date(2026, 10, 23), date(2026, 10, 27), "2026-10-18T00:00:00+02:00"),
    ],
)
async def test_a_period_across_a_change_of_clocks(
    store: Store, first: date, last: date, before: str
) -> None:
    berlin = BusinessHours.parse("Europe/Berlin", {})
    days = [first + timedelta(days=n) for n in range(-5, 6)]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=berlin.zone) for day in days]
    await store.whole.add(
        [
            question("Is it late?", f"{at}", at=at.astimezone(UTC) + late)
            for at in midnights
            for late in (timedelta(0), timedelta(hours=22, minutes=30))
        ]
    )
    until = midnights[-1]
    made = await reporter(store, hours=berlin).report(Period(midnights[5], until), until)
    assert [part.begins for part in made.parts] == days[5:10]
    assert (made.parts[0].begins, made.parts[-1].begins) == (first, last)
    assert [part.conversations for part in made.parts] == [2, 2, 2, 2, 2]
    assert made.then.conversations == 10
    assert made.before.isoformat() == before
