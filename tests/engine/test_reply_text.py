from __future__ import annotations

from bot.engine.reply_text import ReplyText


def test_characters_are_never_torn() -> None:
    text = ReplyText()
    assert [text.add(bytes([byte])) for byte in "a你😀".encode()] == [
        "a", "", "", "你", "", "", "", "😀",
    ]  # fmt: skip


def test_a_torn_last_character_is_dropped() -> None:
    text = ReplyText()
    assert text.add("好".encode()[:2]) + text.rest() == ""


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert ReplyText().add(b"a\xffb") == "a\ufffdb"


def test_a_stop_string_is_found_across_pieces_and_never_shown() -> None:
    text = ReplyText(["\nUser:"])
    shown = [text.add(piece) for piece in (b"Yes.", b"\nUs", b"er", b": and")]
    assert shown == ["Yes.", "", "", ""]
    assert text.stopped


def test_what_only_looked_like_a_stop_string_is_shown() -> None:
    text = ReplyText(["###", "<end>"])
    assert [text.add(b"a<e"), text.add(b"x#"), text.add(b"#"), text.rest()] == [
        "a", "<ex", "", "##",
    ]  # fmt: skip
    assert not text.stopped


def test_the_earliest_of_several_stop_strings_ends_it() -> None:
    text = ReplyText(["late", "soon", ""])
    assert text.add(b"a soon and late") == "a "
    assert text.stopped
    assert text.rest() == ""
