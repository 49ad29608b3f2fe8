from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from bs4.element import Tag
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import TypeAdapter

from bot.conversation import Citation
from bot.reports.rendering import as_html, as_json, as_markdown, schema
from bot.reports.report import Report, report
from bot.store.feedback import Feedback
from bot.store.ratings import Rating
from bot.text import printable
from tests.reports.conftest import MONDAY, bot, customer, entry, material, talk, unknown

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></svg><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!-- <svg onload=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{7*7}} {% for x in y %} {# #}",
    "\x1b[2J\x1b]0;owned\x07 \x9b31m red",
    "\u202etxet desrever\u202c \u2066\u200f",
    "| pipes | and [links](javascript:alert(1))",
    "\\| \\\\| |\\",
    "![image](javascript:x) <javascript:alert(1)> <https://evil.example>",
    "# heading\n\n- list\n> quote\n```\n---\n|a|b|\n|-|-|",
    "`code` **bold** __bold__ ~~gone~~ [ref]: javascript:x",
    "line\u2028break\u2029break\r\nbreak\ttab",
]
MARKS = {"link_open", "image", "html_block", "html_inline", "code_inline", "fence", "hr", "em_open"}
MARKS |= {"strong_open", "blockquote_open", "code_block"}
EMPTY = report(material([]))


def everywhere(evil: str) -> Report:
    """As topic, gap, worst conversation, remark, customer and page."""
    page = Citation("page.md", evil, evil, evil)
    answered = talk(
        customer(evil, -0.4),
        bot(evil, citations=(page,)),
        who=evil,
        rating=Rating(1, evil, MONDAY),
    )
    marked = Feedback(answered.messages[1].id, evil, helpful=False, remark=evil, given_at=MONDAY)
    asked = [talk(customer(f"{evil}?", -0.5), unknown(), who=f"{evil}{n}") for n in range(3)]
    now = [entry(replace(answered, feedback=[marked])), *(entry(one) for one in asked)]
    return report(material(now))


HARMLESS = everywhere("harmless")


def parsed(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def elements(page: str) -> Iterator[Tag]:
    return (tag for tag in parsed(page).find_all() if isinstance(tag, Tag))


def rows(markdown: str) -> list[list[int]]:
    """Of each table, how many columns its rows have: bars but for escaped ones."""
    tables: list[list[int]] = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            tables[-1].append(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1)
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def tokens(markdown: str) -> list[Token]:
    found = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [*found, *(child for one in found for child in one.children or ())]


# --- JSON


def test_json_is_the_whole_report(demo_report: Report) -> None:
    again = TypeAdapter(Report).validate_json(as_json(demo_report))
    assert again == demo_report
    assert TypeAdapter(Report).validate_json(as_json(EMPTY)) == EMPTY


def test_json_says_what_it_holds(demo_report: Report) -> None:
    described = schema()
    assert described["title"] == "Report"
    plain = json.loads(as_json(demo_report))
    assert set(plain) == set(described["properties"])  # type: ignore[call-overload]
    assert set(plain["now"]["engaged"]) == {"count", "of", "share", "low", "high"}


@pytest.mark.parametrize("evil", HOSTILE)
def test_json_loses_nothing_of_what_was_written(evil: str) -> None:
    topics = json.loads(as_json(everywhere(evil)))["topics"]
    assert any(one["text"] == " ".join(evil.split()) for t in topics for one in t["examples"])


# --- the page


def test_the_page_stands_alone(demo_report: Report) -> None:
    page = as_html(demo_report)
    names = {tag.name for tag in elements(page)}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form", "a"})
    assert not re.search(r"url\(|@import|https?:", page)
    policy = parsed(page).find("meta", {"http-equiv": "Content-Security-Policy"})
    assert isinstance(policy, Tag)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_what_the_page_needs_for_those_who_cannot_see_it(demo_report: Report) -> None:
    page = parsed(as_html(demo_report))
    assert page.html is not None
    assert page.html["lang"] == "en"
    levels = [int(tag.name[1]) for tag in page.find_all(["h1", "h2", "h3"])]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    sections = page.find_all("section")
    assert [tag["aria-labelledby"] for tag in sections] == ids
    assert all(tag.get("aria-label") for tag in page.find_all("svg"))
    assert all(tag.find("caption") for tag in page.find_all("table"))
    assert all(tag.get("scope") for tag in page.find_all("th"))


def test_the_page_shows_the_figures(demo_report: Report) -> None:
    page = parsed(as_html(demo_report))
    text = " ".join(page.get_text(" ").split())
    now = demo_report.now
    assert f"{now.resolution.share:.1%}" in text
    assert f"{now.resolution.count:,} of {now.resolution.of:,}" in text
    for shown in (*demo_report.highlights, *demo_report.notes):
        assert " ".join(shown.split()) in text
    for topic in demo_report.topics:
        assert topic.name in text
    for worst in demo_report.worst:
        assert worst.conversation[-8:] in text
    for table in page.find_all("table"):
        heads = len(table.find_all("th", scope="col"))
        assert {len(row.find_all(["td", "th"])) for row in table.find_all("tr")} == {heads}


def test_the_page_of_a_period_in_which_nobody_wrote() -> None:
    page = parsed(as_html(EMPTY)).get_text()
    assert "No customer wrote in this period." in page
    assert "Every figure" not in page
    assert "None" not in page


def test_the_name_of_the_business_is_text() -> None:
    made = report(material([], business="<b>Tom</b> & *Jerry*"))
    page = parsed(as_html(made))
    assert page.h1 is not None
    assert page.h1.get_text() == "<b>Tom</b> & *Jerry*: what customers asked"
    assert not page.find("b")
    assert as_markdown(made).startswith("# \\<b\\>Tom\\</b\\> & \\*Jerry\\*: what customers asked")


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_customers_wrote_is_text_in_the_page(evil: str) -> None:
    made = everywhere(evil)
    page = as_html(made)
    tags = list(elements(page))
    assert {tag.name for tag in tags}.isdisjoint({"script", "img", "a", "iframe", "object"})
    assert not [name for tag in tags for name in tag.attrs if name.startswith("on")]
    assert len(tags) == len(list(elements(as_html(HARMLESS)))), "no element more than otherwise"
    shown = " ".join(parsed(page).get_text().split())
    text = " ".join(printable(" ".join(evil.split())).split())
    assert made.gaps
    assert made.worst
    assert shown.count(text) >= 7
    assert printable(page) == page


# --- Markdown


def test_markdown_of_the_demo(demo_report: Report) -> None:
    text = as_markdown(demo_report)
    for table in rows(text):
        assert len(table) > 2
        assert len(set(table)) == 1
    assert len(rows(text)) == 5
    found = tokens(text)
    heads = [one.content for before, one in pairwise(found) if before.type == "heading_open"]
    assert heads == [
        "Lantern & Loom: what customers asked",
        "Figures",
        "What customers asked",
        "What the help pages do not say",
        "Why a person was called",
        "Read these first",
        "What customers said of it",
        "By week",
        "Mind when you read this",
    ]
    assert "None" not in text


def test_markdown_of_a_period_in_which_nobody_wrote() -> None:
    text = as_markdown(EMPTY)
    assert "1. No customer wrote in this period." in text
    assert all(len(set(table)) == 1 for table in rows(text))
    assert "None" not in text


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_customers_wrote_is_text_in_markdown(evil: str) -> None:
    text = as_markdown(everywhere(evil))
    found = tokens(text)
    kinds = [one.type for one in found]
    harmless = [one.type for one in tokens(as_markdown(HARMLESS))]
    assert MARKS.isdisjoint(kinds)
    for kind in ("heading_open", "table_open", "tr_open", "td_open", "bullet_list_open"):
        assert kinds.count(kind) == harmless.count(kind)
    for table in rows(text):
        assert len(set(table)) == 1
    assert printable(text) == text
    read = " ".join(one.content for one in found if one.type == "text")
    wanted = " ".join(printable(" ".join(evil.split())).split())
    if "&" not in evil:
        assert squeezed(wanted) in squeezed(read), "nothing of it is lost"


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_schema_of_the_repository_is_that_of_the_json() -> None:
    kept = json.loads(files("bot.reports").joinpath("report.schema.json").read_text("utf-8"))
    assert kept == json.loads(json.dumps(schema()))
