"""Conversations, messages, citations; documents, passages; their full-text tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_FULL_TEXT = """
CREATE VIRTUAL TABLE {name} USING fts5(
    terms, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc So'"
)
"""


def upgrade() -> None:
    _conversations()
    _messages()
    _citations()
    _documents()
    _passages()
    for name in ("message_terms", "passage_terms"):
        op.execute(_FULL_TEXT.format(name=name))


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_conversations_updated_at", "conversations", ["updated_at"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column(
            "conversation_id",
            sa.Text(),
            sa.ForeignKey("conversations.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("sentiment_label", sa.String(20)),
        sa.Column("sentiment_score", sa.Double()),
        sa.Column("sentiment_confidence", sa.Double()),
        sa.Column("status", sa.String(20)),
        sa.Column("rule", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("prompt_version", sa.Text()),
        sa.Column("knowledge_version", sa.Text()),
        sa.Column("first_token_ms", sa.Double()),
        sa.Column("total_ms", sa.Double()),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("reused_tokens", sa.Integer()),
        sa.Column("reply_tokens", sa.Integer()),
        sa.Column("tokens_per_second", sa.Double()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_conversation_id", "messages", ["conversation_id", "number"])


def _citations() -> None:
    op.create_table(
        "citations",
        sa.Column(
            "message_number",
            sa.Integer(),
            sa.ForeignKey("messages.number", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("cited", sa.Boolean(), nullable=False),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
    )
    op.create_table(
        "knowledge",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.execute("INSERT INTO knowledge (number, version) VALUES (1, 0)")


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column(
            "source",
            sa.Text(),
            sa.ForeignKey("documents.source", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary()),
    )
    op.create_index("ix_passages_source", "passages", ["source"])
