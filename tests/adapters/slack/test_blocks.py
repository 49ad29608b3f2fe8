from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.slack.blocks import BLOCKS, SECTION, blocks_of, fallback, mrkdwn, split
from bot.conversation import Citation, Message, Role
from tests.e2e.slack_server.workspace import _check_text


def message(text: str, *citations: Citation) -> Message:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Message("m1", "c1", Role.ASSISTANT, text, now, citations=citations)


def test_sources_stand_below_the_text() -> None:
    cited = Citation("returns.md", "Returns", "How long", "Sixty days.")
    uncited = Citation("hats.md", "Hats", "", "None.", cited=False)
    text, sources = blocks_of(message("Sixty days.", cited, cited, uncited))
    assert text["text"]["text"] == "Sixty days."
    assert [element["text"] for element in sources["elements"]] == ["📄 Returns › How long"]


def test_the_customer_is_told_that_a_person_wrote() -> None:
    (_, sources, author) = blocks_of(
        replace(
            message("Sixty days.", Citation("returns.md", "Returns", "", "Sixty days.")),
            role=Role.AGENT,
            language="de",
        )
    )
    assert sources["elements"][0]["text"] == "📄 Returns"
    assert author["elements"][0]["text"] == "Das hat jemand aus unserem Team geschrieben."


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**Sale** shoes", "*Sale* shoes"),
        ("# Returns\nSixty days", "*Returns*\nSixty days"),
        ("[this shop](https://evil.example)", "this shop (https://evil.example)"),
        ("<!channel> <@U1> <https://a|b>", "&lt;!channel&gt; &lt;@U1&gt; &lt;https://a|b&gt;"),
        ("a & b &amp; c", "a &amp; b &amp;amp; c"),
        ("red\x1b[31m\u202etxt.exe", "red[31mtxt.exe"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
    ],
)
def test_what_slack_would_obey_is_shown(written: str, shown: str) -> None:
    assert mrkdwn(written) == shown


def test_a_source_is_data_too() -> None:
    hostile = Citation("x.md", "<!channel>", "a\nb", "quote")
    (_, sources) = blocks_of(message("Yes.", hostile))
    assert sources["elements"][0]["text"] == "📄 &lt;!channel&gt; › a b"


@given(st.text(alphabet="ab &<>\n;.*#[]()", max_size=400), st.integers(8, 60))
def test_pieces_hold_all_words_and_tear_no_escape(text: str, size: int) -> None:
    escaped = mrkdwn(text)
    pieces = list(split(escaped, size))
    assert all(0 < len(piece) <= size for piece in pieces if piece)
    assert "".join("".join(pieces).split()) == "".join(escaped.split())
    for piece in pieces:
        rest = piece.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert "&" not in rest


@given(st.text(max_size=200), st.integers(1, 400))
def test_slack_takes_whatever_a_model_says(text: str, times: int) -> None:
    said = message(text * times or "x", Citation("a.md", text, text, text))
    blocks, shown = blocks_of(said), fallback(said)
    if not any(block["type"] == "section" for block in blocks):
        return  # nothing but what cannot be shown
    assert len(blocks) <= BLOCKS
    _check_text({"text": shown, "blocks": blocks})


def test_forty_thousand_characters() -> None:
    blocks = blocks_of(message("word " * 8_000))
    texts = [block["text"]["text"] for block in blocks]
    assert " ".join(texts).split() == ["word"] * 8_000
    assert max(map(len, texts)) <= SECTION
    assert len(blocks_of(message("word " * 80_000))) == BLOCKS
