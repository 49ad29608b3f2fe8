from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.errors import UnknownDocument
from knowledge.index import SAMPLE, Knowledge
from tests.knowledge.fakes import HashEncoder, MemoryStorage

RETURNS = "# Returns\n\nClothes can be returned within 30 days.\n\n## Shoes\n\nShoes: 60 days.\n"
RETURNS_ZH = "# 退货\n\n衣服可以在三十天内退货。\n\n## 鞋子\n\n鞋子可以在六十天内退货。\n"
LONG = pytest.param("x" * 1_000_000, id="megabyte")
SHIPPING = "# Delivery\n\nParcels to Norway take five days. Delivery costs 9 euros.\n"


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def knowledge(storage: MemoryStorage, encoder: HashEncoder) -> Knowledge:
    return Knowledge(storage, encoder)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in {
        "returns.md": RETURNS,
        "returns.zh.md": RETURNS_ZH,
        "delivery.md": SHIPPING,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


async def sources(knowledge: Knowledge) -> list[str]:
    return [document.source for document in await knowledge.documents()]


async def found(knowledge: Knowledge, query: str, context: Sequence[str] = ()) -> tuple[str, str]:
    best = (await knowledge.search(query, context=context))[0]
    return best.source, best.heading


class TestAdding:
    async def test_a_folder(self, knowledge: Knowledge, pages: Path) -> None:
        result = await knowledge.add([pages])
        assert result.skipped == []
        documents = {one.source: one for one in await knowledge.documents()}
        assert documents == {one.source: one for one in result.added}
        assert documents["returns.md"].title == "Returns"
        assert documents["returns.md"].passages == 2
        assert documents["returns.md"].origin == "added"
        assert documents["returns.zh.md"].language == "zh"

    async def test_again_replaces(self, knowledge: Knowledge, pages: Path) -> None:
        await knowledge.add([pages])
        (pages / "returns.md").write_text("# Returns\n\nNothing can be returned.\n")
        before = await knowledge.version()
        await knowledge.add([pages / "returns.md"])
        assert await knowledge.version() != before
        assert len(await knowledge.documents()) == 3
        texts = [one.text for one in await knowledge.search("return clothes", language="en", k=9)]
        assert "Nothing can be returned." in texts
        assert not any("30 days" in text for text in texts)

    async def test_what_cannot_be_read_is_named(self, knowledge: Knowledge, pages: Path) -> None:
        result = await knowledge.add([pages / "missing.md", pages / "returns.md"])
        assert [one.path for one in result.skipped] == [pages / "missing.md"]
        assert await sources(knowledge) == ["returns.md"]

    async def test_two_of_a_name(self, knowledge: Knowledge, pages: Path) -> None:
        other = pages / "old"
        other.mkdir()
        (other / "returns.md").write_text("Old.")
        result = await knowledge.add([pages / "returns.md", other / "returns.md"])
        assert [one.title for one in result.added] == ["Returns"]
        assert "second document" in result.skipped[0].reason

    async def test_more_than_are_embedded_at_once(
        self, knowledge: Knowledge, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        lines = [f'{{"id": "d{number}", "text": "Answer {number}."}}' for number in range(150)]
        (tmp_path / "many.jsonl").write_text("\n".join(lines))
        result = await knowledge.add([tmp_path / "many.jsonl"])
        assert len(result.added) == 150
        assert len((await storage.vectors())[0]) == 150

    async def test_headings_are_embedded_and_counted(
        self, knowledge: Knowledge, encoder: HashEncoder, pages: Path
    ) -> None:
        await knowledge.add([pages / "returns.md"])
        assert "Returns > Shoes: Shoes: 60 days." in encoder.texts


class TestSample:
    async def test_gives_way_to_the_first_document(self, knowledge: Knowledge, pages: Path) -> None:
        await knowledge.add_sample()
        assert "returns.md" in await sources(knowledge)
        assert {one.origin for one in await knowledge.documents()} == {"sample"}
        await knowledge.add([pages / "delivery.md"])
        assert await sources(knowledge) == ["delivery.md"]
        assert (await knowledge.add_sample()).added == []

    async def test_stays_when_nothing_could_be_read(self, knowledge: Knowledge) -> None:
        await knowledge.add_sample()
        await knowledge.add([Path("missing.md")])
        assert len(await knowledge.documents()) == len(list(SAMPLE.glob("*.md")))

    async def test_goes_in_once(self, knowledge: Knowledge) -> None:
        assert (await knowledge.add_sample()).skipped == []
        assert (await knowledge.add_sample()).added == []


class TestRemoving:
    async def test_known(self, knowledge: Knowledge, pages: Path) -> None:
        await knowledge.add([pages])
        await knowledge.remove("returns.md")
        assert await sources(knowledge) == ["delivery.md", "returns.zh.md"]

    async def test_unknown(self, knowledge: Knowledge) -> None:
        with pytest.raises(UnknownDocument, match=r"no document 'x.md'"):
            await knowledge.remove("x.md")


class TestLanguages:
    async def test_vectors_only_where_the_encoder_knows_the_language(
        self, knowledge: Knowledge, storage: MemoryStorage, encoder: HashEncoder, pages: Path
    ) -> None:
        await knowledge.add([pages])
        passages = await storage.passages((await storage.vectors())[0])
        assert {one.language for one in passages} == {"en"}
        await knowledge.search("鞋子可以退吗")
        assert encoder.queries == []

    async def test_no_passage_is_known(
        self, knowledge: Knowledge, storage: MemoryStorage, pages: Path
    ) -> None:
        await knowledge.add([pages / "returns.zh.md"])
        assert (await storage.vectors())[0] == []
        assert await found(knowledge, "鞋子可以退吗") == ("returns.zh.md", "鞋子")
        assert await knowledge.search("shoes") == []

    async def test_without_an_encoder(self, storage: MemoryStorage, pages: Path) -> None:
        knowledge = Knowledge(storage, None)
        await knowledge.add([pages])
        assert await found(knowledge, "How many days for shoes?") == ("returns.md", "Shoes")

    async def test_the_question_s_language_comes_first(
        self, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "a.md").write_text("# Lamp\n\nLantern Loom 30 的 灯泡")
        (tmp_path / "b.md").write_text("# Lamp\n\nLantern Loom 30 with bulb, cable, plug")
        knowledge = Knowledge(storage, HashEncoder(frozenset({"en", "zh"})))
        await knowledge.add([tmp_path])
        for language, source in (("en", "b.md"), ("zh", "a.md")):
            best = await knowledge.search("Lantern Loom 30", language=language)
            assert best[0].source == source


class TestSearching:
    async def test_best_first_and_k_at_most(self, knowledge: Knowledge, pages: Path) -> None:
        await knowledge.add([pages])
        passages = await knowledge.search("What does delivery to Norway cost?", k=2)
        assert passages[0].source == "delivery.md"
        assert len(passages) == 2
        assert passages[0].score > passages[1].score

    async def test_a_follow_up_is_searched_with_what_it_leans_on(
        self, knowledge: Knowledge, encoder: HashEncoder, pages: Path
    ) -> None:
        await knowledge.add([pages])
        context = ["What does delivery to Norway cost?", "How long can I return clothes?"]
        assert await found(knowledge, "and for shoes?", context) == ("returns.md", "Shoes")
        assert encoder.queries == ["How long can I return clothes? and for shoes?"]

    async def test_other_questions_are_not(
        self, knowledge: Knowledge, encoder: HashEncoder, pages: Path
    ) -> None:
        await knowledge.add([pages])
        await knowledge.search("How long do parcels to Norway take?", context=["returning shoes"])
        assert encoder.queries == ["How long do parcels to Norway take?"]

    async def test_vectors_are_read_once_a_version(
        self, knowledge: Knowledge, storage: MemoryStorage, pages: Path
    ) -> None:
        await knowledge.add([pages])
        for _ in range(3):
            await knowledge.search("returns")
        assert storage.vector_reads == 1
        await knowledge.remove("delivery.md")
        await knowledge.search("returns")
        assert storage.vector_reads == 2

    @pytest.mark.parametrize("query", ["", " \n", "\0", "?!", "😀", '"*) OR (', LONG])
    async def test_odd_questions(self, knowledge: Knowledge, pages: Path, query: str) -> None:
        await knowledge.add([pages])
        assert isinstance(await knowledge.search(query), list)

    async def test_nothing_there(self, knowledge: Knowledge) -> None:
        assert await knowledge.search("shoes") == []


async def test_reindex_serves_a_new_encoder(storage: MemoryStorage, pages: Path) -> None:
    await Knowledge(storage, None).add([pages])
    assert (await storage.vectors())[0] == []
    knowledge = Knowledge(storage, HashEncoder())
    before = await knowledge.documents()
    assert await knowledge.reindex() == 5
    assert await knowledge.documents() == before
    assert len((await storage.vectors())[0]) == 3
