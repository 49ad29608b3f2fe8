import pytest

from bot.store.segmentation import index_terms, query_phrases, snippet


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("refund my shoes", ["refund", "my", "shoes"]),
        ("我要退货", ["我要", "要退", "退货", "货"]),
        ("货", ["货"]),
        ("订单A1退款", ["订单", "单", "A1", "退款", "款"]),
        ("返品したい", ["返品", "品し", "した", "たい", "い"]),
        ("ＡＢＣ", ["ABC"]),
        ("great😀👍", ["great", "😀", "👍"]),
        ("", []),
    ],
)
def test_text_is_cut_into_terms(text: str, terms: list[str]) -> None:
    assert index_terms(text).split() == terms


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("refund shoes", ["refund", "shoes"]),
        ("退货运费", ["退货 货运 运费"]),
        ("货", ["货"]),
        ("订单A1退款", ["订单", "A1", "退款"]),
        ("  ", []),
    ],
)
def test_a_run_of_characters_has_to_stand_together(query: str, phrases: list[str]) -> None:
    assert query_phrases(query) == phrases


def test_a_snippet_is_one_line_around_the_first_word_found() -> None:
    text = "a" * 300 + "\nMy REFUND\n\nhas not come" + "b" * 300
    shown = snippet(text, "missing refund", width=60)
    assert "My REFUND has not come" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 62


def test_a_snippet_of_a_short_text_is_the_text() -> None:
    assert snippet("[b]退货[/b]", "退货") == "[b]退货[/b]"
    assert snippet("nothing of it", "else") == "nothing of it"
