from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agent_desk import AgentDesk
from bot.app import open_inbox
from bot.conversation import Conversation, ConversationState, Reply, ReplyStatus
from bot.errors import CannotTranslate
from bot.settings import Settings, TopicSettings
from bot.skills.topics import Topic, Topics
from bot.store import open_store

CALLED = Reply("A person is called.", ReplyStatus.HANDED_OFF, "en", rule="asked for a person")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AgentDesk]:
    topics = Topics([Topic("legal", ("sue",)), Topic("recall", ("X-100",), {"zh": "请拔掉插头。"})])
    async with await open_store(tmp_path / "kefu.db") as store:
        yield AgentDesk(store, "ben", "Lamps", topics)


@pytest.fixture
async def talk(desk: AgentDesk) -> Conversation:
    talk = await desk.log.start(channel="slack")
    await desk.log.note(talk.id, "How long can shoes be returned?")
    return talk


async def test_what_an_agent_reads_of_a_conversation(desk: AgentDesk, talk: Conversation) -> None:
    assert await desk.called_because(talk.id) == ""
    assert await desk.waiting() == set()
    called = await desk.log.record(talk.id, CALLED, conversation_state=ConversationState.HANDED_OFF)
    await desk.store.feedback.give(called.id, "anna", helpful=True)
    await desk.write_note(talk.id, "She is right.")
    assert await desk.called_because(talk.id) == "asked for a person"
    assert await desk.waiting() == {talk.id}
    assert "Called because: asked for a person" in (await desk.brief(talk.id)).state.text
    assert [(note.agent, note.text) for note in await desk.notes(talk.id)] == [
        ("ben", "She is right.")
    ]
    assert [given.customer for given in await desk.feedback(talk.id)] == ["anna"]


def test_topics_without_a_reply_are_not_offered(desk: AgentDesk) -> None:
    assert desk.canned("en") == [("recall", "请拔掉插头。")]


async def test_the_aide_answers_from_the_help_pages_and_records_nothing(sample_home: Path) -> None:
    topic = TopicSettings(name="recall", words=["X-100"], person=False, reply={"en": "Unplug it."})
    settings = Settings(home=sample_home, topics=[topic])
    async with open_inbox(settings, "ben") as desk:
        assert desk.canned("en") == [("recall", "Unplug it.")]
        talk = await desk.log.start(channel="slack")
        await desk.log.note(talk.id, "How long do I have to return shoes?")
        assert desk.open_aide is not None
        async with desk.open_aide() as aide:
            reply = await aide.suggest(talk.id)
            assert reply is not None
            assert "60 days" in reply.text
            cited = await aide.cited(f"Hi! {reply.text}", reply.citations, "en")
            assert [citation.source for citation in cited] == ["returns.md"]
            with pytest.raises(CannotTranslate, match=r"engine\.model"):
                await aide.translate("Hallo", "en")
        assert len(await desk.log.messages(talk.id)) == 1
