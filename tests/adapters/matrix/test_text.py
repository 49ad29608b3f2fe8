from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.matrix.text import alert_of, contents_of, formatted_body, link_to
from bot.conversation import Citation, Message, Role

EVENT = 65_536
ROOM_FOR_THE_REST = 4_000
"""Bytes of an event beside its content: who, when, where, hashes and signatures."""


def message(text: str, role: Role = Role.ASSISTANT, *citations: Citation) -> Message:
    return Message(
        "m1", "c1", role, text, datetime(2026, 1, 1, tzinfo=UTC), citations=tuple(citations)
    )


def test_a_reply_with_its_source() -> None:
    source = Citation("returns.md", "Returns", "How <long>", "Sixty days.")
    unused = Citation("other.md", "Other", "", "No.", cited=False)
    (content,) = contents_of(message("**Sixty** days.", Role.ASSISTANT, source, source, unused))
    assert content == {
        "msgtype": "m.notice",
        "body": "**Sixty** days.\n\n📄 Returns › How <long>",
        "format": "org.matrix.custom.html",
        "formatted_body": "<strong>Sixty</strong> days.<br><em>📄 Returns › How &lt;long&gt;</em>",
        "m.mentions": {},
    }


def test_what_an_agent_writes_is_no_notice() -> None:
    (content,) = contents_of(message("Hello, this is Ben.", Role.AGENT))
    assert content["msgtype"] == "m.text"


def test_markdown_is_html_and_a_link_shows_where_it_leads() -> None:
    assert formatted_body("## Returns\nup to **60 days**, [see](https://a.example/x)") == (
        "<strong>Returns</strong><br>up to <strong>60 days</strong>, see (https://a.example/x)"
    )


def test_text_is_never_html_and_mentions_nobody() -> None:
    hostile = '<script>alert(1)</script> <!channel> @room <a href="https://b.example">x</a>\x1b[2J'
    (content,) = contents_of(message(hostile))
    assert content["formatted_body"].startswith("&lt;script&gt;alert(1)&lt;/script&gt;")
    assert "<a" not in content["formatted_body"]
    assert "\x1b" not in content["body"] + content["formatted_body"]
    assert content["m.mentions"] == {}


def test_a_long_reply_goes_over_several_messages_with_its_sources_below_the_last() -> None:
    text = "\n\n".join(f"Paragraph {number} & more." for number in range(1_800))
    assert len(text) > 40_000
    source = Citation("returns.md", "Returns", "", "Sixty days.")
    *first, last = contents_of(message(text, Role.ASSISTANT, source))
    assert last["body"].endswith("📄 Returns")
    assert not any("📄" in one["body"] for one in first)
    assert "\n\n".join(one["body"] for one in [*first, last]).startswith(text)


def test_nothing_to_say_is_a_message_all_the_same() -> None:
    (content,) = contents_of(message(" \x00 "))
    assert content["body"] == "…"


@given(st.text(alphabet=st.sampled_from("a &<>\"'*#[]()\n\U0001f600é中\x1b"), max_size=15_000))
def test_every_message_fits_an_event(text: str) -> None:
    long = Citation("x" * 500, "\U0001f600" * 500, "\"'" * 500, "quote")
    sources = [Citation(f"{n}", f"{n}{long.title}", long.heading, "quote") for n in range(9)]
    for content in contents_of(message(text, Role.ASSISTANT, *sources)):
        size = len(json.dumps(content, ensure_ascii=False).encode())
        assert size < EVENT - ROOM_FOR_THE_REST
        tags = set(re.findall(r"<[^>]*>", content["formatted_body"]))
        assert tags <= {"<br>", "<strong>", "</strong>", "<em>", "</em>"}


def test_the_worst_text_fits_an_event() -> None:
    for worst in ("\U0001f600", '"', "'", "&", "\n\n", "# a\n", "**a**"):
        for content in contents_of(message(worst * 20_000)):
            assert len(json.dumps(content, ensure_ascii=False).encode()) < EVENT - 12_000


def test_an_alert_leads_to_the_conversation() -> None:
    link = link_to("!group:a.example", "$root/x", "a.example")
    assert link == "https://matrix.to/#/%21group%3Aa.example/%24root%2Fx?via=a.example"
    assert link_to("!direct:a.example", "", "a.example").endswith("a.example?via=a.example")
    told = alert_of(["“Where is <b>my</b> @room\nparcel?”"], link)
    assert told["msgtype"] == "m.notice"
    assert told["body"].splitlines()[1:] == ["• “Where is <b>my</b> @room parcel?”"]
    assert f'<a href="{html.escape(link)}">' in told["formatted_body"]
    assert "&lt;b&gt;my&lt;/b&gt; @room parcel?" in told["formatted_body"]
    assert told["m.mentions"] == {}
