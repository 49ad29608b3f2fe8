"""What is made from messages: digests, what a person has written in them, vectors of questions,
what is remembered of long conversations; and what customers think of whole conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "conversations", sa.Column("revision", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index("ix_conversations_created_at", "conversations", ["created_at"])
    op.create_table(
        "ratings",
        _conversation_id(),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "memories",
        _conversation_id(),
        sa.Column("begins", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "translations",
        sa.Column(
            "message_id",
            sa.Text(),
            sa.ForeignKey("messages.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("language", sa.Text(), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "digests",
        _conversation_id(),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "digest_edits",
        _conversation_id(),
        sa.Column("field", sa.Text(), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "message_vectors",
        sa.Column(
            "message_number",
            sa.Integer(),
            sa.ForeignKey("messages.number", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("encoder", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )


def _conversation_id() -> sa.Column[str]:
    return sa.Column(
        "conversation_id",
        sa.Text(),
        sa.ForeignKey("conversations.id", ondelete="CASCADE"),
        primary_key=True,
    )
