"""Replies that are shown in the stand-in while they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.slack.app import SlackCredentials
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.live import LONGEST, streamed
from bot.adapters.slack.workspaces import OneWorkspace
from bot.conversation import Conversation, ConversationState, Message, ReplyStatus, Role
from bot.delivery import Lease, Outgoing, Place, Postponed
from tests.e2e.slack_server import SlackServer

HELP = "C0HELP"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as slack:
        yield slack


@pytest.fixture
def client(slack: SlackServer) -> SlackClient:
    credentials = SlackCredentials.from_environment(http=False, environment=slack.environment)
    return SlackClient(OneWorkspace(credentials.web(), "U0KEFU"))


def lease(thread: str) -> Lease:
    talk = Conversation("c1", "slack", "T0KEFU/U1", "", ConversationState.OPEN, NOW, NOW)
    place = Place("slack", f"T0KEFU/{HELP}/{thread}")
    return Lease(1, 1, 1, 0, talk, place, thread, "T0KEFU/U1", "?", "m1")


def reply(thread: str, draft: str) -> Outgoing:
    message = Message(
        "the reply", "c1", Role.ASSISTANT, "All *of* it.", NOW, status=ReplyStatus.ANSWERED
    )
    return Outgoing(1, 1, 1, lease(thread).place, message, False, draft=draft)


def shown(slack: SlackServer, thread: str) -> list[str]:
    return [message["text"] for message in slack.replies(HELP, thread)]


async def test_a_stream_becomes_the_reply(slack: SlackServer, client: SlackClient) -> None:
    thread = slack.say(HELP, "U1", "?")
    draft = await client.live.show(lease(thread), "", "", "All ")
    assert await client.live.show(lease(thread), draft, "All ", "All of <!here>") == draft
    assert shown(slack, thread) == ["All of &lt;!here&gt;"]
    for _ in range(2):  # sent again after a crash
        assert await client.deliver(reply(thread, draft)) == draft
    (message,) = slack.replies(HELP, thread)
    assert message["text"] == "All *of* it."
    assert message["blocks"][-1]["type"] == "actions"
    assert message["metadata"]["event_payload"] == {"id": "the reply"}


async def test_a_stream_that_slack_closed_is_written_on(
    slack: SlackServer, client: SlackClient
) -> None:
    thread = slack.say(HELP, "U1", "?")
    draft = await client.live.show(lease(thread), "", "", "One ")
    slack.workspace.streams.open_seconds = 0.0
    for text in ("One two ", "One two **three**"):
        assert await client.live.show(lease(thread), draft, "One ", text) == draft
    assert shown(slack, thread) == ["One two *three* …"]
    await client.deliver(reply(thread, draft))
    assert shown(slack, thread) == ["All *of* it."]


async def test_without_streams_a_post_is_updated(slack: SlackServer, client: SlackClient) -> None:
    slack.workspace.streams.is_known = False
    thread = slack.say(HELP, "U1", "?")
    draft = await client.live.show(lease(thread), "", "", "One ")
    await client.live.show(lease(thread), draft, "One ", "One two")
    assert shown(slack, thread) == ["One two …"]
    await client.deliver(reply(thread, draft))
    assert shown(slack, thread) == ["All *of* it."]
    other = slack.say(HELP, "U1", "?")
    await client.live.show(lease(other), "", "", "One ")
    assert [method for method, _ in slack.calls].count("chat.startStream") == 1


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("later", [0, 230])
async def test_a_draft_whose_ts_was_not_told_is_found(
    slack: SlackServer, client: SlackClient, streams: bool, later: int
) -> None:
    slack.workspace.streams.is_known = streams
    thread = slack.say(HELP, "U1", "?")
    earlier = await client.deliver(reply(thread, ""))
    second = slack.say(HELP, "U1", "and?", thread=thread)
    for number in range(later):  # more than a page of them
        slack.say(HELP, "U1", f"hello {number}", thread=thread)
    one = lease(thread)
    slack.faults.lost_answers = 1.0
    with pytest.raises(Postponed) as raised:
        await client.live.show(one, "", "", "One ")
    assert raised.value.landed
    slack.faults.lost_answers = 0.0
    found = await client.live.found(one.place, f"?{second}")
    assert found != earlier
    assert await client.deliver(reply(thread, f"?{second}")) == found
    assert len(slack.replies(HELP, thread)) == 2
    assert await client.live.found(one.place, f"?{second}") == "", "it is a reply by now"


async def test_a_draft_that_is_gone_is_posted_anew(slack: SlackServer, client: SlackClient) -> None:
    thread = slack.say(HELP, "U1", "?")
    draft = await client.live.show(lease(thread), "", "", "One ")
    del slack.workspace.messages[HELP, draft]
    assert await client.deliver(reply(thread, draft)) != draft
    assert shown(slack, thread) == ["All *of* it."]


async def test_after_a_takeover_the_stream_is_closed(
    slack: SlackServer, client: SlackClient
) -> None:
    thread = slack.say(HELP, "U1", "?")
    draft = await client.live.show(lease(thread), "", "", "One ")
    for _ in range(2):
        await client.live.drop(lease(thread), draft)
    assert shown(slack, thread) == ["One "]
    assert not slack.workspace.streams.opened


async def test_who_waits_is_told_how_many_come_before(
    slack: SlackServer, client: SlackClient
) -> None:
    thread = slack.say(HELP, "U1", "?")
    await client.live.status(lease(thread).place, 40)
    slack.faults.server_errors = 1.0
    await client.live.status(lease(thread).place, 0)
    assert [one["status"] for one in slack.workspace.statuses] == ["has 40 before this one"]


PIECES = st.lists(
    st.sampled_from(
        ["[", "]", "(", ")", "https://a.example", "<!here>", "**", "a", " ", "\n", "\u202e"]
    ),
    max_size=30,
)


@given(PIECES)
def test_what_is_shown_of_a_text_stays_whatever_follows(pieces: list[str]) -> None:
    text = ""
    for piece in pieces:
        before = streamed(text)
        text += piece
        assert streamed(text).startswith(before)
        assert "<" not in streamed(text)


def test_a_link_in_the_making_is_held_back() -> None:
    assert streamed("See [our") == "See "
    assert streamed("See [our page](https://evil") == "See "
    assert streamed("See [our page](https://evil.example) now") == (
        "See our page (https://evil.example) now"
    )
    assert len(streamed("a" * 20_000)) == LONGEST
