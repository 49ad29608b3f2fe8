import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation import (
    Citation,
    Conversation,
    ConversationState,
    MessageState,
    Reply,
    ReplyStatus,
    Role,
    Sentiment,
    SentimentLabel,
    Tag,
    Timing,
)
from bot.errors import UnknownConversation, UnknownMessage
from bot.store import ConversationLog, Store
from bot.store.log import title_from

UNHAPPY = Sentiment(SentimentLabel.NEGATIVE, -0.8, 0.9)
REPLY = Reply(
    text="You have 30 days.",
    status=ReplyStatus.ANSWERED,
    language="en",
    rule="supported",
    citations=(
        Citation("returns.md", "Returns", "Shoes", "You have 30 days."),
        Citation("delivery.md", "Delivery", "", "Two days.", cited=False),
    ),
    model="kefu-small",
    prompt_version="p1",
    knowledge_version="k1",
    timing=Timing(12.5, 80.0, 400, 380, 20, 250.0),
)
HOSTILE = {
    "brackets": "[bold]not markup[/bold] [link=x]",
    "terminal escapes": "\x1b[2J\x1b]0;title\x07 \x9b31m",
    "emoji": "👩‍👩‍👧‍👦 😡🇩🇪",
    "right to left": "أين طلبي؟ \u202e123",
    "SQL": "'); DROP TABLE messages; --",
    "blank": " \n ",
    "empty": "",
}


async def test_a_conversation_begins_open_and_is_found_again(log: ConversationLog) -> None:
    begun = await log.start(channel="slack", customer="U1", title="Shoes")
    assert begun.state is ConversationState.OPEN
    assert begun.created_at == begun.updated_at
    assert begun.created_at.tzinfo is UTC
    assert await log.conversation(begun.id) == begun


async def test_a_part_of_an_id_will_do(log: ConversationLog) -> None:
    begun = await log.start(channel="terminal")
    for part in (begun.id[:8], begun.id[-6:], begun.id[-12:].upper(), f" {begun.id[-8:]}\n"):
        assert await log.conversation(part) == begun


async def test_a_part_that_fits_two_is_refused(log: ConversationLog) -> None:
    begun = [await log.start(channel="terminal") for _ in range(2)]
    assert begun[0].id[:6] == begun[1].id[:6]
    with pytest.raises(UnknownConversation, match="could be more than one; give more of its id"):
        await log.conversation(begun[0].id[:6])


@pytest.mark.parametrize("unknown", ["", "12345", "%%%%%%", "______", "0" * 32, "\0\ud800" * 9])
async def test_an_unknown_conversation(
    log: ConversationLog, conversation: Conversation, unknown: str
) -> None:
    for call in (
        log.conversation(unknown),
        log.note(unknown, "hello"),
        log.record(unknown, REPLY),
        log.messages(unknown),
        log.rename(unknown, "title"),
        log.set_state(unknown, ConversationState.CLOSED),
        log.clear(unknown),
        log.delete(unknown),
    ):
        with pytest.raises(UnknownConversation, match="is not in the log; `kefu conversations"):
            await call


async def test_a_message_of_the_customer(log: ConversationLog, conversation: Conversation) -> None:
    message = await log.note(conversation.id, "Where is my order?")
    assert message.role is Role.CUSTOMER
    assert message.state is MessageState.COMPLETE
    assert message.sentiment is None
    assert message.timing is None
    assert await log.messages(conversation.id) == [message]


async def test_tagging(log: ConversationLog, conversation: Conversation) -> None:
    message = await log.note(conversation.id, "Where is my order?")
    tagged = await log.tag(message.id, Tag("en", UNHAPPY))
    assert (tagged.language, tagged.sentiment) == ("en", UNHAPPY)
    assert await log.messages(conversation.id) == [tagged]
    with pytest.raises(UnknownMessage, match="message 'missing' is not in the log"):
        await log.tag("missing", Tag("en", UNHAPPY))


async def test_a_reply_is_kept_whole(log: ConversationLog, conversation: Conversation) -> None:
    message = await log.record(
        conversation.id, REPLY, conversation_state=ConversationState.HANDED_OFF
    )
    assert message.role is Role.ASSISTANT
    for name in Reply.__dataclass_fields__:
        assert getattr(message, name) == getattr(REPLY, name), name
    assert await log.messages(conversation.id) == [message]
    now = await log.conversation(conversation.id)
    assert now.state is ConversationState.HANDED_OFF
    assert now.updated_at == message.created_at


async def test_a_reply_leaves_the_state_as_it_is_unless_told(
    log: ConversationLog, conversation: Conversation
) -> None:
    await log.set_state(conversation.id, ConversationState.HANDED_OFF)
    message = await log.record(conversation.id, REPLY, role=Role.AGENT)
    assert message.role is Role.AGENT
    assert (await log.conversation(conversation.id)).state is ConversationState.HANDED_OFF


@pytest.mark.parametrize("steps", [1, 3, 10, 30, 60, 100])
async def test_a_cancelled_write_is_whole_or_not_there(
    log: ConversationLog, conversation: Conversation, steps: int
) -> None:
    writing = asyncio.create_task(log.record(conversation.id, REPLY))
    for _ in range(steps):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait({writing})

    later = await log.note(conversation.id, "still here?")
    *before, last = await log.messages(conversation.id)
    assert last == later
    assert [message.citations for message in before] in ([], [REPLY.citations])


async def test_messages_come_in_pages(log: ConversationLog, conversation: Conversation) -> None:
    messages = [await log.note(conversation.id, f"number {number}") for number in range(7)]
    assert await log.messages(conversation.id) == messages
    assert await log.messages(conversation.id, limit=3) == messages[4:]
    assert await log.messages(conversation.id, limit=3, before=messages[4].id) == messages[1:4]
    assert await log.messages(conversation.id, before=messages[2].id) == messages[:2]
    assert await log.messages(conversation.id, before=messages[0].id) == []
    with pytest.raises(UnknownMessage):
        await log.messages(conversation.id, before="missing")


async def test_the_order_survives_a_clock_that_jumps_back(store: Store) -> None:
    times = [datetime(2026, 5, 1, 12, tzinfo=UTC) - timedelta(hours=hours) for hours in range(9)]
    log = ConversationLog(store.database, iter(times).__next__)
    conversation = await log.start(channel="terminal")
    said = [(await log.note(conversation.id, text)).text for text in ("one", "two", "three")]
    assert [message.text for message in await log.messages(conversation.id)] == said


async def test_a_burst_of_messages(log: ConversationLog, conversation: Conversation) -> None:
    texts = [f"number {number}" for number in range(100)]
    await asyncio.gather(*(log.note(conversation.id, text) for text in texts))
    assert [message.text for message in await log.messages(conversation.id)] == texts


async def test_the_title_is_the_first_words(log: ConversationLog) -> None:
    conversation = await log.start(channel="terminal")
    await log.note(conversation.id, "Where is\nmy order?")
    await log.note(conversation.id, "Hello?")
    assert (await log.conversation(conversation.id)).title == "Where is my order?"
    assert (await log.rename(conversation.id, "Lost parcel")).title == "Lost parcel"
    await log.note(conversation.id, "Hello??")
    assert (await log.conversation(conversation.id)).title == "Lost parcel"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("short", "short"),
        ("\x1b[31mred\0", "[31mred"),
        ("word " * 20, "word word word word word word word word word word word word…"),
        ("退" * 100, "退" * 60 + "…"),
        ("x" * 1_000_000, "x" * 60 + "…"),
        ("", ""),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert title_from(text) == title


async def test_the_overview(log: ConversationLog) -> None:
    first = await log.start(channel="terminal", title="first")
    second = await log.start(channel="slack", title="second")
    empty = await log.start(channel="ask", title="empty")
    noted = await log.note(second.id, "This is bad")
    await log.tag(noted.id, Tag("en", UNHAPPY))
    await log.note(second.id, "x" * 500)
    await log.note(first.id, "hello")
    await log.record(first.id, REPLY)

    newest, middle, oldest = await log.overview()
    assert [each.conversation.title for each in (newest, middle, oldest)] == [
        "first",
        "second",
        "empty",
    ]
    assert (newest.messages, newest.last_text, newest.sentiment) == (2, REPLY.text, None)
    assert (middle.messages, middle.last_text, middle.sentiment) == (2, "x" * 200, UNHAPPY)
    assert (oldest.messages, oldest.last_text, oldest.sentiment) == (0, "", None)
    assert oldest.conversation == empty


async def test_the_overview_in_pages_and_of_one_channel(log: ConversationLog) -> None:
    for channel in ("ask", "slack", "ask"):
        await log.start(channel=channel)
    everything = await log.overview()
    assert await log.overview(limit=2) == everything[:2]
    assert await log.overview(limit=2, offset=2) == everything[2:]
    assert await log.overview(channel="ask") == [everything[0], everything[2]]


async def test_deleted_is_deleted_from_the_search_too(log: ConversationLog) -> None:
    gone, kept = [await log.start(channel="terminal") for _ in range(2)]
    for conversation in (gone, kept):
        await log.note(conversation.id, "refund my shoes")
        await log.record(conversation.id, REPLY)
    await log.delete(gone.id)

    with pytest.raises(UnknownConversation):
        await log.conversation(gone.id)
    assert [hit.conversation.id for hit in await log.search("refund")] == [kept.id]
    assert len(await log.messages(kept.id)) == 2


async def test_cleared_is_empty_but_there(log: ConversationLog, conversation: Conversation) -> None:
    await log.note(conversation.id, "refund my shoes")
    await log.record(conversation.id, REPLY)
    await log.clear(conversation.id)
    assert await log.messages(conversation.id) == []
    assert await log.search("refund") == []
    assert (await log.conversation(conversation.id)).customer == "ada"


@pytest.mark.parametrize(
    "query", ["refund", "REFUND", "ref", "退货", "货", "退货运费", "refund 退货", "😡", "[now]"]
)
async def test_search(log: ConversationLog, conversation: Conversation, query: str) -> None:
    await log.note(conversation.id, "something else 退款")
    message = await log.note(conversation.id, "I want a refund [now] 我的退货运费呢 😡")
    [hit] = await log.search(query)
    assert hit.message == message
    assert hit.conversation == await log.conversation(conversation.id)
    assert hit.snippet == message.text


@pytest.mark.parametrize(
    "query", ["", " ", '"', "refund AND", "NEAR(refund)", "text:refund", "*", "退运", "-refund x"]
)
async def test_a_search_is_never_syntax(
    log: ConversationLog, conversation: Conversation, query: str
) -> None:
    await log.note(conversation.id, "I want a refund 退货运费")
    assert await log.search(query) == []


async def test_search_has_a_limit(log: ConversationLog, conversation: Conversation) -> None:
    for _ in range(5):
        await log.note(conversation.id, "refund")
    assert len(await log.search("refund", limit=3)) == 3


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_text_is_kept_as_it_is(
    log: ConversationLog, conversation: Conversation, text: str
) -> None:
    noted = await log.note(conversation.id, text)
    recorded = await log.record(conversation.id, Reply(text, ReplyStatus.UNKNOWN, "en"))
    assert noted.text == recorded.text == text
    assert await log.messages(conversation.id) == [noted, recorded]
    assert [hit.message for hit in await log.search(text)] in ([], [recorded, noted])


async def test_what_cannot_be_stored_is_replaced(
    log: ConversationLog, conversation: Conversation
) -> None:
    message = await log.note(conversation.id, "a\0b \ud800 c")
    assert message.text == "ab \ufffd c"
    assert await log.messages(conversation.id) == [message]
    renamed = await log.rename(conversation.id, "\ud800\0")
    assert renamed.title == "\ufffd"


@pytest.mark.parametrize("unit", ["refund my shoes ", "我要退货，", "x", "😡"])
async def test_a_megabyte_of_text(
    log: ConversationLog, conversation: Conversation, unit: str
) -> None:
    text = unit * (1_000_000 // len(unit.encode()))
    message = await log.note(conversation.id, text)
    assert message.text == text
    assert len(await log.search(text[:10])) == 1
    assert len(await log.search(text)) <= 1
    [overview] = await log.overview()
    assert overview.last_text == text[:200]
