"""Full-text search: all that belongs to one database only, SQLite's FTS5, is here.

The tables hold terms that are already cut; `rowid` is the number of the message or passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Subquery,
    column,
    delete,
    insert,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.columns import StoredText, storable

MOST_TERMS = 256
"""Of a query. BM25 takes its terms times their occurrences: minutes, were 1 MB of text a query."""


class FullText:
    """One FTS5 table."""

    def __init__(self, name: str) -> None:
        self._table = table(name, column("rowid", Integer), column("terms", StoredText))
        self._name: ColumnElement[Any] = literal_column(name)

    async def add(self, session: AsyncSession, terms: Mapping[int, str]) -> None:
        if terms:
            rows = [{"rowid": number, "terms": text} for number, text in terms.items()]
            await session.execute(insert(self._table), rows)

    async def remove(self, session: AsyncSession, numbers: Select[int]) -> None:
        await session.execute(delete(self._table).where(self._table.c.rowid.in_(numbers)))

    def best(self, expression: str, limit: int) -> Subquery:
        """`number` and `score` (BM25, higher is better) of the rows that fit, the best first."""
        rank: ColumnElement[float] = literal_column("rank", Float)
        found = (
            select(self._table.c.rowid.label("number"), (-rank).label("score"))
            .where(self._name.op("MATCH")(literal(expression)))
            .order_by(rank)
            .limit(limit)
        )
        return found.subquery()


MESSAGE_TERMS = FullText("message_terms")
PASSAGE_TERMS = FullText("passage_terms")


def all_of(phrases: Sequence[str]) -> str:
    """An expression for rows that hold every phrase, the last one as the beginning of a word."""
    *before, last = _distinct(phrases) or [""]
    return " ".join((*map(_quoted, before), _quoted(last) + "*")) if last else ""


def any_of(terms: Iterable[str]) -> str:
    return " OR ".join(map(_quoted, _distinct(terms)))


def _distinct(terms: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(term for term in terms if term.strip()))[:MOST_TERMS]


def _quoted(term: str) -> str:
    """Quoted, a term is data: FTS5 knows no other escape than the doubled quote."""
    return '"' + storable(term).replace('"', '""') + '"'
