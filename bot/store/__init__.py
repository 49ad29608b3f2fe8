"""What kefu keeps: conversations, and the passages of the knowledge base."""

from bot.store.log import ConversationLog, ConversationOverview, SearchHit
from bot.store.store import Store, open_store

__all__ = ["ConversationLog", "ConversationOverview", "SearchHit", "Store", "open_store"]
