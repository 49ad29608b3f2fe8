from __future__ import annotations

from pathlib import Path
from types import TracebackType

from bot.store.agenda import Agenda
from bot.store.cohort import CohortStore
from bot.store.cursors import Cursors
from bot.store.database import Database, database_path
from bot.store.digests import Digests
from bot.store.feedback import FeedbackStore
from bot.store.figures import Figures
from bot.store.inbox import Inbox
from bot.store.installations import Installations
from bot.store.log import ConversationLog
from bot.store.memories import Memories
from bot.store.migrations import migrate
from bot.store.notes import Notes
from bot.store.oauth_states import OAuthStates
from bot.store.outbox import Outbox
from bot.store.passages import PassageStore
from bot.store.ratings import Ratings
from bot.store.translations import Translations
from bot.store.whole import WholeConversations


class Store:
    """All that kefu keeps; `open_store` makes one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.log = ConversationLog(database)
        self.passages = PassageStore(database)
        self.inbox = Inbox(database)
        self.outbox = Outbox(database)
        self.cursors = Cursors(database)
        self.agenda = Agenda(database)
        self.feedback = FeedbackStore(database)
        self.notes = Notes(database)
        self.figures = Figures(database)
        self.ratings = Ratings(database)
        self.digests = Digests(database)
        self.cohort = CohortStore(database)
        self.translations = Translations(database)
        self.memories = Memories(database)
        self.whole = WholeConversations(database)
        self.installations = Installations(database)
        self.oauth_states = OAuthStates(database)

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.database.close()


async def open_store(url: str | Path) -> Store:
    """Open the database, make it where there is none, and bring it to the newest schema.

    Raise StoreError where that cannot be done: StoreFromFuture, StoreFull and others. A path
    serves as well as a URL, and may hold characters that a URL may not.
    """
    database = Database(database_path(url))
    try:
        database.make_private()
        await migrate(database)
        await database.keep_open()
    except BaseException:
        await database.close()
        raise
    return Store(database)
