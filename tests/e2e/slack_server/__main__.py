"""`python -m tests.e2e.slack_server`: the stand-in with a page to write as a customer."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from html import escape, unescape
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.e2e.slack_server.server import Faults, SlackServer
from tests.e2e.slack_server.workspace import BOT_USER

HELP, AGENTS = "C0HELP", "C0AGENTS"


class Page(SlackServer):
    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._page)
        app.router.add_get("/threads", self._threads)
        app.router.add_post("/say", self._say)
        app.router.add_post("/press", self._press)

    async def _page(self, _: web.Request) -> web.Response:
        page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
        return web.Response(text=page, content_type="text/html")

    async def _say(self, request: web.Request) -> web.Response:
        """Form fields: `text`, perhaps `thread` and `user`. A new thread mentions kefu; what begins
        with /kefu is the command."""
        form = await request.post()
        text, thread = str(form.get("text", "")).strip(), str(form.get("thread", "")) or None
        if text.startswith("/kefu"):
            user = str(form.get("user") or "U0ANNA")
            delivery = self.command(HELP, user, text.removeprefix("/kefu"))
            await delivery.taken.wait()
            self.workspace.whispers.append({"user": user, **delivery.answer})
            return web.Response(text=f"{delivery.answer['text']}\n")
        written = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if thread is None:
            written = f"<@{BOT_USER}> {written}"
        if not text or (thread is not None and (HELP, thread) not in self.workspace.messages):
            return web.Response(status=400, text="text is empty, or there is no such thread\n")
        ts = self.say(HELP, str(form.get("user") or "U0ANNA"), written, thread=thread)
        return web.Response(text=f"{thread or ts}\n")

    async def _press(self, request: web.Request) -> web.Response:
        """Form fields: `ts` of the reply, `action`, `user`."""
        form = await request.post()
        user = str(form.get("user") or "U0ANNA")
        try:
            self.press(HELP, str(form.get("ts")), user, str(form.get("action")))
        except (KeyError, ValueError):
            return web.Response(status=400, text="there is no such message with such a button\n")
        return web.Response(text="pressed\n")

    async def _threads(self, _: web.Request) -> web.Response:
        messages = [m for (channel, _), m in self.workspace.messages.items() if channel == HELP]
        roots = [m for m in messages if "thread_ts" not in m]
        whispers = "".join(
            f'<p class="only-you">Only {escape(str(one["user"]))} sees this: '
            f"{escape(unescape(str(one['text'])))}</p>"
            for one in self.workspace.whispers[-3:]
        )
        elsewhere = [
            f"<h2>{escape(_title(channel))}</h2>{_row(m)}"
            for (channel, _), m in self.workspace.messages.items()
            if channel != HELP
        ]
        shown = whispers + "".join(self._thread(root["ts"]) for root in reversed(roots[-20:]))
        shown += "".join(elsewhere[:-6:-1])
        return web.Response(text=shown or "<p>Nothing yet.</p>", content_type="text/html")

    def _thread(self, ts: str) -> str:
        rows = "".join(_row(message) for message in self.workspace.thread(HELP, ts))
        return f'<section data-thread="{escape(ts)}">{rows}<button>Reply here</button></section>'


def _title(channel: str) -> str:
    return "#agents" if channel == AGENTS else f"Direct message to {channel}"


def _row(message: dict[str, Any]) -> str:
    """As Slack shows it: blocks, and the text only where there are none."""
    name = "kefu" if message["user"] == BOT_USER else str(message["user"])
    blocks = message.get("blocks") or []
    sections = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    text = "\n".join(sections or [str(message["text"])]).replace(f"<@{BOT_USER}>", "@kefu")
    context = [
        element["text"]
        for block in blocks
        if block["type"] == "context"
        for element in block["elements"]
    ]
    buttons = [
        f'<button data-ts="{escape(str(message["ts"]))}" '
        f'data-action="{escape(element["action_id"])}">{escape(element["text"]["text"])}</button>'
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    lines = [unescape(text), *map(unescape, context)]
    shown = "<br>".join(escape(line) for line in lines)
    return f"<p><b>{escape(name)}</b> {shown}{'<br>' * bool(buttons)}{''.join(buttons)}</p>"


async def serve(given: argparse.Namespace) -> None:
    faults = Faults(
        rate_limited=given.faults, server_errors=given.faults, lost_answers=given.faults,
        duplicates=3 if given.faults else 1,
    )  # fmt: skip
    slack = Page(faults)
    if given.http:
        slack.events_url = f"http://{given.http}/slack/events"
    await slack.start(given.port)
    for name, value in slack.environment.items():
        print(f"export {name}={value!r}")
    print(f"# write as a customer: {slack.url}/  or  curl -d 'text=Hello' {slack.url}/say")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await slack.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8065)
    parser.add_argument("--http", metavar="HOST:PORT", help="where `kefu slack --http` listens")
    parser.add_argument("--faults", type=float, default=0.0, help="the share of calls, 0 to 1")
    given = parser.parse_args()
    if not 0 <= given.port <= 65_535:
        parser.error(f"--port {given.port} is none; give 0 to 65535")
    if not 0 <= given.faults <= 1:
        parser.error(f"--faults {given.faults} is no share; give 0 to 1")
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(given))
        except OSError:
            parser.error(
                f"--port {given.port} cannot be listened on, another program may; give another"
            )


if __name__ == "__main__":
    main()
