"""The model's reply to one turn, held to the passages: before it is written, or behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from bot.conversation import Citation, Passage, Shortened, Timing, Waiting
from bot.sentences import split_sentences
from bot.skills.grounding import Grounding
from bot.skills.prompt import PromptWriter, Turn
from bot.skills.wording import Outline, Wording

Notice: TypeAlias = Waiting | Shortened
Pieces: TypeAlias = AsyncGenerator[str | Notice, None]


@dataclass(slots=True)
class Speech:
    """What came of a reply; complete once its pieces are."""

    shown: tuple[Citation, ...] = ()
    """What the model was shown."""
    citations: tuple[Citation, ...] = ()
    rule: str | None = None
    timing: Timing = field(default_factory=Timing)
    memory: str = ""
    """What the model is shown of what was said before the history."""
    dropped: int = 0
    """Turns of the history that the window had no room for."""


class Speaker:
    """`model` may be any chat model. One with `reads` False only words the reply: the encoder picks
    the sentences, and an outline holds the model to them. Any other answers freely, and only the
    sentences that a passage supports are said."""

    def __init__(
        self, model: BaseChatModel, grounding: Grounding, *, business: str, max_tokens: int
    ) -> None:
        self.name: str = getattr(model, "model_name", type(model).__name__)
        self.reads: bool = getattr(model, "reads", True)
        self._model = model
        self._grounding = grounding
        self._wording = None if self.reads else Wording(getattr(model, "wording"))  # noqa: B009
        self._writer = PromptWriter(
            business,
            context=getattr(model, "context", 4096),
            reserve=max_tokens,
            count=getattr(model, "count_tokens", _roughly),
        )

    def pleasantry(self, kind: str, language: str) -> Outline | None:
        """None where the model has no words of its own for it."""
        return self._wording.pleasantry(kind, language) if self._wording else None

    def answer(
        self,
        conversation: str,
        history: Sequence[Turn],
        current: Turn,
        passages: Sequence[Passage],
        language: str,
        speech: Speech,
    ) -> Pieces:
        speech.shown = current.passages
        if self._wording is None:
            pieces = self.say(conversation, history, current, None, speech)
            return self._supported(pieces, passages, language, speech)
        outline = self._wording.around(_quote(current), language, current.mood)
        return self._worded(self.say(conversation, history, current, outline, speech), speech)

    async def cited(
        self, reply: str, shown: Sequence[Citation], language: str
    ) -> tuple[Citation, ...]:
        """Those shown, each marked with whether a sentence of the reply rests on it."""
        return tuple(
            [replace(c, cited=await self._grounding.cites(reply, c.quote, language)) for c in shown]
        )

    async def _worded(self, pieces: Pieces, speech: Speech) -> Pieces:
        """All of the quotes, also where a full window cut the reply off."""
        said = ""
        async with aclosing(pieces):
            async for piece in pieces:
                said += piece if isinstance(piece, str) else ""
                yield piece
        if missing := _missing(said, "\n\n".join(citation.quote for citation in speech.shown)):
            yield missing
        speech.citations = speech.shown

    async def _supported(
        self, pieces: Pieces, passages: Sequence[Passage], language: str, speech: Speech
    ) -> Pieces:
        """Whole sentences, those alone that a passage supports."""
        speech.rule = "every sentence supported"
        said = ""
        async with aclosing(_sentences(pieces)) as sentences:
            async for sentence in sentences:
                if isinstance(sentence, Notice):
                    yield sentence
                elif await self._grounding.supported(sentence, passages, language):
                    said += sentence
                    yield sentence
                else:
                    speech.rule = "a sentence was held back that no passage supports"
        speech.citations = await self.cited(said, speech.shown, language)

    async def say(
        self,
        conversation: str,
        history: Sequence[Turn],
        current: Turn,
        outline: Outline | None,
        speech: Speech,
    ) -> Pieces:
        """What the model says, held to `outline` where there is one, and to nothing else."""
        prompt = self._writer.write(history, current, speech.memory)
        speech.dropped = prompt.shortened.turns if prompt.shortened else 0
        if self.reads:
            speech.shown = prompt.current.passages
        if cut := self._missed(prompt.shortened):
            yield cut
        arguments: dict[str, Any] = {} if outline is None else {"outline": outline}
        last = AIMessageChunk(content="")
        chunks = self._model.astream(
            list(prompt.messages), config={"metadata": {"conversation": conversation}}, **arguments
        )
        # a stop reaches the engine at once; it is an asynchronous generator, whatever its type says
        async with aclosing(chunks):  # type: ignore[type-var]
            async for chunk in chunks:
                if text := chunk.text:
                    yield text
                elif place := chunk.response_metadata.get("queue_place"):
                    yield Waiting(place)
                if chunk.usage_metadata or chunk.response_metadata:
                    last = chunk
        speech.timing = _timing(last)

    def _missed(self, cut: Shortened | None) -> Shortened | None:
        """What of a cut matters: a model that does not read misses neither turns nor passages."""
        if cut is None or self.reads:
            return cut
        return Shortened(characters=cut.characters) if cut.characters is not None else None


async def _sentences(pieces: Pieces) -> Pieces:
    """The pieces, cut after each sentence that is certainly over; white space is kept."""
    pending = ""
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Notice):
                yield piece
                continue
            pending += piece
            while len(found := split_sentences(pending)) > 1:
                end = pending.index(found[1], pending.index(found[0]) + len(found[0]))
                yield pending[:end]
                pending = pending[end:]
    if pending.strip():
        yield pending


def _quote(turn: Turn) -> str:
    return "\n\n".join(citation.quote for citation in turn.passages)


def _missing(said: str, quote: str) -> str:
    """What of the quote a reply lacks that was cut off."""
    if quote in said:
        return ""
    begun = next((n for n in range(len(quote), 0, -1) if said.endswith(quote[:n])), 0)
    return quote[begun:] if begun else f"\n\n{quote}"


def _timing(last: AIMessageChunk) -> Timing:
    usage, told = last.usage_metadata, last.response_metadata
    return Timing(
        prompt_tokens=usage["input_tokens"] if usage else 0,
        reused_tokens=usage.get("input_token_details", {}).get("cache_read", 0) if usage else 0,
        reply_tokens=usage["output_tokens"] if usage else 0,
        tokens_per_second=round(float(told.get("tokens_per_second", 0.0)), 1),
    )


def _roughly(messages: Sequence[BaseMessage]) -> int:
    """For models that cannot count: a token has three characters or more in most languages."""
    return sum(len(str(message.content)) // 3 + 8 for message in messages)
