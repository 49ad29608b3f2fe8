import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bot.conversation import Passage
from bot.errors import StoreError
from bot.store import Store
from bot.store.passages import PassageStore, StoredDocument

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RETURNS = StoredDocument("returns.md", "Returns", "en", 3, NOW, "added")
PASSAGES = [
    Passage("r1", "returns.md", "Returns", "Shoes", "You have 30 days.", "en"),
    Passage("r2", "returns.md", "Returns", "Shoes > Worn", "Worn shoes stay yours.", "en"),
    Passage("r3", "returns.md", "Returns", "中文", "三十天内可以退货。", "zh"),
]
TERMS = ["you have 30 days", "worn shoes shoes stay yours", "三十 十天 可以 退货"]
VECTORS = np.array([[1, 0], [0, 1], [np.nan, np.nan]], dtype=np.float32)


@pytest.fixture
def passages(store: Store) -> PassageStore:
    return store.passages


@pytest.fixture
async def filled(passages: PassageStore) -> PassageStore:
    await passages.replace(RETURNS, PASSAGES, TERMS, VECTORS)
    return passages


async def test_a_document_goes_in_and_comes_out(filled: PassageStore) -> None:
    assert await filled.documents() == [RETURNS]
    assert await filled.passages(["r3", "unknown", "r1"]) == [PASSAGES[2], PASSAGES[0]]
    assert await filled.passages([]) == []


async def test_documents_are_sorted_by_source(filled: PassageStore) -> None:
    account = replace(RETURNS, source="account.md", passages=0)
    await filled.replace(account, [], [], None)
    assert await filled.documents() == [account, RETURNS]


async def test_the_same_source_again_replaces_the_document(filled: PassageStore) -> None:
    newer = replace(PASSAGES[0], text="You have 60 days.")
    await filled.replace(replace(RETURNS, passages=1), [newer], ["you have 60 days"], None)
    assert await filled.documents() == [replace(RETURNS, passages=1)]
    assert await filled.passages(["r1", "r2", "r3"]) == [newer]
    assert await filled.match(["30", "shoes", "退货"], limit=5) == []
    assert [found for found, _ in await filled.match(["60"], limit=5)] == ["r1"]
    assert (await filled.vectors())[0] == []


async def test_a_replacement_that_fails_leaves_the_old_document(filled: PassageStore) -> None:
    twice = [replace(PASSAGES[0], text="new"), replace(PASSAGES[0], text="new again")]
    with pytest.raises(StoreError, match=r"UNIQUE constraint failed: passages\.id"):
        await filled.replace(RETURNS, twice, ["new", "new again"], None)
    with pytest.raises(ValueError, match="zip"):
        await filled.replace(RETURNS, PASSAGES, TERMS[:2], VECTORS)
    assert await filled.passages(["r1", "r2", "r3"]) == PASSAGES
    assert [found for found, _ in await filled.match(["30"], limit=5)] == ["r1"]


async def test_removing(filled: PassageStore) -> None:
    assert await filled.remove("returns.md")
    assert not await filled.remove("returns.md")
    assert await filled.documents() == []
    assert await filled.passages(["r1"]) == []
    assert await filled.match(["shoes"], limit=5) == []


async def test_any_term_matches_and_the_best_comes_first(filled: PassageStore) -> None:
    (best, high), (second, low) = await filled.match(["shoes", "days"], limit=5)
    assert (best, second) == ("r2", "r1")
    assert high > low > 0
    assert len(await filled.match(["shoes", "days"], limit=1)) == 1
    assert [found for found, _ in await filled.match(["退货"], limit=5)] == ["r3"]
    assert await filled.match([], limit=5) == []


@pytest.mark.parametrize("term", ['"', "shoes OR", "(", "terms:shoes", "*", "\0", "\ud800", " "])
async def test_a_term_is_never_syntax(filled: PassageStore, term: str) -> None:
    assert await filled.match([term], limit=5) == []
    assert [found for found, _ in await filled.match([term, "worn"], limit=5)] == ["r2"]


async def test_vectors_leave_out_what_has_none(filled: PassageStore) -> None:
    ids, vectors = await filled.vectors()
    assert ids == ["r1", "r2"]
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS[:2])


async def test_no_vectors_at_all(passages: PassageStore) -> None:
    ids, vectors = await passages.vectors()
    assert ids == []
    assert vectors.shape == (0, 0)


async def test_vectors_of_two_encoders(filled: PassageStore) -> None:
    other = replace(RETURNS, source="other.md")
    passage = replace(PASSAGES[0], id="o1", source="other.md")
    await filled.replace(other, [passage], ["x"], np.ones((1, 3), dtype=np.float32))
    with pytest.raises(StoreError, match="2 different encoders; run `kefu knowledge reindex`"):
        await filled.vectors()


async def test_the_version_follows_the_knowledge(passages: PassageStore) -> None:
    versions = [await passages.version()]
    steps = [
        (RETURNS, PASSAGES, TERMS, VECTORS),
        (RETURNS, [replace(PASSAGES[0], text="new"), *PASSAGES[1:]], TERMS, VECTORS),
        (RETURNS, PASSAGES, ["other", *TERMS[1:]], VECTORS),
        (RETURNS, PASSAGES, TERMS, VECTORS[::-1]),
        (RETURNS, PASSAGES, TERMS, None),
        (replace(RETURNS, title="Sending back"), PASSAGES, TERMS, VECTORS),
    ]
    for step in steps:
        await passages.replace(*step)
        versions.append(await passages.version())
    assert len(set(versions)) == len(versions)

    await passages.replace(*steps[0])
    assert await passages.version() == versions[1]
    await passages.remove(RETURNS.source)
    assert await passages.version() == versions[0]


async def test_many_passages(passages: PassageStore) -> None:
    many = [replace(PASSAGES[0], id=f"id {number}") for number in range(1200)]
    vectors = np.eye(1200, 4, dtype=np.float32)
    await passages.replace(RETURNS, many, ["word"] * 1200, vectors)
    ids = [passage.id for passage in many]
    assert await passages.passages(ids[::-1]) == many[::-1]
    assert (await passages.vectors())[0] == ids


async def test_a_file_name_that_is_no_text(passages: PassageStore) -> None:
    odd = replace(RETURNS, source="caf\udce9.md")
    await passages.replace(odd, [replace(PASSAGES[0], text="\ud800\0")], ["x"], None)
    assert [document.source for document in await passages.documents()] == ["caf\ufffd.md"]
    assert [passage.text for passage in await passages.passages(["r1"])] == ["\ufffd"]
    assert await passages.remove(odd.source)


async def test_it_works_from_another_event_loop(filled: PassageStore) -> None:
    found = await asyncio.to_thread(asyncio.run, filled.match(["worn"], limit=5))
    assert found == await filled.match(["worn"], limit=5)
