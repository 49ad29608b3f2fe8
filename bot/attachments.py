"""What customers attach, as text. A file is read by another process, with little memory and time:
it may be made to do harm."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from bot.delivery import Attachment, Place, Postponed, Undeliverable
from bot.text import counted, printable
from knowledge.loaders import FAMILIES, endings

FILES = 5
"""Of a message that are read; the rest is named."""
LARGEST = 5 << 20
"""Bytes of a file."""
SECONDS = 30.0
CHARACTERS = 4_000
"""Of a file that are read."""

Fetch: TypeAlias = Callable[[Place, Attachment, int], Awaitable[bytes]]
"""The content of an attachment, of so many bytes at most. Raise Postponed or Undeliverable."""


async def as_text(
    attachments: Sequence[Attachment], place: Place, fetch: Fetch | None, *, patient: bool = True
) -> str:
    """Under the name of each what stands in it, or why that was not read. `patient`: raise
    Postponed where the platform may give it later."""
    parts = []
    for one in attachments[:FILES]:
        try:
            parts.append(await _as_text(one, place, fetch))
        except Postponed as error:
            if patient:
                raise
            parts.append(f"[{_name(one)}: not read, {error}]")
    if more := attachments[FILES:]:
        parts.append(f"[{counted(len(more), 'more file')}: not read]")
    return "\n\n".join(parts)


async def _as_text(attachment: Attachment, place: Place, fetch: Fetch | None) -> str:
    name = _name(attachment)
    suffix = Path(attachment.name).suffix.lower()
    if suffix not in FAMILIES:
        return f"[{name}: not read, kefu reads {endings()}]"
    if attachment.size > LARGEST:
        return f"[{name}: not read, larger than {LARGEST >> 20} MB]"
    if fetch is None:
        return f"[{name}: not read]"
    try:
        content = await fetch(place, attachment, LARGEST)
    except Undeliverable as error:
        return f"[{name}: not read, {error}]"
    text = await read_apart(content, suffix)
    return f"[{name}]\n{text}" if text else f"[{name}: not read, no text was found in it]"


def _name(attachment: Attachment) -> str:
    return printable(attachment.name).replace("\n", " ")[:200] or "a file"


async def read_apart(content: bytes, suffix: str) -> str:
    """The first CHARACTERS of a document; empty where it cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"attached{suffix}")
        await asyncio.to_thread(path.write_bytes, content)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "knowledge.reader", str(path), str(CHARACTERS)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            return ""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return printable(said.decode(errors="replace")).strip() if process.returncode == 0 else ""
