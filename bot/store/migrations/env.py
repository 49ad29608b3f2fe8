"""Run by Alembic, over the connection and in the transaction that `migrate` has opened."""

from __future__ import annotations

from alembic import context

from bot.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite can, once the driver leaves BEGIN to us
)
with context.begin_transaction():
    context.run_migrations()
