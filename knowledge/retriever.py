"""The knowledge base as langchain-core's BaseRetriever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from bot.conversation import Passage
from knowledge.index import Knowledge

T = TypeVar("T")


class KnowledgeRetriever(BaseRetriever):
    """Of each document, `metadata` has source, title, heading, language, score and id."""

    knowledge: Knowledge
    k: int = 4
    """Passages for a question; `invoke(question, k=2)` asks for another number."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return _run(self._documents(query, k))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
    ) -> list[Document]:
        return await self._documents(query, k)

    async def _documents(self, query: str, k: int | None) -> list[Document]:
        passages = await self.knowledge.search(query, k=self.k if k is None else k)
        return [_document(passage) for passage in passages]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own; where this thread already runs one, in another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _document(passage: Passage) -> Document:
    metadata = {
        "source": passage.source,
        "title": passage.title,
        "heading": passage.heading,
        "language": passage.language,
        "score": passage.score,
        "id": passage.id,
    }
    return Document(id=passage.id, page_content=passage.text, metadata=metadata)
