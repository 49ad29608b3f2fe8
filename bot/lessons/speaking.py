"""What a model says to lessons that it did not learn from, as the product lets it speak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bot.conversation import Citation, Passage
from bot.lessons.lesson import Lesson
from bot.measures import token_f1
from bot.sentences import split_sentences
from bot.skills import replies
from bot.skills.grounding import Grounding
from bot.skills.prompt import PromptWriter
from bot.skills.wording import Wording

if TYPE_CHECKING:
    from bot.engine.chat_model import LlamaChatModel

MOST_TOKENS = 200


async def said(
    model: LlamaChatModel,
    lessons: Sequence[Lesson],
    business: str,
    more: Callable[[int], None] = lambda _: None,
    *,
    at_once: int = 8,
) -> list[str]:
    """The likeliest reply to each: no chance is in it. The engine refuses requests where too many
    wait, so no more than `at_once` do."""
    room = asyncio.Semaphore(at_once)
    writer = PromptWriter(
        business, context=model.context, reserve=MOST_TOKENS, count=model.count_tokens
    )

    async def reply(number: int, lesson: Lesson) -> str:
        prompt = writer.write(lesson.history, lesson.asked)
        arguments: dict[str, Any] = {"temperature": 0.0, "max_tokens": MOST_TOKENS}
        if not model.reads:
            quote = "\n\n".join(citation.quote for citation in lesson.asked.passages)
            wording = Wording(model.wording)
            arguments["outline"] = wording.around(quote, lesson.language, lesson.asked.mood)
        config: Any = {"metadata": {"conversation": f"lesson {number}"}}
        async with room:
            chunks = model.astream(list(prompt.messages), config=config, **arguments)
            text = "".join([chunk.text async for chunk in chunks])
        more(1)
        return text.strip()

    return await asyncio.gather(*(reply(n, lesson) for n, lesson in enumerate(lessons)))


def nearness(lesson: Lesson, reply: str) -> float:
    """Token F1 with the reply that was approved of."""
    return token_f1(reply, lesson.reply)


async def faithfulness(
    grounding: Grounding, lesson: Lesson, reply: str, *, reads: bool
) -> float | None:
    """The share of its sentences that a passage says: 1 of a reply that says it does not know, 0 of
    none at all. None of a model that only words replies: the quotes are put in for it."""
    if not reads:
        return None
    if not reply:
        return 0.0
    unknown = split_sentences(replies.fixed(replies.UNKNOWN, lesson.language))
    pages = [_page(citation, lesson.language) for citation in lesson.asked.passages]
    claims = [one for one in split_sentences(reply) if one not in unknown]
    checks = [await grounding.supported(one, pages, lesson.language) for one in claims]
    return sum(checks) / len(checks) if checks else 1.0


def _page(citation: Citation, language: str) -> Passage:
    heading, quote = citation.heading, citation.quote
    return Passage("", citation.source, citation.title, heading, quote, language)
