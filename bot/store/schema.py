"""The tables. The full-text tables beside them are in `fulltext`; migrations make both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bot.conversation import ConversationState, MessageState, ReplyStatus, Role, SentimentLabel
from bot.delivery import Fate, Post, Posting
from bot.store.columns import StoredText, UtcDateTime, enum_column


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012, SQLAlchemy reads it from the class
        str: StoredText,
        datetime: UtcDateTime,
        ConversationState: enum_column(ConversationState),
        Fate: enum_column(Fate),
        MessageState: enum_column(MessageState),
        Post: enum_column(Post),
        Posting: enum_column(Posting),
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
    agent: Mapped[str] = mapped_column(default="")
    mood: Mapped[SentimentLabel | None]
    """Of the customer's last message that was tagged."""
    revision: Mapped[int] = mapped_column(default=0)
    """Greater whenever something that was said is another now, or gone: what was made from it
    meanwhile is not kept."""
    created_at: Mapped[datetime] = mapped_column(index=True)
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


class PlaceRow(Base):
    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("channel", "key"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    key: Mapped[str]
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), unique=True
    )


class InboxRow(Base):
    """A customer's message from the moment that its platform is told we have it."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("channel", "event"),
        Index("ix_inbox_state", "channel", "state", "turn"),
        Index("ix_inbox_place", "place_number", "state", "position"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    event: Mapped[str]
    place_number: Mapped[int] = mapped_column(ForeignKey("places.number", ondelete="CASCADE"))
    position: Mapped[str]
    text: Mapped[str]
    """Empty once it stands in the log."""
    attachments: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    """Name, address and size of each; empty once they stand in the log."""
    message_id: Mapped[str | None]
    state: Mapped[Fate]
    reason: Mapped[str | None]
    turn: Mapped[int] = mapped_column(BigInteger)
    """Whose turn it is, the lowest first: each conversation's messages follow each other by one,
    so that a hundred of one do not come before the first of another."""
    draft: Mapped[str] = mapped_column(default="")
    """What the platform calls the reply that is shown while it is written."""
    is_drafting: Mapped[bool] = mapped_column(default=False)
    """Whether a part of it is on its way at this moment."""
    revision: Mapped[str] = mapped_column(default="")
    """Of the text, where it was edited: sorts as the edits were made."""
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    received_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OutboxRow(Base):
    """A message of the log on its way to a platform."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("message_id", "kind"),
        Index("ix_outbox_state", "channel", "state", "number"),
        Index("ix_outbox_place", "place_number", "state", "number"),
        Index("ix_outbox_reference", "channel", "reference"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    place_number: Mapped[int] = mapped_column(ForeignKey("places.number", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    kind: Mapped[Post]
    state: Mapped[Posting]
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    may_have_landed: Mapped[bool] = mapped_column(default=False)
    leased_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    reference: Mapped[str | None]
    """What the platform calls it; before it is sent, the draft whose place it takes."""
    reason: Mapped[str | None]


class CursorRow(Base):
    """How far a platform was read, for one that does not tell itself what was not acknowledged."""

    __tablename__ = "cursors"

    channel: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class FeedbackRow(Base):
    """What a customer thinks of a reply; the last word of each counts."""

    __tablename__ = "feedback"
    __table_args__ = (UniqueConstraint("message_id", "customer"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    customer: Mapped[str]
    helpful: Mapped[bool]
    remark: Mapped[str]
    reference: Mapped[str] = mapped_column(default="")
    """What the platform calls it, where it can be taken back by that alone."""
    given_at: Mapped[datetime]


class NoteRow(Base):
    """Of an agent for the others: in a table of its own, so that no reply, no search and no prompt
    can hold one."""

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_conversation", "conversation_id", "number"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    agent: Mapped[str]
    text: Mapped[str]
    written_at: Mapped[datetime]


class RatingRow(Base):
    """What a customer thinks of a conversation when it is over; their last word counts."""

    __tablename__ = "ratings"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    score: Mapped[int]
    """1 to 5."""
    remark: Mapped[str]
    given_at: Mapped[datetime]


class MemoryRow(Base):
    """What is remembered of the messages before `begins`, in place of them."""

    __tablename__ = "memories"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    begins: Mapped[str]
    """The id of the first message that is not folded in."""
    body: Mapped[str]
    """JSON."""


class TranslationRow(Base):
    """A message in another language; the message itself is kept as it was said."""

    __tablename__ = "translations"

    message_id: Mapped[str] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


class DigestRow(Base):
    """Made from messages, and made anew where they have changed."""

    __tablename__ = "digests"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    fingerprint: Mapped[str]
    """Of what it was made from."""
    body: Mapped[str]
    """JSON."""


class DigestEditRow(Base):
    """A field of a digest that a person has written: it stays, whatever is made anew."""

    __tablename__ = "digest_edits"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    field: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    agent: Mapped[str]
    edited_at: Mapped[datetime]


class MessageVectorRow(Base):
    __tablename__ = "message_vectors"

    message_number: Mapped[int] = mapped_column(
        ForeignKey("messages.number", ondelete="CASCADE"), primary_key=True
    )
    encoder: Mapped[str]
    vector: Mapped[bytes]
    """Little-endian float32, unit length."""


class InstallationRow(Base):
    __tablename__ = "installations"

    channel: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    """Or an organisation of many."""
    name: Mapped[str]
    bot_user: Mapped[str]
    token: Mapped[str]
    refresh_token: Mapped[str]
    expires_at: Mapped[datetime | None]
    renewed_until: Mapped[datetime | None]
    """Until then a process gets another token."""
    installed_at: Mapped[datetime]


class MembershipRow(Base):
    """A workspace that has kefu by its organisation's installation."""

    __tablename__ = "memberships"

    channel: Mapped[str] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str]


class OAuthStateRow(Base):
    __tablename__ = "oauth_states"

    state: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


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
