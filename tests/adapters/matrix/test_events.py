from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.matrix.events import (
    Edited,
    Judged,
    Redacted,
    Said,
    Unreadable,
    Us,
    Where,
    mentions,
    place_parts,
    understood,
)
from bot.delivery import Incoming, Place
from tests.adapters.matrix.homeserver import (
    ANNA,
    DIRECT,
    GROUP,
    US,
    event,
    in_thread,
    membership,
    mentioning,
    message,
)

WE = Us(US, "Kefu Bot")
IN_GROUP, IN_DIRECT = Where(GROUP, is_direct=False, order=7), Where(DIRECT, is_direct=True)


def said(given: dict[str, Any], where: Where = IN_DIRECT) -> Said:
    found = understood(given, where, WE)
    assert isinstance(found, Said)
    return found


def text(body: str, **more: Any) -> str:
    return said(message("$1", body, **more)).message.text


def test_a_message_in_a_direct_room_is_for_us() -> None:
    assert said(message("$1", "hello")) == Said(
        Incoming(
            place=Place("matrix", DIRECT),
            event="$1",
            position="001800000000000.000000000",
            customer=ANNA,
            text="hello",
        ),
        is_addressed=True,
    )
    in_its_thread = said(message("$2", "hello", **in_thread("$1"))).message.place.key
    assert place_parts(in_its_thread) == (DIRECT, "$1")
    assert place_parts(DIRECT) == (DIRECT, "")


def test_a_mention_in_a_room_of_several_begins_a_thread() -> None:
    found = said(message("$1", "Kefu Bot: hello", **mentioning(US)), IN_GROUP)
    assert found.is_addressed
    assert found.message.text == "hello"
    assert place_parts(found.message.place.key) == (GROUP, "$1")
    assert found.message.position.endswith(".000000007")
    follow_up = said(message("$2", "and?", **in_thread("$1")), IN_GROUP)
    assert not follow_up.is_addressed
    assert follow_up.message.place == found.message.place


@pytest.mark.parametrize(
    ("content", "is_for_us"),
    [
        ({"body": "Kefu Bot: hello"}, True),
        ({"body": f"{US} hello"}, True),
        ({"body": "hello kefu bot, how are you?"}, True),
        ({"body": "x", "formatted_body": f'<a href="https://matrix.to/#/{US}">x</a>'}, True),
        ({"body": "the Kefu Bots"}, False),
        ({"body": "Kefu Bot: hello", "m.mentions": {}}, False),
        ({"body": "Kefu Bot: hello", "m.mentions": {"user_ids": [ANNA]}}, False),
        ({"body": "all", "m.mentions": {"room": True}}, False),
        ({"body": "x", "m.mentions": {"user_ids": US}}, False),
        ({"body": "x", "m.mentions": {"user_ids": [[US], US]}}, True),
        ({"body": ["Kefu Bot"]}, False),
    ],
)
def test_who_is_mentioned(content: dict[str, Any], is_for_us: bool) -> None:
    assert mentions(content, WE) is is_for_us


def test_a_display_name_is_no_pattern() -> None:
    odd = Us(US, "(.*)+[")
    assert not mentions({"body": "hello"}, odd)
    assert mentions({"body": "(.*)+[ hello"}, odd)
    assert not mentions({"body": "hello"}, Us(US, ""))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("Kefu Bot: hello", "hello"),
        ("@kefu bot, hello", "hello"),
        (f"{US}: hello", "hello"),
        ("Kefu Botanik", "Kefu Botanik"),
        ("I like Kefu Bot", "I like Kefu Bot"),
        ("<!channel> <b>&amp;", "<!channel> <b>&amp;"),
    ],
)
def test_our_name_in_front_is_left_out(body: str, read: str) -> None:
    assert text(body) == read


def test_a_name_that_is_in_the_user_id() -> None:
    for body in (f"{US}: hello", "kefu: hello", "@kefu hello"):
        found = understood(message("$1", body), IN_DIRECT, Us(US, "kefu"))
        assert isinstance(found, Said)
        assert found.message.text == "hello"


def test_what_a_reply_repeats_is_left_out() -> None:
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$0"}}}
    assert text("> <@anna:a.example> first\n> second\n\nmine\n> kept", **reply) == "mine\n> kept"
    assert text("> <@anna:a.example> first\n\nmine") == "> <@anna:a.example> first\n\nmine"
    assert text("> my own quotation\n\nmine", **reply) == "> my own quotation\n\nmine"
    assert text("> <@" + ">" * 60_000, **reply) == ""


def test_files_are_named_unless_there_are_words() -> None:
    assert text("bill.pdf", msgtype="m.file") == "bill.pdf"
    assert text("my bill", msgtype="m.image", filename="bill.jpg") == "my bill"
    assert text("", msgtype="m.image", filename="bill.jpg") == "bill.jpg"


def test_an_edit_names_the_message() -> None:
    new = {"msgtype": "m.text", "body": "Kefu Bot: shoes", **mentioning(US)}
    relation = {"rel_type": "m.replace", "event_id": "$1"}
    edit = message("$2", "* shoes", **{"m.new_content": new, "m.relates_to": relation})
    assert understood(edit, IN_GROUP, WE) == Edited(
        "$1", ANNA, "shoes", "001800000000000.000000007", mentions_us=True
    )
    torn = message("$2", "* shoes", **{"m.relates_to": relation})
    assert understood(torn, IN_GROUP, WE) is None


def test_redactions_of_old_and_new_rooms() -> None:
    old = event("$2", "m.room.redaction", {}, redacts="$1")
    new = event("$2", "m.room.redaction", {"redacts": "$1"})
    assert understood(old, IN_GROUP, WE) == understood(new, IN_GROUP, WE) == Redacted("$1")


@pytest.mark.parametrize(("key", "helpful"), [("👍", True), ("👎🏿", False), ("👍🏻️", True)])
def test_thumbs(key: str, helpful: bool) -> None:
    relation = {"rel_type": "m.annotation", "event_id": "$1", "key": key}
    found = understood(event("$2", "m.reaction", {"m.relates_to": relation}), IN_DIRECT, WE)
    assert found == Judged("$2", "$1", ANNA, helpful)


def test_what_is_encrypted_is_known_as_such() -> None:
    found = understood(event("$1", "m.room.encrypted", {"ciphertext": "x"}), IN_DIRECT, WE)
    assert isinstance(found, Unreadable)


@pytest.mark.parametrize(
    "torn",
    [
        {},
        message("$1", "hello", sender=US),
        message("$1", "hello", msgtype="m.notice"),
        message("$1", "hello", msgtype="m.location"),
        message("$1", "hello", msgtype=["m.text"]),
        {**message("$1", "hello"), "content": "hello"},
        {**message("$1", "hello"), "sender": None},
        {**message("$1", "hello"), "sender": "anna"},
        {**message("$1", "hello"), "sender": "@anna x:a"},
        {**message("$1", "hello"), "event_id": "1"},
        {**message("$1", "hello"), "event_id": "$\x1b[2J"},
        {**message("$1", "hello"), "event_id": "$\ud800"},
        {**message("$1", "hello"), "origin_server_ts": "now"},
        {**message("$1", "hello"), "origin_server_ts": True},
        {**message("$1", "hello"), "origin_server_ts": -1},
        {**message("$1", "hello"), "origin_server_ts": 10**40},
        event("$1", "m.reaction", {"m.relates_to": {"key": "👍", "event_id": "$2"}}),
        event("$1", "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "key": "👍"}}),
        event("$1", "m.reaction", {"m.relates_to": [1]}),
        event("$1", "m.room.redaction", {}),
        event("$1", "m.room.redaction", {"redacts": 3}),
        event("$1", "m.sticker", {"body": "hello"}),
        event("$1", "m.room.message", {}),
        membership(ANNA, "join"),
    ],
)
def test_what_is_no_customers_message_is_dropped(torn: dict[str, Any]) -> None:
    assert understood(torn, IN_DIRECT, WE) is None


@pytest.mark.parametrize("root", [["$1"], "1", "$1 !other:b", "", None])
def test_a_thread_that_is_none_is_not_believed(root: Any) -> None:
    found = said(message("$1", "hello", **in_thread(root)), IN_GROUP)
    assert place_parts(found.message.place.key) == (GROUP, "$1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["msgtype", "body", "m.mentions", "m.relates_to", "m.new_content", "filename", "user_ids",
     "event_id", "rel_type", "key", "redacts"]
)  # fmt: skip
CONTENT = st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON))


@given(
    kind=st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction"]),
    content=CONTENT | JSON,
    body=st.text(max_size=200),
)
def test_nothing_is_believed(kind: str, content: Any, body: str) -> None:
    understood({**event("$1", kind, {}), "content": content}, IN_GROUP, WE)
    found = understood(message("$1", body), IN_GROUP, WE)
    assert isinstance(found, Said)
    assert place_parts(found.message.place.key) == (GROUP, "$1")
