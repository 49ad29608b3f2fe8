"""The front desk ended at random moments, and events that come twice, late and in any order: what
Slack shows in the end is compared with what customers wrote.

KEFU_KILLS, KEFU_EVENTS and KEFU_TAKEOVERS set the numbers; tests/bench/README.md has those of the
long runs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot.agent_desk import AgentDesk
from bot.delivery import Fate, Place, Posting
from bot.store import open_store
from tests.e2e.slack_server import Faults, SlackServer
from tests.faults.desk_life import live

KILLS = int(os.environ.get("KEFU_KILLS", "60"))
EVENTS = int(os.environ.get("KEFU_EVENTS", "400"))
TAKEOVERS = int(os.environ.get("KEFU_TAKEOVERS", "60"))
THREADS = 12
BACKLOG = 100
"""Events that are under way at a time."""
HELP = "C0HELP"
_SERVER = get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.faults.desk_life"])


class Lives:
    """Processes at one database, each followed by another when it is ended."""

    def __init__(self, home: Path, slack: SlackServer) -> None:
        self._home, self._slack = home, slack
        self._processes: list[BaseProcess] = []

    def begin(self, count: int) -> None:
        self._processes += [self._born() for _ in range(count)]

    def kill(self, which: int) -> None:
        self._processes[which].kill()
        self._processes[which].join()
        self._processes[which] = self._born()

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def _born(self) -> BaseProcess:
        process = _SERVER.Process(
            target=live, args=(self._home, self._slack.environment), daemon=True
        )
        process.start()
        return process


@contextmanager
def lives(home: Path, slack: SlackServer, count: int) -> Iterator[Lives]:
    home.mkdir(exist_ok=True)
    found = Lives(home, slack)
    try:
        found.begin(count)
        yield found
    finally:
        found.end()


class Customers:
    """Each in a thread of its own; the next message is written as soon as the one before was
    acknowledged, answered or not."""

    def __init__(self, slack: SlackServer) -> None:
        self._slack = slack
        self.stopped = False
        self.threads: dict[str, list[str]] = {}
        """What was written, by thread."""

    async def run(self, count: int, *, pause: float) -> None:
        await asyncio.gather(*(self._write(number, pause) for number in range(count)))

    async def _write(self, customer: int, pause: float) -> None:
        thread: str | None = None
        number = 0
        while not self.stopped or thread is None:
            text = f"customer {customer} message {number}"
            said = f"<@U0KEFU> {text}" if thread is None else text
            ts = self._slack.say(HELP, f"U{customer}", said, thread=thread)
            delivery = self._slack.deliveries[-1]
            thread = thread or ts
            self.threads.setdefault(thread, []).append(text)
            await delivery.taken.wait()
            await asyncio.sleep(random.random() * pause)
            number += 1


async def settle(slack: SlackServer, home: Path, messages: int) -> None:
    async with asyncio.timeout(120 + messages), await open_store(home / "kefu.db") as store:
        while True:
            fates, posts = await store.inbox.count("slack"), await store.outbox.count("slack")
            open_ = {Fate.WAITING, Fate.LEASED} & set(fates)
            unsent = {Posting.PENDING, Posting.SENDING} & set(posts)
            if not (open_ or unsent or slack.unacknowledged) and sum(fates.values()) == messages:
                return
            await asyncio.sleep(0.1)


def ledger(slack: SlackServer, threads: dict[str, list[str]]) -> dict[str, int]:
    """What Slack shows against what was written."""
    found = {"written": 0, "lost": 0, "answered twice": 0, "out of order": 0}
    for thread, written in threads.items():
        replies = [m["text"].removeprefix("Re: ") for m in slack.replies(HELP, thread)]
        once = list(dict.fromkeys(replies))
        found["written"] += len(written)
        found["lost"] += len(set(written) - set(replies))
        found["answered twice"] += len(replies) - len(once)
        found["out of order"] += sum(a != b for a, b in zip(once, written, strict=False))
    return found


async def test_killed_at_random_moments(tmp_path: Path) -> None:
    faults = Faults(rate_limited=0.02, server_errors=0.02, lost_answers=0.05, hangs=0.05)
    async with SlackServer(faults, ack_seconds=0.5) as slack:
        customers = Customers(slack)
        with lives(tmp_path, slack, 2) as processes:
            writing = asyncio.create_task(customers.run(THREADS, pause=0.3))
            for number in range(KILLS):
                await asyncio.sleep(random.random() * 1.2)
                await asyncio.to_thread(processes.kill, number % 2)
            customers.stopped = True
            await asyncio.wait_for(writing, 120)
            messages = sum(map(len, customers.threads.values()))
            await settle(slack, tmp_path, messages)
        found = ledger(slack, customers.threads)
    print(f"\n{KILLS} kills: {found}")
    assert found == {"written": messages, "lost": 0, "answered twice": 0, "out of order": 0}


async def test_every_event_some_times_in_any_order_at_two_processes(tmp_path: Path) -> None:
    faults = Faults(duplicates=4, delay=1.0, rate_limited=0.33)
    faults.retry_after = 0
    async with SlackServer(faults) as slack:
        with lives(tmp_path, slack, 2):
            roots = [slack.say(HELP, f"U{n}", f"<@U0KEFU> root {n}") for n in range(THREADS)]
            await settle(slack, tmp_path, THREADS)
            threads = {root: [f"root {n}"] for n, root in enumerate(roots)}
            for number in range(EVENTS):
                root = roots[number % THREADS]
                slack.say(HELP, "U1", f"event {number}", thread=root)
                threads[root].append(f"event {number}")
                while slack.unacknowledged > BACKLOG:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await settle(slack, tmp_path, THREADS + EVENTS)
        found = ledger(slack, threads)
        sent = sum(delivery.sent for delivery in slack.deliveries)
    print(f"\n{EVENTS} events sent {sent} times: {found}")
    assert (found["lost"], found["answered twice"]) == (0, 0)


async def test_taken_over_at_random_moments(tmp_path: Path) -> None:
    """Each thread has three messages when, at some moment of their being answered, an agent takes
    over. What the bot says after the takeover was confirmed is counted."""
    faults = Faults(server_errors=0.1, lost_answers=0.1)
    late: list[int] = []
    before: list[int] = []
    async with SlackServer(faults) as slack, await open_store(tmp_path / "kefu.db") as store:
        inbox = AgentDesk(store, "ben", "")

        async def one(number: int) -> None:
            root = slack.say(HELP, f"U{number}", f"<@U0KEFU> takeover {number}")
            root_taken = slack.deliveries[-1].taken
            slack.say(HELP, f"U{number}", "second", thread=root)
            slack.say(HELP, f"U{number}", "third", thread=root)
            await root_taken.wait()
            talk = await store.inbox.conversation_at(Place("slack", f"T0KEFU/{HELP}/{root}"))
            assert talk is not None
            await asyncio.sleep(random.random() * 1.5)
            await inbox.take_over(talk)
            said = slack.workspace.spoken.count((HELP, root))
            await asyncio.sleep(1.0)
            late.append(slack.workspace.spoken.count((HELP, root)) - said)
            before.append(said)

        with lives(tmp_path, slack, 2):
            for first in range(0, TAKEOVERS, 6):
                numbers = range(first, min(first + 6, TAKEOVERS))
                await asyncio.gather(*(one(number) for number in numbers))
        roots = [ts for (_, ts), m in slack.workspace.messages.items() if "thread_ts" not in m]
        whole = sum("metadata" in m for root in roots for m in slack.replies(HELP, root))
        broken = sum("metadata" not in m for root in roots for m in slack.replies(HELP, root))
    print(
        f"\n{TAKEOVERS} takeovers: {whole} replies and {broken} parts of one before, in "
        f"{sum(before)} posts and additions; {sum(late)} after"
    )
    assert sum(late) == 0
    assert 0 < whole < 3 * TAKEOVERS, "some came before, some were kept back"
