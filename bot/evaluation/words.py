"""Summaries and translations: what is worded, beside what was wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.conversation import Message
from bot.digest.digest import digest
from bot.errors import KefuError
from bot.evaluation.table import Cell, Row, Table
from bot.measures import mean, rouge, rouge_l
from bot.sentences import split_sentences
from bot.skills.summary import Summarizer
from bot.skills.translation import Translator

LEAD = 3
"""Sentences from the beginning of a conversation, the summary to beat."""


@dataclass(frozen=True, slots=True)
class Summed:
    """Conversations of one source, each with its summary."""

    name: str
    conversations: tuple[tuple[Message, ...], ...]
    summaries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Translated:
    name: str
    target: str
    """ISO 639-1."""
    texts: tuple[str, ...]
    wanted: tuple[str, ...]


async def summaries(
    sets: Sequence[Summed], summarizer: Summarizer, more: Callable[[int], None]
) -> Table:
    rows = []
    for one in sets:
        said: dict[str, list[str]] = {}
        for messages in one.conversations:
            for name, text in (await _told(messages, summarizer)).items():
                said.setdefault(name, []).append(text)
            more(1)
        for name, texts in said.items():
            rows.append(Row(f"{one.name}: {name}", _rouge_cells(texts, one.summaries)))
    note = (
        f"*lead-{LEAD}*: the first sentences of the conversation. *details*: those of "
        "`kefu summarize`, sentences of the customer picked by rule. The wanted summaries are the "
        "tasks that the customers were given, in the third person."
    )
    return Table("summaries", "Summaries", rows, note)


async def _told(messages: Sequence[Message], summarizer: Summarizer) -> dict[str, str]:
    made = digest(messages)
    lead: list[str] = []
    for message in messages:
        lead += split_sentences(message.text)
        if len(lead) >= LEAD:
            break
    told = {
        f"lead-{LEAD}": " ".join(lead[:LEAD]),
        "details": made.details.text,
    }
    if summarizer.reads:
        try:
            prose = await summarizer.write(messages)
        except KefuError:
            prose = None
        told[summarizer.name] = f"{prose.issue} {prose.summary}" if prose else told["details"]
    return told


def _rouge_cells(said: Sequence[str], wanted: Sequence[str]) -> dict[str, Cell]:
    pairs = list(zip(said, wanted, strict=True))
    return {
        "conversations": len(pairs),
        "ROUGE-1": mean([rouge(a, b) for a, b in pairs]),
        "ROUGE-2": mean([rouge(a, b, 2) for a, b in pairs]),
        "ROUGE-L": mean([rouge_l(a, b) for a, b in pairs]),
    }


async def translations(
    sets: Sequence[Translated], translator: Translator, more: Callable[[int], None]
) -> Table:
    """Raise CannotTranslate where the model does not read."""
    from sacrebleu import sentence_chrf

    rows = []
    for one in sets:
        scores = []
        for text, wanted in zip(one.texts, one.wanted, strict=True):
            said = await translator.translate(text, one.target)
            scores.append(sentence_chrf(said, [wanted]).score / 100)
            more(1)
        rows.append(Row(one.name, {"texts": len(scores), "chrF": mean(scores)}))
    return Table("translations", "Translations", rows, "*chrF*: the mean over the texts.")
