"""What the terminal costs: `python -m tests.bench.bench_terminal` prints a Markdown table.

In milliseconds of the processor's time, so that what else the machine does hardly shows;
the first frame is the best of a few, from the first import in a new interpreter.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Markdown

from bot.settings import TerminalSettings
from tests.tui.driving import answers, awake, transcript, until
from tests.tui.fake_desk import CALM, RETURNS, FakeDesk
from tui.app import KefuApp
from tui.widgets.assistant_message import AssistantMessage

SIZE = (120, 36)
CHUNKS = 400
PRESSES = 40
STARTS = 5
REPLY = f"{RETURNS.text}\n\n* one\n* two\n\n```python\nprint('three')\n```\n\n" * 8
FIRST_FRAME = """
import time
start = time.perf_counter()
from bot.settings import TerminalSettings
from tests.tui.fake_desk import FakeDesk
from tui.app import KefuApp

def first_frame(app):
    app.drawn = time.perf_counter()
    app.exit()

KefuApp._wake = first_frame
app = KefuApp(FakeDesk(), TerminalSettings())
app.run(headless=True, size=(120, 36))
print((app.drawn - start) * 1000, time.process_time() * 1000)
"""


async def chunk(messages: int) -> float:
    """Of one streamed piece of four characters, drawn."""
    desk = FakeDesk()
    conversation = await desk.talked(*[("Question", CALM, RETURNS)] * (messages // 2))
    app = KefuApp(desk, TerminalSettings())
    async with app.run_test(size=SIZE) as pilot:
        await awake(pilot)
        await app.home.show(conversation.id)
        row = await _empty_answer(pilot)
        pieces = [REPLY[start : start + 4] for start in range(0, 4 * CHUNKS, 4)]
        start = time.process_time()
        for piece in pieces:
            await row.write(piece)
            await asyncio.sleep(0.005)
        await row.end_stream()
        await pilot.pause()
        cost = time.process_time() - start
        assert row.query_one(Markdown).source == "".join(pieces)
    return cost * 1000 / CHUNKS


async def _empty_answer(pilot: Pilot[None]) -> AssistantMessage:
    await transcript(pilot).add(AssistantMessage())
    return answers(pilot)[-1]


async def key_press(messages: int, *, scrolled_back: bool = False) -> float:
    desk = FakeDesk()
    turns = [(f"Question {number}", CALM, RETURNS) for number in range(messages // 2)]
    conversation = await desk.talked(*turns)
    app = KefuApp(desk, TerminalSettings())
    async with app.run_test(size=SIZE) as pilot:
        await awake(pilot)
        await app.home.show(conversation.id)
        view = app.home.query_one("#transcript")
        await until(pilot, lambda: view.max_scroll_y > 0)
        for _ in range(8 if scrolled_back else 0):
            view.scroll_to(y=1, animate=False)
            await pilot.pause(0.1)
        start = time.process_time()
        for _ in range(PRESSES):  # not pilot.press: it asks every widget whether it is done
            app.post_message(Key("x", "x"))
            await asyncio.sleep(0.04)
        cost = time.process_time() - start
        assert app.home.prompt.text == "x" * PRESSES
    return cost * 1000 / PRESSES


def first_frame() -> tuple[float, float]:
    """In wall time, and in the processor's."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(STARTS)
    ]
    return min(float(wall) for wall, _ in runs), min(float(cpu) for _, cpu in runs)


def main() -> None:
    rows = {
        "a streamed chunk (4 characters)": asyncio.run(chunk(0)),
        "a streamed chunk (4 characters), 5,000 messages": asyncio.run(chunk(5000)),
        "a key press, 20 messages": asyncio.run(key_press(20)),
        "a key press, 5,000 messages": asyncio.run(key_press(5000)),
        "a key press, 5,000 messages, scrolled back": asyncio.run(
            key_press(5000, scrolled_back=True)
        ),
    }
    wall, processor = first_frame()
    rows["start to the first frame, wall time"] = wall
    rows["start to the first frame, processor time"] = processor
    print("| terminal | ms |\n|---|---:|")
    for name, cost in rows.items():
        print(f"| {name} | {cost:.1f} |")


if __name__ == "__main__":
    main()
