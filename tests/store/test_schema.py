from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from bot.conversation import Citation, Conversation, Reply, ReplyStatus
from bot.store import Store
from bot.store.schema import Base, CitationRow, ConversationRow, DocumentRow, MessageRow, PassageRow

REPLY = Reply(
    "You have 30 days.",
    ReplyStatus.ANSWERED,
    "en",
    citations=(Citation("returns.md", "Returns", "", "You have 30 days."),),
)


async def count(store: Store, rows: type[Base]) -> int | None:
    async with store.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(rows))


async def test_a_conversation_takes_all_that_is_its_own_along(
    store: Store, conversation: Conversation
) -> None:
    await store.log.record(conversation.id, REPLY)
    assert await count(store, CitationRow) == 1
    async with store.database.writing() as session:
        await session.execute(delete(ConversationRow))
    assert await count(store, MessageRow) == 0
    assert await count(store, CitationRow) == 0


async def test_a_document_takes_its_passages_along(store: Store) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    document = DocumentRow(
        source="a.md", title="A", language="en", passages=1, added_at=at, origin="added", digest=""
    )
    passage = PassageRow(id="a", source="a.md", title="A", heading="", text="a", language="en")
    async with store.database.writing() as session:
        session.add_all([document, passage])
    async with store.database.writing() as session:
        await session.execute(delete(DocumentRow))
    assert await count(store, PassageRow) == 0


async def test_the_number_of_a_deleted_message_is_not_used_again(
    store: Store, conversation: Conversation
) -> None:
    async def last() -> int | None:
        async with store.database.reading() as session:
            return await session.scalar(select(func.max(MessageRow.number)))

    await store.log.note(conversation.id, "one")
    before = await last()
    await store.log.clear(conversation.id)
    await store.log.note(conversation.id, "two")
    after = await last()
    assert before is not None
    assert after is not None
    assert after > before
