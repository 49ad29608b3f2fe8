"""The front desk: `python -m tests.bench.bench_desk`. A burst at `kefu slack`, with the models that
come along and the stand-in for Slack; and the inbox with 20 and with 10,000 conversations."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from bot.agent_desk import AgentDesk
from bot.conversation import ConversationState, SentimentLabel
from bot.settings import TerminalSettings
from bot.store import open_store
from bot.store.rows import new_id, utc_now
from bot.store.schema import ConversationRow
from tests.e2e.slack_server import SlackServer
from tui.inbox import InboxApp

KEFU = Path(sys.executable).with_name("kefu")
HELP = "C0HELP"
QUESTIONS = [
    "How long do I have to return shoes?", "What does delivery to Germany cost?",
    "Can I pay by invoice?", "How do I care for a linen lampshade?", "Where are your stores?",
]  # fmt: skip


@asynccontextmanager
async def kefu_slack() -> AsyncIterator[tuple[SlackServer, Process]]:
    with tempfile.TemporaryDirectory() as home:
        async with SlackServer(ack_seconds=30) as slack:
            process = await asyncio.create_subprocess_exec(
                KEFU,
                "slack",
                env=os.environ | slack.environment | {"KEFU_HOME": home},
                stderr=PIPE,
            )
            assert process.stderr is not None
            while b"connected" not in await process.stderr.readline():
                pass
            try:
                yield slack, process
            finally:
                process.terminate()
                await process.wait()


async def burst(threads: int, each: int) -> None:
    async with kefu_slack() as (slack, process):
        alone = [await answered(slack, f"<@U0KEFU> {q}") for q in QUESTIONS]
        before = len(slack.deliveries)
        began = time.perf_counter()
        roots = []
        for number in range(threads):
            question = QUESTIONS[number % len(QUESTIONS)]
            roots.append(slack.say(HELP, f"U{number}", f"<@U0KEFU> {question}"))
            for more in range(1, each):
                text = QUESTIONS[(number + more) % len(QUESTIONS)]
                slack.say(HELP, f"U{number}", text, thread=roots[-1])
        first = await until(slack, roots, 1) - began
        whole = await until(slack, roots, threads * each) - began
        told = acknowledged(slack, before)
        memory = sum(map(peak, [process.pid, *children(process.pid)]))
    print(f"\n{threads * each:,} messages at once over {threads} threads\n")
    print("| figure | |\n|---|---:|")
    print(f"| one alone, from the message to the answer (median of 5) | {median(alone):.2f} s |")
    print(f"| the first answer of the burst | {first:.2f} s |")
    print(f"| all answered | {whole:.1f} s ({threads * each / whole:.0f} a second) |")
    print(f"| receipt to acknowledgement, p50 / p99 | {told} |")
    print(f"| memory at most, both processes | {memory / 1e6:.0f} MB |", flush=True)


async def steady(seconds: float, a_second: float) -> None:
    """More than can be answered, one after the other."""
    async with kefu_slack() as (slack, _):
        roots = []
        for number in range(int(seconds * a_second)):
            question = QUESTIONS[number % len(QUESTIONS)]
            roots.append(slack.say(HELP, f"U{number}", f"<@U0KEFU> {question}"))
            await asyncio.sleep(1 / a_second)
        waiting = len(roots) - sum(len(slack.replies(HELP, root)) for root in roots)
        print(
            f"\n{a_second:.0f} messages a second for {seconds:.0f} s: receipt to acknowledgement, "
        )
        print(
            f"p50 / p99 {acknowledged(slack, 0)}; {waiting} of {len(roots)} still waited at the end"
        )


def acknowledged(slack: SlackServer, first: int) -> str:
    seconds = sorted(s for d in slack.deliveries[first:] for s in d.seconds)
    p50, p99 = (seconds[int(share * len(seconds))] for share in (0.5, 0.99))
    return f"{1000 * p50:.0f} / {1000 * p99:.0f} ms"


async def answered(slack: SlackServer, text: str) -> float:
    began = time.perf_counter()
    return await until(slack, [slack.say(HELP, "U0", text)], 1) - began


async def until(slack: SlackServer, roots: list[str], count: int) -> float:
    wanted = set(roots)
    while True:
        posts = (m for m in list(slack.workspace.messages.values()) if "bot_id" in m)
        if sum(post.get("thread_ts") in wanted for post in posts) >= count:
            return time.perf_counter()
        await asyncio.sleep(0.02)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, found) for one in (child, *children(child))]


def peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


async def inbox(conversations: int) -> tuple[float, float]:
    """Milliseconds from a key to the screen at rest: down the list, and into a conversation."""
    with tempfile.TemporaryDirectory() as home:
        async with await open_store(Path(home) / "kefu.db") as store:
            now = utc_now()
            rows = [
                {
                    "id": new_id(), "channel": "slack", "customer": f"U{n}", "title": f"About {n}",
                    "state": ConversationState.HANDED_OFF if n % 9 == 0 else ConversationState.OPEN,
                    "agent": "", "mood": SentimentLabel.NEGATIVE if n % 7 == 0 else None,
                    "created_at": now, "updated_at": now,
                }
                for n in range(conversations)
            ]  # fmt: skip
            async with store.database.writing() as session:
                await session.execute(insert(ConversationRow), rows)
            app = InboxApp(AgentDesk(store, "ben", "Lamps"), TerminalSettings())
            async with app.run_test(size=(110, 32)) as pilot:
                await pilot.pause(0.5)
                moving, opening = [], []
                for _ in range(15):
                    began = time.perf_counter()
                    await pilot.press("down")
                    moving.append(time.perf_counter() - began)
                    began = time.perf_counter()
                    await pilot.press("enter")
                    await pilot.pause()
                    opening.append(time.perf_counter() - began)
                    await pilot.press("escape")
            return 1000 * median(moving), 1000 * median(opening)


async def inboxes() -> None:
    print("\n| open conversations | down the list, ms | into a conversation, ms |")
    print("|---:|---:|---:|")
    for count in (20, 10_000, 20, 10_000):
        moving, opening = await inbox(count)
        print(f"| {count:,} | {moving:.0f} | {opening:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=200)
    parser.add_argument("--each", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(inboxes())
    asyncio.run(steady(30, 12))
    asyncio.run(burst(given.threads, given.each))


if __name__ == "__main__":
    main()
