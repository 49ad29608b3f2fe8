"""What the terminal costs: `python -m tests.bench.bench_terminal` prints a Markdown table.

In milliseconds of the processor's time, so that what else the machine does hardly shows;
the first frame is in wall time, from the start of a new interpreter.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from statistics import median

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
print((app.drawn - start) * 1000)
"""


async def chunk() -> float:
    """Of one streamed piece of four characters, drawn."""
    async with KefuApp(FakeDesk(), TerminalSettings()).run_test(size=SIZE) as pilot:
        await awake(pilot)
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
        costs = []
        for _ in range(PRESSES):
            start = time.process_time()
            await pilot.press("x")
            costs.append(time.process_time() - start)
    return median(costs) * 1000


def first_frame() -> float:
    runs = [
        subprocess.run(
            [sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True
        )
        for _ in range(STARTS)
    ]
    return median(float(run.stdout.split()[-1]) for run in runs)


def main() -> None:
    rows = {
        "a streamed chunk (4 characters)": asyncio.run(chunk()),
        "a key press, 20 messages": asyncio.run(key_press(20)),
        "a key press, 5,000 messages": asyncio.run(key_press(5000)),
        "a key press, 5,000 messages, scrolled back": asyncio.run(
            key_press(5000, scrolled_back=True)
        ),
        "start to the first frame": first_frame(),
    }
    print("| terminal | ms |\n|---|---:|")
    for name, cost in rows.items():
        print(f"| {name} | {cost:.1f} |")


if __name__ == "__main__":
    main()
