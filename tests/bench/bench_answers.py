"""How well it answers the sample shop's questions: `python -m tests.bench.bench_answers`.

The questions are tests/data/sample_questions.jsonl. The floor of `bot.skills.grounding` and the
patterns of `bot.skills.wishes` were set with them in view: expect less on questions never seen.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bot.app import Kefu, open_kefu
from bot.conversation import Message, Reply, ReplyStatus
from bot.settings import Settings

QUESTIONS = Path(__file__).parents[1] / "data" / "sample_questions.jsonl"


async def answer(kefu: Kefu, record: dict[str, Any]) -> Message:
    place = await kefu.log.start(channel="bench")
    for earlier in record.get("history", []):
        await kefu.log.note(place.id, earlier)
        await kefu.log.record(place.id, Reply("…", ReplyStatus.ANSWERED, "en"))
    async for _ in kefu.assistant.reply(place, record["question"]):
        pass
    return (await kefu.log.messages(place.id))[-1]


def verdicts(record: dict[str, Any], reply: Message) -> set[str]:
    if record["kind"] == "person":
        return {"right"} if reply.status is ReplyStatus.HANDED_OFF else set()
    if record["kind"] == "smalltalk":
        return {"right"} if reply.rule == "small talk" else set()
    if not record["sources"]:
        return {"right"} if reply.status is ReplyStatus.UNKNOWN else set()
    found = {"answered"} if reply.status is ReplyStatus.ANSWERED else set()
    cited = [c.source for c in reply.citations]
    if set(cited) & set(record["sources"]):
        found.add("source")
        if all(wanted in reply.text for wanted in record["must_contain"]):
            found.add("right")
    return found


async def main() -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as home:
        async with open_kefu(Settings(home=Path(home))) as kefu:
            for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                group = f"{record['language']} {record['kind']}"
                counts[group]["n"] += 1
                counts[group].update(verdicts(record, await answer(kefu, record)))
    print("| questions | n | answered | right page cited | right sentence or decision |")
    print("|---|---:|---:|---:|---:|")
    for group in sorted(counts):
        count = counts[group]
        answerable = not group.endswith(("person", "smalltalk", "unanswerable"))
        shares = [
            f"{count[name] / count['n']:.0%}" if answerable or name == "right" else "–"
            for name in ("answered", "source", "right")
        ]
        print(f"| {group} | {count['n']} | {' | '.join(shares)} |")


if __name__ == "__main__":
    asyncio.run(main())
