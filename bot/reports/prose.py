"""Digests whose issue and summary a model words, many conversations at a time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.conversation import Message
from bot.errors import KefuError
from bot.reports.entries import AT_ONCE, Done, digests_of
from bot.skills.summary import Summarizer
from bot.store import Store
from bot.store.cohort import Started
from bot.store.digests import Made

_logger = logging.getLogger("kefu")


class ProseDigests:
    """As `make_digests`."""

    def __init__(self, summarizer: Summarizer, at_once: int) -> None:
        """`at_once`: conversations that the engine decodes together; twice as many are asked for,
        so that it never waits."""
        self._summarizer = summarizer
        self._room = asyncio.Semaphore(2 * at_once)

    async def __call__(self, store: Store, some: Sequence[Started], done: Done) -> None:
        for start in range(0, len(some), AT_ONCE):
            part = some[start : start + AT_ONCE]
            messages = await store.cohort.messages([one.id for one in part])
            made = await digests_of(store, part, messages, self._summarizer.name)

            async def word(one: Made, said: dict[str, list[Message]] = messages) -> Made:
                async with self._room:
                    worded = await self._worded(one, said[one.conversation])
                done(1)
                return worded

            await store.digests.keep(await asyncio.gather(*map(word, made)))

    async def _worded(self, made: Made, messages: Sequence[Message]) -> Made:
        """In the rules' own words where the model fails, or says what nobody wrote."""
        try:
            prose = await self._summarizer.write(messages)
        except KefuError as error:
            _logger.warning("a digest is not in words: %s", error)
            prose = None
        if prose is None:
            return made
        body = json.loads(made.body)
        body["digest"]["issue"]["text"] = prose.issue
        body["digest"]["summary"]["text"] = prose.summary
        return replace(made, body=json.dumps(body, ensure_ascii=False))
