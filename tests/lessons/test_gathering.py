"""From a log and help pages to lessons, with the real encoder over the sample pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bot.app import engine_thread, open_store_of
from bot.conversation import Citation, Reply, ReplyStatus, Role
from bot.engine import Encoder, LlamaEmbeddings
from bot.lessons.gathering import DOUBLE, NO_QUESTION, UNGROUNDED, Gathered, LookUp, gather
from bot.lessons.lesson import Kind
from bot.lessons.pages import page_lessons
from bot.settings import Settings
from bot.skills import replies
from bot.skills.grounding import Grounding
from bot.store import Store
from bot.store.rows import utc_now
from knowledge.index import Knowledge
from knowledge.terms import content_terms
from models.catalogue import find

T = TypeVar("T")
QUOTE = "Shoes can be returned within 60 days of delivery."
SHOES = Citation("returns.md", "Returns", "How long you have", QUOTE)
QUESTION = "How long do I have to return shoes?"


def at(home: Path, work: Callable[[Store, LookUp], Awaitable[T]], *, reads: bool = True) -> T:
    settings = Settings(home=home)

    async def run() -> T:
        async with open_store_of(settings) as store:
            with engine_thread() as thread:
                encoder = Encoder.load(find("kefu-encoder"), thread, settings.engine)
                embeddings = LlamaEmbeddings(encoder)
                knowledge = Knowledge(store.passages, embeddings)
                grounding = Grounding(embeddings, content_terms)
                return await work(store, LookUp(knowledge, grounding, 3, reads))

    return asyncio.run(run())


async def talk(store: Store, *said: tuple[Role, str], channel: str = "slack") -> list[str]:
    """The ids of the messages; what the bot says rests on the page about shoes."""
    place = await store.log.start(channel=channel)
    ids = [place.id]
    for role, text in said:
        if role is Role.CUSTOMER:
            message = await store.log.note(place.id, text)
        else:
            cited = (SHOES,) if role is Role.ASSISTANT else ()
            reply = Reply(text, ReplyStatus.ANSWERED, "en", citations=cited)
            message = await store.log.record(place.id, reply, role=role)
        ids.append(message.id)
    return ids


CUSTOMER, BOT, AGENT = Role.CUSTOMER, Role.ASSISTANT, Role.AGENT


def test_what_people_approved_of_is_learnt_with_the_passages_behind_it(sample_home: Path) -> None:
    async def work(store: Store, look_up: LookUp) -> Gathered:
        *_, reply = await talk(store, (CUSTOMER, QUESTION), (BOT, QUOTE))
        await store.feedback.give(reply, "ann", helpful=True)
        said = f"Hello Ann!\n{QUOTE} Mail me at tom@home.example."
        await talk(store, (CUSTOMER, f"I'm Ann. {QUESTION}"), (AGENT, said))
        await talk(store, (CUSTOMER, QUESTION), (AGENT, "I have sent you 20 euros by hand."))
        await talk(store, (CUSTOMER, "A person, please!"), (AGENT, QUOTE))
        await talk(store, (CUSTOMER, QUESTION), (AGENT, QUOTE), channel="ask")
        return await gather(store, look_up)

    found = at(sample_home, work)
    by_kind = {one.kind: one for one in found.lessons}
    assert set(by_kind) == {Kind.HELPFUL, Kind.PERSON}
    assert found.left_out == {UNGROUNDED: 1, NO_QUESTION: 1}
    person = by_kind[Kind.PERSON]
    assert person.reply == QUOTE  # the greeting and the address are somebody's
    assert person.asked.question == f"I'm [name]. {QUESTION}"
    assert found.masked["name"]
    assert any(QUOTE in passage.quote for passage in person.asked.passages)
    assert any(len(passage.quote) > len(QUOTE) for passage in person.asked.passages)


def test_a_model_that_only_words_is_shown_what_was_quoted(sample_home: Path) -> None:
    async def work(store: Store, look_up: LookUp) -> Gathered:
        for customer in ("ann", "bob"):
            *_, reply = await talk(store, (CUSTOMER, QUESTION), (BOT, QUOTE))
            await store.feedback.give(reply, customer, helpful=True)
        return await gather(store, look_up)

    found = at(sample_home, work, reads=False)
    (one,) = found.lessons
    assert one.asked.passages == (SHOES,)
    assert found.left_out == {DOUBLE: 1}


def test_what_was_erased_or_called_unhelpful_is_not_learnt(sample_home: Path) -> None:
    async def work(store: Store, look_up: LookUp) -> list[Gathered]:
        place, _, reply = await talk(store, (CUSTOMER, QUESTION), (BOT, QUOTE))
        await store.feedback.give(reply, "ann", helpful=True)
        before = await gather(store, look_up)
        await store.feedback.give(reply, "bob", helpful=False)
        disputed = await gather(store, look_up)
        await store.log.delete(place)
        return [before, disputed, await gather(store, look_up)]

    before, disputed, erased = at(sample_home, work, reads=False)
    assert [len(one.lessons) for one in (before, disputed, erased)] == [1, 0, 0]


def test_what_was_said_or_judged_later_does_not_count(sample_home: Path) -> None:
    async def work(store: Store, look_up: LookUp) -> list[Gathered]:
        place, _, reply = await talk(store, (CUSTOMER, QUESTION), (BOT, QUOTE))
        await store.feedback.give(reply, "ann", helpful=True)
        until = utc_now()
        await store.feedback.give(reply, "bob", helpful=False)
        await store.log.note(place, "And boots?")
        await store.log.record(
            place, Reply(QUOTE, ReplyStatus.ANSWERED, "en", citations=(SHOES,)), role=AGENT
        )
        await talk(store, (CUSTOMER, QUESTION), (AGENT, QUOTE))
        return [await gather(store, look_up, until=until), await gather(store, look_up)]

    then, now = at(sample_home, work, reads=False)
    assert [one.kind for one in then.lessons] == [Kind.HELPFUL]
    assert {one.kind for one in now.lessons} == {Kind.PERSON}


def test_pages_are_asked_and_some_answers_taken_away(sample_home: Path) -> None:
    found = at(
        sample_home, lambda store, look_up: page_lessons(store, look_up, {}, seed=2, most=16)
    )
    assert {one.kind for one in found} == {Kind.PAGE, Kind.WITHHELD}
    for one in found:
        shown = "\n".join(passage.quote for passage in one.asked.passages)
        if one.kind is Kind.PAGE:
            assert one.reply in shown
        else:
            assert one.reply == replies.fixed(replies.UNKNOWN, one.language)
        assert one.group.endswith(".md")


def test_a_model_that_only_words_goes_on_wording(sample_home: Path) -> None:
    wording = {"en": {f"{part}.{mood}": [f"{part} words"] for part in ("opening", "closing")
                      for mood in ("negative", "neutral", "positive")}}  # fmt: skip
    found = at(
        sample_home,
        lambda store, look_up: page_lessons(store, look_up, wording, seed=2, most=16),
        reads=False,
    )
    assert found
    for one in found:
        (shown,) = one.asked.passages
        assert one.reply == f"opening words\n\n{shown.quote}\n\nclosing words"
        assert one.language == "en"
