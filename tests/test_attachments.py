from __future__ import annotations

import io
import zipfile
from collections.abc import Awaitable, Callable

import pytest

from bot.attachments import CHARACTERS, LARGEST, as_text, read_apart
from bot.delivery import Attachment, Place, Postponed, Undeliverable

PLACE = Place("slack", "T1/C1/1")
Fetch = Callable[[Place, Attachment, int], Awaitable[bytes]]


def gives(content: bytes | Exception) -> Fetch:
    async def fetch(place: Place, attachment: Attachment, most: int) -> bytes:
        if isinstance(content, Exception):
            raise content
        return content

    return fetch


async def told(name: str, content: bytes | Exception, size: int = 1, **more: bool) -> str:
    return await as_text([Attachment(name, "F1", size)], PLACE, gives(content), **more)


async def test_what_stands_in_a_file() -> None:
    page = b"# Order\n\nNumber 4711.\n\n## Items\n\nTwo lamps.\n"
    assert await told("order.md", page) == "[order.md]\nNumber 4711.\n\nItems\n\nTwo lamps."
    assert await told("BILL.TXT", "账单".encode()) == "[BILL.TXT]\n账单"


async def test_what_is_not_read_is_named_with_the_reason() -> None:
    assert "not read, kefu reads .md" in await told("photo.png", b"")
    assert "larger than 5 MB" in await told("a.pdf", b"", LARGEST + 1)
    assert await told("a.pdf", b"%PDF-torn") == "[a.pdf: not read, no text was found in it]"
    assert await told("a.txt", Undeliverable("gone")) == "[a.txt: not read, gone]"
    assert await as_text([Attachment("a.txt", "F1", 1)], PLACE, None) == "[a.txt: not read]"
    assert (await told("\x1b[2Ja\n.png", b"")).startswith("[[2Ja .png: not read")


async def test_a_platform_that_fails_is_asked_again_and_at_last_not_waited_for() -> None:
    with pytest.raises(Postponed):
        await told("a.txt", Postponed("503"))
    assert await told("a.txt", Postponed("503"), patient=False) == "[a.txt: not read, 503]"


async def test_many_files_are_counted() -> None:
    files = [Attachment(f"{n}.png", "F1", 1) for n in range(7)]
    assert (await as_text(files, PLACE, gives(b""))).endswith("[2 more files: not read]")


async def test_a_file_made_to_do_harm_is_contained() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<w:t>" + b"a" * (2 << 30 >> 3))
    assert await read_apart(bomb.getvalue(), ".docx") == ""
    assert len(await read_apart(b"word " * 100_000, ".txt")) <= CHARACTERS
    assert "\x1b" not in await read_apart(b"\x1b[2J\x1b]0;x\x07 text", ".txt")
