from __future__ import annotations

import pytest

from bot.errors import UsageError
from bot.evaluation.own import expected_in


def test_a_line_needs_no_more_than_its_question() -> None:
    (one,) = expected_in("q.jsonl", [{"question": "How long do I have to return shoes?"}])
    assert (one.kind, one.language, one.sources) == ("unanswerable", "en", frozenset())


def test_a_line_says_what_is_right() -> None:
    line = {"question": "多久", "sources": ["a.md"], "must_contain": ["60"], "history": ["退货"]}
    (one,) = expected_in("q.jsonl", [line])
    assert (one.kind, one.language) == ("answerable", "zh")
    assert (one.sources, one.must_contain, one.earlier) == (frozenset({"a.md"}), ("60",), ("退货",))


@pytest.mark.parametrize("field", ["history", "sources", "must_contain"])
def test_what_is_no_list_is_named(field: str) -> None:
    with pytest.raises(UsageError, match=f"line 1 of q.jsonl: {field} is no list of texts: 'x'"):
        expected_in("q.jsonl", [{"question": "?", field: "x"}])
