"""The tables. The full-text tables beside them are in `fulltext`; migrations make both."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bot.conversation import ConversationState, MessageState, ReplyStatus, Role, SentimentLabel
from bot.store.columns import StoredText, UtcDateTime, enum_column


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012, SQLAlchemy reads it from the class
        str: StoredText,
        datetime: UtcDateTime,
        ConversationState: enum_column(ConversationState),
        MessageState: enum_column(MessageState),
        ReplyStatus: enum_column(ReplyStatus),
        Role: enum_column(Role),
        SentimentLabel: enum_column(SentimentLabel),
    }


class ConversationRow(Base):
    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    customer: Mapped[str]
    title: Mapped[str]
    state: Mapped[ConversationState]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class MessageRow(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_conversation_id", "conversation_id", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    """The order of the log, whatever the clock does; never used again after a deletion."""
    id: Mapped[str] = mapped_column(unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    role: Mapped[Role]
    text: Mapped[str]
    created_at: Mapped[datetime]
    state: Mapped[MessageState]
    language: Mapped[str | None]
    sentiment_label: Mapped[SentimentLabel | None]
    sentiment_score: Mapped[float | None]
    sentiment_confidence: Mapped[float | None]
    status: Mapped[ReplyStatus | None]
    rule: Mapped[str | None]
    model: Mapped[str | None]
    prompt_version: Mapped[str | None]
    knowledge_version: Mapped[str | None]
    first_token_ms: Mapped[float | None]
    total_ms: Mapped[float | None]
    prompt_tokens: Mapped[int | None]
    reused_tokens: Mapped[int | None]
    reply_tokens: Mapped[int | None]
    tokens_per_second: Mapped[float | None]
    citations: Mapped[list[CitationRow]] = relationship(
        order_by="CitationRow.position", lazy="selectin", passive_deletes=True
    )


class CitationRow(Base):
    __tablename__ = "citations"

    message_number: Mapped[int] = mapped_column(
        ForeignKey("messages.number", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    title: Mapped[str]
    heading: Mapped[str]
    quote: Mapped[str]
    cited: Mapped[bool]


class DocumentRow(Base):
    __tablename__ = "documents"

    source: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    language: Mapped[str]
    passages: Mapped[int]
    added_at: Mapped[datetime]
    origin: Mapped[str]
    digest: Mapped[str]
    """Of all that is searched: passages, terms and vectors."""


class KnowledgeRow(Base):
    """One row: what is the same of all documents together."""

    __tablename__ = "knowledge"

    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    """Those of the documents, joined by exclusive or: no change reads more than its own."""


class PassageRow(Base):
    __tablename__ = "passages"
    __table_args__ = (Index("ix_passages_source", "source"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str] = mapped_column(ForeignKey("documents.source", ondelete="CASCADE"))
    title: Mapped[str]
    heading: Mapped[str]
    text: Mapped[str]
    language: Mapped[str]
    vector: Mapped[bytes | None] = mapped_column(deferred=True)
    """Little-endian float32, unit length."""
