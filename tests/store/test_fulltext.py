import pytest
from sqlalchemy import select

from bot.store import Store
from bot.store.fulltext import MESSAGE_TERMS, MOST_TERMS, all_of, any_of


async def found(store: Store, expression: str, limit: int = 10) -> list[int]:
    best = MESSAGE_TERMS.best(expression, limit)
    async with store.database.reading() as session:
        return list(await session.scalars(select(best.c.number).order_by(best.c.score.desc())))


@pytest.fixture(autouse=True)
async def terms(store: Store) -> None:
    rows = {
        1: "refund for shoes",
        2: "refund refund refund",
        3: "Café crème हिन्दी",
        4: 'say "hi" AND go',
        5: "don't",
    }
    async with store.database.writing() as session:
        await MESSAGE_TERMS.add(session, rows)


async def test_the_best_fit_comes_first_and_the_limit_holds(store: Store) -> None:
    assert await found(store, any_of(["refund"])) == [2, 1]
    assert await found(store, any_of(["refund"]), limit=1) == [2]


async def test_any_or_all_of_the_terms(store: Store) -> None:
    assert set(await found(store, any_of(["shoes", "café"]))) == {1, 3}
    assert await found(store, all_of(["refund", "sho"])) == [1]
    assert await found(store, all_of(["refund", "hats"])) == []


@pytest.mark.parametrize("term", ["cafe", "CRÈME", "हिन्दी", "don't", '"hi"'])
async def test_case_accents_and_marks(store: Store, term: str) -> None:
    assert len(await found(store, any_of([term]))) == 1


@pytest.mark.parametrize(
    "term",
    ['"', "'", "*", "NEAR(", "a AND", "terms:", "-x", "(", "^", "\0", "\ud800", "!", "; DROP", ""],
)
async def test_a_term_is_never_syntax(store: Store, term: str) -> None:
    for expression in (any_of([term, "shoes"]), all_of([term, "shoes"])):
        assert await found(store, expression) in ([1], [])
    assert await found(store, any_of([term, "shoes"])) == [1]


async def test_a_query_of_very_many_terms_is_cut(store: Store) -> None:
    words = [f"word{number}" for number in range(5000)]
    assert any_of(words).count(" OR ") == MOST_TERMS - 1
    assert await found(store, any_of(words)) == []
    assert await found(store, all_of(words)) == []


def test_terms_count_once_and_none_make_no_expression() -> None:
    assert any_of(["a", "a", " ", "b"]) == '"a" OR "b"'
    assert any_of([]) == all_of([]) == ""
