"""A model's first conversation: two short questions, each with a passage that answers it. It shows
that the file, the chat template and the end of a turn work, not how good the model is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.conversation import Citation
from bot.engine.thinking import TAGS
from bot.errors import TrialFailed
from bot.skills.prompt import PromptWriter, Turn
from bot.skills.wording import Wording

if TYPE_CHECKING:
    from bot.engine.chat_model import LlamaChatModel

MOST_TOKENS = 200
"""Of a reply: a sentence or two are asked for."""
_QUESTIONS = (
    Turn(
        "How long do I have to return shoes?",
        passages=(
            Citation(
                "returns.md", "Returns", "", "Shoes can be returned within 60 days of delivery."
            ),
        ),
    ),
    Turn(
        "And who pays for it?",
        passages=(Citation("returns.md", "Returns", "", "Returns are free of charge."),),
    ),
)
_CONTROLS = re.compile(
    "|".join(
        [
            r"<\|\w+\|>",
            r"<(?:start|end)_of_turn>",
            r"\[/?(?:INST|SYSTEM_PROMPT)\]",
            *(re.escape(tag) for pair in TAGS.items() for tag in pair),
        ]
    )
)
"""What no reply holds unless the chat template is not the model's own."""


@dataclass(frozen=True, slots=True)
class Exchange:
    question: str
    reply: str
    tokens_per_second: float


async def converse(model: LlamaChatModel, business: str) -> list[Exchange]:
    """Raise TrialFailed where a reply is empty, does not end, or shows what belongs to the
    template."""
    writer = PromptWriter(
        business, context=model.context, reserve=MOST_TOKENS, count=model.count_tokens
    )
    history: list[Turn] = []
    said: list[Exchange] = []
    for turn in _QUESTIONS:
        arguments = {"temperature": 0.0, "max_tokens": MOST_TOKENS, **_outline(model, turn)}
        messages = list(writer.write(history, turn).messages)
        config: Any = {"metadata": {"conversation": "trial"}}
        text = ""
        told: Mapping[str, Any] = {}
        async for chunk in model.astream(messages, config=config, **arguments):
            text += chunk.text
            told = chunk.response_metadata or told
        _check(text, told)
        speed = round(float(told.get("tokens_per_second", 0.0)), 1)
        said.append(Exchange(turn.question, text.strip(), speed))
        history.append(Turn(turn.question, passages=turn.passages, reply=text))
    return said


def _outline(model: LlamaChatModel, turn: Turn) -> dict[str, Any]:
    if model.reads:
        return {}
    (passage,) = turn.passages
    return {"outline": Wording(model.wording).around(passage.quote, "en")}


def _check(text: str, told: Mapping[str, Any]) -> None:
    ended = told.get("finish_reason") == "stop"
    if not text.strip():
        did = "said nothing" if ended else f"did nothing but think for {MOST_TOKENS} tokens"
        raise TrialFailed(f"it {did}; choose a model without thoughts, an instruct model")
    if found := _CONTROLS.search(text):
        raise TrialFailed(
            f"its reply shows {found[0]!r}, so the chat template in its file is not its own; "
            "fetch another file of the model"
        )
    if not ended:
        raise TrialFailed(
            f"it did not end its reply within {MOST_TOKENS} tokens or engine.max_seconds; choose "
            "an instruct model, not a base model, or a smaller one"
        )
