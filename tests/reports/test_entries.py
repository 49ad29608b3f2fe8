from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.conversation import Tag
from bot.demo.scene import sentiment_of
from bot.digest.outcome import Outcome
from bot.hours import ALWAYS_OPEN
from bot.reports import entries as module
from bot.reports.entries import Entry, digested, edited, entries, make_digests, stale
from bot.reports.figures import figures
from bot.store import Store
from bot.store.cohort import Period
from bot.store.ratings import Rating
from bot.store.whole import Whole
from tests.reports.conftest import JUNE, MAY, MONDAY, bot, customer, entry, talk

SOON = timedelta(hours=72)


def by_channel(some: list[Entry]) -> dict[str, int]:
    return figures(some, ALWAYS_OPEN).channels


def question(**more: object) -> Whole:
    return talk(customer("Is it late?"), bot(page="Returns"), **more)  # type: ignore[arg-type]


async def read(
    store: Store, some: Sequence[Whole] = (), period: Period = MAY, now: datetime = JUNE
) -> list[Entry]:
    await store.whole.add(some)
    await make_digests(store, await stale(store, period), lambda _: None)
    return await entries(store, period, now)


async def stale_ids(store: Store) -> list[str]:
    return [one.id for one in await stale(store, MAY)]


# --- what is in a period


async def test_a_period_holds_its_beginning_and_not_its_end(store: Store) -> None:
    instant = timedelta(microseconds=1)
    moments = [MAY.since - instant, MAY.since, MAY.until - instant, MAY.until]
    found = await read(store, [question(at=at) for at in moments])
    assert [one.started.at for one in found] == moments[1:3]


async def test_trials_are_left_out_unless_they_are_asked_for(store: Store) -> None:
    await store.whole.add([question(), question(channel="ask"), question(channel="matrix")])
    assert by_channel(await read(store)) == {"slack": 1, "matrix": 1}
    for channel in ("ask", "matrix"):
        period = Period(MAY.since, MAY.until, channel)
        assert by_channel(await read(store, period=period)) == {channel: 1}
        assert await store.cohort.trials(period) == 0
    assert await store.cohort.trials(MAY) == 1


async def test_a_conversation_in_which_nobody_wrote_is_left_out(store: Store) -> None:
    await store.log.start(channel="slack", customer="ada")
    started = Period(MAY.since, datetime.max.replace(tzinfo=MAY.since.tzinfo) - timedelta(days=99))
    assert await read(store, period=started) == []


async def test_an_entry_is_what_the_log_has(store: Store) -> None:
    whole = talk(
        customer("Is it late?", -0.5),
        bot(page="Returns"),
        customer("Thanks, that helped", 0.5),
        rating=Rating(5, "good", MONDAY),
    )
    (one,) = await read(store, [whole])
    await store.feedback.give(whole.messages[1].id, "ada", helpful=True, remark="yes")
    (again,) = await read(store)
    assert (one.case.outcome, one.case.confirmed) == (Outcome.RESOLVED, True)
    assert one.rated is not None
    assert (one.rated.score, one.rated.remark, one.opinions) == (5, "good", ())
    assert [(it.helpful, it.remark) for it in again.opinions] == [(True, "yes")]


async def test_a_case_is_read_as_it_was_kept(store: Store) -> None:
    whole = talk(customer("Is it late?", -0.5), bot(page="Returns"), customer("and why?", None))
    (one,) = await read(store, [whole])
    assert one.case == entry(whole).case


# --- coming back


@pytest.mark.parametrize(
    ("after", "comes_back"),
    [
        (timedelta(seconds=1), True),
        (SOON, True),
        (SOON + timedelta(microseconds=1), False),
        (timedelta(days=20), False),
    ],
)
async def test_who_comes_back_within_72_hours_of_the_last_message(
    store: Store, after: timedelta, comes_back: bool
) -> None:
    first = question()
    ended = first.messages[-1].created_at
    one, other = await read(store, [first, question(at=ended + after)])
    assert (one.comes_back, other.comes_back) == (comes_back, False)


async def test_who_comes_back_after_the_period_came_back(store: Store) -> None:
    late = question(at=MAY.until - timedelta(hours=1))
    (one,) = await read(store, [late, question(at=MAY.until + timedelta(hours=60))])
    assert one.comes_back


@pytest.mark.parametrize(
    ("who", "channel"), [("bob", "slack"), ("ada", "matrix"), ("ada", "ask"), ("", "slack")]
)
async def test_another_customer_is_nobody_who_comes_back(
    store: Store, who: str, channel: str
) -> None:
    first = question(who="ada" if who else "")
    await store.whole.add([question(who=who, channel=channel, at=MONDAY + timedelta(hours=1))])
    one, *_ = await read(store, [first])
    assert not one.comes_back


async def test_who_may_still_come_back(store: Store) -> None:
    whole = question()
    ended = whole.messages[-1].created_at
    (before,) = await read(store, [whole], now=ended + SOON - timedelta(seconds=1))
    (after,) = await read(store, now=ended + SOON)
    assert (before.may_come_back, after.may_come_back) == (True, False)


async def test_of_nobody_it_is_not_known_whether_they_may(store: Store) -> None:
    (one,) = await read(store, [question(who="")], now=MONDAY + timedelta(hours=1))
    assert not one.may_come_back


# --- digests


async def test_digests_are_kept_until_something_is_another(store: Store) -> None:
    whole, other = question(), question(who="bob")
    name, reply = whole.conversation.id, whole.messages[1].id
    await read(store, [whole, other])
    assert await stale_ids(store) == []
    thanks = await store.log.note(name, "Thanks!")
    assert await stale_ids(store) == [name]
    await read(store)
    await store.log.tag(thanks.id, Tag("en", sentiment_of(0.6)))
    assert await stale_ids(store) == [name]
    await read(store)
    await store.feedback.give(reply, "ada", helpful=False)
    assert await stale_ids(store) == [name]
    await read(store)
    await store.feedback.take_back(reply, "ada")
    assert await stale_ids(store) == [name]
    await read(store)
    assert await stale_ids(store) == []


async def test_what_other_rules_digested_is_digested_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = question()
    await read(store, [whole])
    monkeypatch.setattr(module, "VERSION", "other")
    assert await stale_ids(store) == [whole.conversation.id]
    assert len(await read(store)) == 1
    assert await stale_ids(store) == []


async def test_digests_are_made_some_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    await store.whole.add([question(who=str(n)) for n in range(5)])
    done: list[int] = []
    await make_digests(store, await stale(store, MAY), done.append)
    assert done == [2, 2, 1]


async def test_a_conversation_that_was_deleted_before_it_was_digested(store: Store) -> None:
    whole, other = question(), question(who="bob")
    await store.whole.add([whole, other])
    wanted = await stale(store, MAY)
    await store.log.delete(whole.conversation.id)
    await make_digests(store, wanted, lambda _: None)
    (one,) = await entries(store, MAY, JUNE)
    assert one.started.id == other.conversation.id


async def test_a_conversation_that_was_deleted_while_it_was_digested(store: Store) -> None:
    whole, other = question(), question(who="bob")
    await store.whole.add([whole, other])
    made = await digested(store, await stale(store, MAY))
    await store.log.delete(whole.conversation.id)
    await store.digests.keep(made)
    (one,) = await entries(store, MAY, JUNE)
    assert one.started.id == other.conversation.id


async def test_a_digest_of_what_was_changed_meanwhile_is_not_kept(store: Store) -> None:
    whole = question()
    await store.whole.add([whole])
    made = await digested(store, await stale(store, MAY))
    await store.feedback.give(whole.messages[1].id, "ada", helpful=False)
    await store.digests.keep(made)
    assert await stale_ids(store) == [whole.conversation.id]


# --- what people wrote in them


async def test_what_a_person_wrote_stays(store: Store) -> None:
    whole = question()
    await read(store, [whole])
    for field in ("summary", "issue", "language"):
        await store.digests.edit(whole.conversation.id, field, f"by ben: {field}", "ben")
    await store.log.note(whole.conversation.id, "Thanks!")
    (one,) = await read(store)
    assert one.digest["summary"]["text"] == "by ben: summary"
    assert one.digest["issue"]["text"] == "by ben: issue"
    assert one.digest["edited"] == ["issue", "summary"]
    assert one.digest["language"] == "en", "this one is no text of theirs"
    await store.digests.unlock(whole.conversation.id, "summary")
    (again,) = await read(store)
    assert again.digest["summary"]["text"] != "by ben: summary"


def test_an_edited_line_rests_on_the_same_messages() -> None:
    made = {"summary": {"text": "made", "messages": ["m1"]}, "issue": {"text": "?", "messages": []}}
    found = edited(made, {"summary": "written"})
    assert found["summary"] == {"text": "written", "messages": ["m1"]}
    assert (found["issue"], found["edited"]) == (made["issue"], ["summary"])


def test_channels_by_how_much_they_are_used() -> None:
    channels = ["slack", "matrix", "slack"]
    assert list(by_channel([entry(question(channel=one)) for one in channels]).items()) == [
        ("slack", 2),
        ("matrix", 1),
    ]
