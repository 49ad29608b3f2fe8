"""`kefu chat` line by line: for pipes, for screen readers, and where there is no terminal."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import TextIO

from bot.conversation import (
    Answered,
    Citation,
    Conversation,
    Failed,
    HandedOff,
    Message,
    Shortened,
    Stopped,
    Token,
    TurnEvent,
)
from bot.errors import KefuError
from bot.text import printable
from tui.desk import CHANNEL, WITH_PERSON, ChatDesk, closing
from tui.text import LIMIT, one_line

PROMPT = "> "


async def chat_plain(
    desk: ChatDesk, lines: AsyncIterator[str] | TextIO, out: TextIO, err: TextIO
) -> int:
    """Answer each line; 1 where one of them could not be answered, 0 else.

    Only replies and their sources go to `out`. A reader that went away ends it in silence.
    """
    chat = _PlainChat(desk, out, err)
    for warning in desk.warnings:
        chat.tell(warning)
    try:
        read = lines if isinstance(lines, AsyncIterator) else _lines(lines, chat.invite)
        async for line in read:
            await chat.ask(printable(line).strip())
        out.flush()
    except BrokenPipeError:
        _close_for_good(out)
    return 1 if chat.failed else 0


class _PlainChat:
    def __init__(self, desk: ChatDesk, out: TextIO, err: TextIO) -> None:
        self.failed = False
        self._desk = desk
        self._out = out
        self._err = err
        self._conversation: Conversation | None = None
        self._written = ""
        self._shortened: Shortened | None = None

    def tell(self, text: str) -> None:
        print(one_line(text, 1000), file=self._err, flush=True)

    def invite(self) -> None:
        print(PROMPT, end="", file=self._err, flush=True)

    async def ask(self, text: str) -> None:
        if not text:
            return
        if len(text) > LIMIT:
            self._fail(f"this message has {len(text):,} characters; a message holds {LIMIT:,}")
            return
        try:
            if self._conversation is None:
                self._conversation = await self._desk.log.start(channel=CHANNEL)
            self._written = ""
            async with closing(self._desk.assistant.reply(self._conversation, text)) as events:
                async for event in events:
                    self._take(event)
        except KefuError as error:
            self._fail(str(error))

    def _take(self, event: TurnEvent) -> None:
        match event:
            case Token(text):
                self._write(printable(text))
            case Answered(message) | HandedOff(message=Message() as message):
                self._finish(message)
            case HandedOff():
                self.tell(WITH_PERSON)
            case Stopped():
                self._fail("the reply was stopped")
            case Failed(error):
                self._fail(error)
            case Shortened():
                if event != self._shortened:
                    self.tell(event.told)
                self._shortened = event
            case _:
                pass

    def _write(self, text: str) -> None:
        self._written += text
        self._out.write(text)
        self._out.flush()

    def _finish(self, message: Message) -> None:
        """The checked reply counts: where it is not what was streamed, it follows on its own."""
        text = printable(message.text)
        if text.startswith(self._written):
            self._write(text[len(self._written) :])
        else:
            self._write(f"\n\n{text}")
        self._write("\n")
        if cited := [citation for citation in message.citations if citation.cited]:
            self._write("Sources:\n" + "".join(_source(n, one) for n, one in enumerate(cited, 1)))
        self._write("\n")

    def _fail(self, error: str) -> None:
        self.failed = True
        if self._written:
            self._out.write("\n")
            self._out.flush()
        self.tell(error)


def _source(number: int, citation: Citation) -> str:
    return f"  [{number}] {one_line(citation.place)} ({one_line(citation.source)})\n"


async def _lines(stream: TextIO, invite: Callable[[], None]) -> AsyncIterator[str]:
    """Read in threads that do not outlive the program: one that waits for a key would."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    while True:
        if stream.isatty():
            invite()
        line = await _line(stream)
        if not line:
            return
        yield line


async def _line(stream: TextIO) -> str:
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def settle(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        text = stream.readline()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, text)

    threading.Thread(target=read, daemon=True, name="standard input").start()
    return await line


def _close_for_good(out: TextIO) -> None:
    """Python flushes once more at its exit, which would fail again, aloud."""
    try:
        descriptor = out.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
