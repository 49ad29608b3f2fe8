from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.pages import Block, Page, Section
from knowledge.splitter import LONGEST, count_words, passage_id, split


def page(*sections: Section, source: str = "a.md") -> Page:
    return Page(source, "Title", sections)


def section(heading: str, *texts: str) -> Section:
    return Section(heading, [Block(text) for text in texts])


def sentences(count: int, words: int = 10) -> str:
    return " ".join(f"S{number} " + "word " * (words - 2) + "end." for number in range(count))


def test_never_across_a_heading() -> None:
    passages = split(page(section("", "Short."), section("Shoes", "Also."), section("X", "S")))
    assert [(one.heading, one.text) for one in passages] == [
        ("", "Short."),
        ("Shoes", "Also."),
        ("X", "S"),
    ]


def test_paragraphs_stay_whole_where_they_fit() -> None:
    paragraphs = [sentences(6), sentences(7), sentences(6), sentences(5)]
    passages = split(page(section("", *paragraphs)))
    assert [one.text for one in passages] == [
        "\n\n".join(paragraphs[:2]),
        "\n\n".join(paragraphs[2:]),
    ]


def test_a_long_paragraph_is_cut_at_sentence_ends_into_like_parts() -> None:
    passages = split(page(section("", sentences(40))))
    assert " ".join(one.text for one in passages) == sentences(40)
    assert all(one.text.endswith("end.") for one in passages)
    assert all(120 <= count_words(one.text) <= LONGEST for one in passages)


def test_chinese_is_cut_at_its_own_full_stops() -> None:
    text = "收到商品后三十天内可以退货，鞋子可以在六十天内退货。" * 40
    passages = split(page(section("退货", text)))
    assert len(passages) > 1
    assert "".join(one.text for one in passages) == text
    assert all(one.text.endswith("。") and one.language == "zh" for one in passages)
    assert all(count_words(one.text) <= LONGEST for one in passages)


def test_a_table_that_is_cut_repeats_its_header() -> None:
    rows = [f"Town {number} | {number} days of waiting" for number in range(80)]
    table = Block("\n".join(["Town | Days", *rows]), header="Town | Days")
    passages = split(page(Section("Towns", [table])))
    assert len(passages) > 1
    assert all(one.text.startswith("Town | Days\nTown ") for one in passages)
    assert "\n".join(one.text.removeprefix("Town | Days\n") for one in passages) == "\n".join(rows)


def test_a_list_is_cut_between_items() -> None:
    items = [f"- item {number} " + "word " * 20 + "end" for number in range(30)]
    passages = split(page(section("", "\n".join(items))))
    assert "\n".join(one.text for one in passages) == "\n".join(items)


def test_no_end_in_sight() -> None:
    for endless in ("word " * 2_000, "x" * 20_000, "退" * 3_000):
        passages = split(page(section("", endless)))
        assert all(count_words(one.text) <= LONGEST for one in passages)
        assert "".join("".join(one.text.split()) for one in passages) == endless.replace(" ", "")


def test_ids_are_stable_and_distinct() -> None:
    first = split(page(section("", "One."), section("B", "Two.")))
    assert [one.id for one in first] == [passage_id("a.md", 0), passage_id("a.md", 1)]
    other = split(page(section("", "One."), source="b.md"))
    assert other[0].id not in {one.id for one in first}


def test_a_short_passage_takes_the_language_of_its_page() -> None:
    german = "Sie können die Ware innerhalb von dreißig Tagen zurückgeben."
    passages = split(page(section("", german), section("", "4,90 €"), section("", "只退不换。")))
    assert [one.language for one in passages] == ["de", "de", "zh"]


@given(st.lists(st.text(alphabet="ab .!?\n|-退。", max_size=400), max_size=5))
def test_no_character_is_lost(texts: list[str]) -> None:
    blocks = [text for text in texts if text.strip()]
    passages = split(page(section("", *blocks)))
    said = "".join("".join(one.text.split()) for one in passages)
    assert said == "".join("".join(text.split()) for text in blocks)
