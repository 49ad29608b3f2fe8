from __future__ import annotations

from typing import Any

import pytest

from bot.adapters.slack.events import (
    Deleted,
    Edited,
    Said,
    is_farewell,
    place_parts,
    plain_text,
    understood,
)
from bot.delivery import Attachment, Incoming, Place

US = "U0KEFU"
TS, THREAD = "1800000000.000002", "1800000000.000001"


def body(**event: Any) -> dict[str, Any]:
    return {"type": "event_callback", "team_id": "T1", "event": event}


def said(**event: Any) -> dict[str, Any]:
    given = {"type": "message", "channel": "C1", "user": "U1", "ts": TS, "text": "hello"}
    return body(**{**given, **event})


def test_a_message_in_a_thread() -> None:
    found = understood(said(thread_ts=THREAD), US)
    assert found == Said(
        Incoming(
            Place("slack", f"T1/C1/{THREAD}"),
            event=f"T1/C1/{TS}",
            position=TS,
            customer="T1/U1",
            text="hello",
        ),
        is_addressed=False,
    )
    assert place_parts(found.message.place.key) == ("T1", "C1", THREAD)


def test_both_events_of_a_mention_are_one_message() -> None:
    plain = understood(said(text=f"<@{US}> hello"), US)
    mention = understood(said(text=f"<@{US}> hello", type="app_mention"), US)
    assert plain == mention
    assert plain is not None
    assert plain.is_addressed
    assert plain.message.text == "hello"


@pytest.mark.parametrize(
    ("given", "is_direct"),
    [
        ({"channel": "D1", "channel_type": "im"}, True),
        ({"channel": "D1"}, True),
        ({"channel": "D1", "channel_type": "mpim"}, False),
        ({"channel": "C1"}, False),
    ],
)
def test_a_direct_message_needs_no_mention(given: dict[str, str], is_direct: bool) -> None:
    found = understood(said(**given), US)
    assert found is not None
    assert found.is_addressed is is_direct


def test_an_enterprise_without_a_team() -> None:
    event = {**said(), "team_id": None, "enterprise_id": "E1"}
    found = understood(event, US)
    assert found is not None
    assert found.message.place.key.startswith("E1/")


@pytest.mark.parametrize(
    "event",
    [
        said(bot_id="B1"),
        said(user=US),
        said(user="USLACKBOT"),
        said(subtype="channel_join"),
        said(subtype="bot_message"),
        said(user=None),
        said(ts="now"),
        said(ts="1800000000.000002/../x"),
        said(channel=None),
        body(type="reaction_added", user="U1"),
        body(type="no_such_event"),
        body(type=["message"]),
        said(subtype=["channel_join"], user="USLACKBOT"),
        {"type": "event_callback"},
        {"type": "event_callback", "event": "torn"},
        body(type="message", subtype="message_changed", channel="C1"),
        body(type="message", subtype="message_deleted", channel="C1"),
    ],
)
def test_what_is_no_customers_message_is_dropped(event: dict[str, Any]) -> None:
    assert understood(event, US) is None


def test_an_edit_and_a_deletion_name_the_message() -> None:
    message = {"user": "U1", "ts": TS, "text": "shoes", "thread_ts": THREAD}
    before = {**message, "text": "hats"}
    told = {"type": "message", "channel": "C1", "previous_message": before}
    edited = understood(body(**told, subtype="message_changed", message=message), US)
    assert isinstance(edited, Edited)
    assert (edited.message.event, edited.message.text) == (f"T1/C1/{TS}", "shoes")
    deleted = understood(body(**told, subtype="message_deleted"), US)
    assert isinstance(deleted, Deleted)
    assert deleted.message.event == f"T1/C1/{TS}"
    unfurled = understood(body(**told, subtype="message_changed", message=before), US)
    assert unfurled is None, "its text is the same"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"<@{US}> hello", "hello"),
        (f"hello <@{US}>", "hello"),
        ("<@U7|anna> and <@U8>", "@anna and @U8"),
        ("<#C7|general>, <!channel>, <!here|here>", "#general, @channel, here"),
        ("<https://a.example|this shop>", "this shop (https://a.example)"),
        ("<https://a.example|a.example>", "https://a.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("1 &lt; 2 &amp;amp; 3 &gt; 2", "1 < 2 &amp; 3 > 2"),
    ],
)
def test_text_is_what_the_customer_sees(written: str, read: str) -> None:
    assert plain_text(written, US) == read


def test_files_come_along_and_nothing_is_believed_of_them() -> None:
    bill = {"id": "F1", "name": "bill.pdf", "size": 10, "url_private": "https://evil.example"}
    odd = [3, {"id": "../F2", "name": "a.txt"}, {"id": "F3", "size": "many"}]
    found = understood(said(subtype="file_share", text="", files=[bill, *odd]), US)
    assert found is not None
    assert found.message.text == ""
    assert found.message.attachments == (Attachment("bill.pdf", "F1", 10), Attachment("", "F3", 0))
    strange = understood(said(subtype="file_share", files="F1"), US)
    assert strange is not None
    assert strange.message.attachments == ()


@pytest.mark.parametrize(
    ("event", "is_so"),
    [
        ({"type": "app_uninstalled"}, True),
        ({"type": "tokens_revoked", "tokens": {"bot": ["U1"]}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, False),
        ({"type": "tokens_revoked"}, False),
        ({"type": ["app_uninstalled"]}, False),
    ],
)
def test_farewells(event: dict[str, Any], is_so: bool) -> None:
    assert is_farewell(event) is is_so
