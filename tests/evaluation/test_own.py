from __future__ import annotations

import pytest

from bot.errors import UsageError
from bot.evaluation.own import check_sources, expected_in


def test_a_line_needs_no_more_than_its_question() -> None:
    (one,) = expected_in("q.jsonl", [{"question": "How long do I have to return shoes?"}])
    assert (one.kind, one.language, one.sources) == ("not judged", "en", None)
    (one,) = expected_in("q.jsonl", [{"question": "Who won?", "sources": []}])
    assert (one.kind, one.sources) == ("unanswerable", frozenset())


def test_a_line_says_what_is_right() -> None:
    line = {"question": "多久", "sources": ["a.md"], "must_contain": ["60"], "history": ["退货"]}
    (one,) = expected_in("q.jsonl", [line])
    assert (one.kind, one.language) == ("answerable", "zh")
    assert (one.sources, one.must_contain, one.earlier) == (frozenset({"a.md"}), ("60",), ("退货",))


@pytest.mark.parametrize("field", ["history", "sources", "must_contain"])
def test_what_is_no_list_is_named(field: str) -> None:
    with pytest.raises(UsageError, match=f"line 1 of q.jsonl: {field} is no list of texts: 'x'"):
        expected_in("q.jsonl", [{"question": "?", field: "x"}])


def test_a_page_that_there_is_not_is_named() -> None:
    asked = expected_in("q.jsonl", [{"question": "How long?", "sources": ["a.md", "b.md"]}])
    check_sources(asked, ["a.md", "b.md", "c.md"])
    with pytest.raises(UsageError, match=r"'How long\?' name 'b\.md', which is no document"):
        check_sources(asked, ["a.md"])
