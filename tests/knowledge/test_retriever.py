from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests

from knowledge.index import Knowledge
from knowledge.retriever import KnowledgeRetriever
from tests.knowledge.fakes import HashEncoder, MemoryStorage

ANSWERS = {
    "Returns": "Shoes can be returned within 60 days.",
    "Delivery": "Shoes are sent within two days.",
    "Care": "Shoes like a brush.",
    "Sizes": "Shoes come in whole sizes.",
}


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    folder = tmp_path_factory.mktemp("pages")
    for title, text in ANSWERS.items():
        Path(folder, f"{title.lower()}.md").write_text(f"# {title}\n\n## Shoes\n\n{text}\n")
    filled = Knowledge(MemoryStorage(), HashEncoder())
    work: Coroutine[Any, Any, object] = filled.add([folder])
    asyncio.run(work)
    return filled


class TestStandard(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _corpus(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    @property
    def retriever_constructor(self) -> type[KnowledgeRetriever]:
        return KnowledgeRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"knowledge": self.knowledge}

    @property
    def retriever_query_example(self) -> str:
        return "How long can I return shoes?"


def test_metadata(knowledge: Knowledge) -> None:
    (document,) = KnowledgeRetriever(knowledge=knowledge, k=1).invoke("return shoes")
    assert document.page_content == ANSWERS["Returns"]
    score = document.metadata.pop("score")
    assert 0 < score <= 1
    assert document.metadata == {
        "source": "returns.md",
        "title": "Returns",
        "heading": "Shoes",
        "language": "en",
        "id": document.id,
    }


async def test_sync_inside_of_a_running_loop(knowledge: Knowledge) -> None:
    retriever = KnowledgeRetriever(knowledge=knowledge)
    assert retriever.invoke("return shoes") == await retriever.ainvoke("return shoes")
