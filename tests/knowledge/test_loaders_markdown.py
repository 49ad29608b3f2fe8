from __future__ import annotations

import pytest

from knowledge.loaders.markdown import read_markdown


def blocks(text: str) -> list[str]:
    return [block.text for section in read_markdown(text).sections for block in section.blocks]


def test_headings_make_sections_and_the_first_is_the_title() -> None:
    outline = read_markdown(
        "# Returns\nIn short.\n## Shoes\nYes.\n### Worn\nNo.\n\nSetext\n---\nHm.\n# Other\nX."
    )
    assert outline.title == "Returns"
    assert [section.heading for section in outline.sections] == [
        "",
        "Shoes",
        "Shoes > Worn",
        "Setext",
        "Other",
    ]


def test_a_hash_in_code_is_no_heading() -> None:
    outline = read_markdown("# T\n```sh\n# not a heading\nmake chat\n```\n")
    assert len(outline.sections) == 1
    assert outline.sections[0].blocks[0].text == "# not a heading\nmake chat"


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("See [our **page**](https://x.example/a) now.", "See our page now."),
        ("Press `Esc` ~~or~~ *wait*.", "Press Esc or wait."),
        ("![A lamp](lamp.png) It glows.", "A lamp It glows."),
        ("One line\nand its end.", "One line and its end."),
        ("三十天内\n可以退货。", "三十天内可以退货。"),
        ("One  \ntwo<br>three", "One\ntwo\nthree"),
        ("Salt &amp; pepper, 5 \\* 3", "Salt & pepper, 5 * 3"),
        ("- one\n- two\n  - deeper\n", "- one\n- two\n  - deeper"),
        ("3. three\n4. four\n\n   more of four", "3. three\n4. four\nmore of four"),
        ("> Said *once*.", "Said once."),
        ("<details><summary>More</summary>Text</details>", "More\nText"),
        ("| Way | Days |\n|---|--:|\n| Post | **3** |\n", "Way | Days\nPost | 3"),
    ],
)
def test_plain_text(markdown: str, plain: str) -> None:
    assert blocks(markdown) == [plain]


def test_comments_and_rules_say_nothing() -> None:
    assert blocks("<!-- draft -->\n\n---\n\nText.") == ["Text."]


def test_a_table_knows_its_header() -> None:
    table = read_markdown("|A|B|\n|-|-|\n|1|2|").sections[0].blocks[0]
    assert table.header == "A | B"


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: 'Gift cards'\ntags: [a]\n---\n", "Gift cards"),
        ('+++\ntitle = "Gift cards"\n+++\n', "Gift cards"),
        ("---\nlayout: page\n---\n# Gift cards\n", "Gift cards"),
    ],
)
def test_front_matter_is_stripped(front: str, title: str) -> None:
    outline = read_markdown(front + "Valid for 5 years.")
    assert outline.title == title
    assert blocks(front + "Valid for 5 years.") == ["Valid for 5 years."]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert blocks("---\nText without an end.") == ["Text without an end."]
