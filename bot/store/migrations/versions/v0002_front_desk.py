"""Places, inbox, outbox, cursors, feedback, notes, installations; who holds a conversation, and how
its customer feels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOODS = """
UPDATE conversations SET mood = (
    SELECT sentiment_label FROM messages
    WHERE conversation_id = conversations.id AND sentiment_label IS NOT NULL
    ORDER BY number DESC LIMIT 1
)
"""


def upgrade() -> None:
    op.add_column("conversations", sa.Column("agent", sa.Text(), nullable=False, server_default=""))
    op.add_column("conversations", sa.Column("mood", sa.String(20)))
    op.execute(_MOODS)
    _places()
    _inbox()
    _outbox()
    _cursors()
    _feedback()
    _notes()
    _installations()


def _places() -> None:
    op.create_table(
        "places",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "conversation_id",
            sa.Text(),
            sa.ForeignKey("conversations.id", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        sa.UniqueConstraint("channel", "key"),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        _place_number(),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("is_drafting", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("channel", "event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_state", "inbox", ["channel", "state", "turn"])
    op.create_index("ix_inbox_place", "inbox", ["place_number", "state", "position"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        _place_number(),
        sa.Column(
            "message_id",
            sa.Text(),
            sa.ForeignKey("messages.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("may_have_landed", sa.Boolean(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.UniqueConstraint("message_id", "kind"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_state", "outbox", ["channel", "state", "number"])
    op.create_index("ix_outbox_place", "outbox", ["place_number", "state", "number"])
    op.create_index("ix_outbox_reference", "outbox", ["channel", "reference"])


def _cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column(
            "message_id",
            sa.Text(),
            sa.ForeignKey("messages.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("message_id", "customer"),
    )


def _notes() -> None:
    op.create_table(
        "notes",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column(
            "conversation_id",
            sa.Text(),
            sa.ForeignKey("conversations.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_notes_conversation", "notes", ["conversation_id", "number"])


def _installations() -> None:
    op.create_table(
        "installations",
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("workspace", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bot_user", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("renewed_until", sa.DateTime(timezone=True)),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "memberships",
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("workspace", sa.Text(), primary_key=True),
        sa.Column("organisation", sa.Text(), nullable=False),
    )
    op.create_table(
        "oauth_states",
        sa.Column("state", sa.Text(), primary_key=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )


def _place_number() -> sa.Column[int]:
    return sa.Column(
        "place_number",
        sa.Integer(),
        sa.ForeignKey("places.number", ondelete="CASCADE"),
        nullable=False,
    )
