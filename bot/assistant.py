"""One turn, read from top to bottom: note, decide, look up, compose, answer, check, record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from bot.conversation import (
    Answered,
    Citation,
    Conversation,
    ConversationState,
    Failed,
    HandedOff,
    LookedUp,
    Message,
    MessageState,
    Noted,
    Passage,
    Reply,
    ReplyStatus,
    Role,
    Timing,
    Token,
    TurnEvent,
    Waiting,
)
from bot.errors import KefuError, StoreError
from bot.language import detect_language
from bot.sentences import split_sentences
from bot.skills import handoff, prompt, replies
from bot.skills.grounding import Grounding
from bot.skills.prompt import PromptWriter, Turn
from bot.skills.sentiment import SentimentTagger
from bot.skills.small_talk import small_talk
from bot.skills.wishes import says_yes, wishes_for_a_person
from bot.skills.wording import Wording
from bot.store import ConversationLog
from knowledge.followup import fold
from knowledge.index import Knowledge

_logger = logging.getLogger("kefu")

HISTORY = 400
"""Messages that are looked back on; the prompt's window holds far fewer."""
CONTEXT_QUESTIONS, CONTEXT_CHARACTERS = 3, 300
"""What a follow-up is searched with: the encoder reads 512 tokens in all."""


@dataclass(slots=True)
class _Draft:
    """A reply in the making."""

    language: str
    began: float
    text: str = ""
    status: ReplyStatus = ReplyStatus.ANSWERED
    rule: str | None = None
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    timing: Timing = field(default_factory=Timing)
    saved: asyncio.Future[Message] | None = None
    """Set as soon as it goes to the log, which it does once, whoever cancels."""

    def say(self, piece: str) -> Token:
        if not self.text:
            self.timing = replace(self.timing, first_token_ms=_milliseconds(self.began))
        self.text += piece
        return Token(piece)


class Assistant:
    """`model` may be any chat model. One with `reads` False only words the reply: the encoder picks
    the sentences, and a grammar holds the model to them. Any other answers freely and is checked.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        log: ConversationLog,
        knowledge: Knowledge,
        tagger: SentimentTagger,
        grounding: Grounding,
        business: str,
        passages: int = 4,
        max_tokens: int = 400,
    ) -> None:
        self._model = model
        self._log = log
        self._knowledge = knowledge
        self._tagger = tagger
        self._grounding = grounding
        self._passages = passages
        self._max_tokens = max_tokens
        self._reads: bool = getattr(model, "reads", True)
        self._wording = None if self._reads else Wording(getattr(model, "wording"))  # noqa: B009
        self._writer = PromptWriter(
            business,
            context=getattr(model, "context", 4096),
            reserve=max_tokens,
            count=getattr(model, "count_tokens", _roughly),
        )

    async def reply(self, conversation: Conversation, text: str) -> AsyncIterator[TurnEvent]:
        """Closing the iterator, or cancelling its task, stops the answer; what there is is kept."""
        began = time.perf_counter()
        message = await self._note(conversation, text)
        draft = _Draft(message.language or "en", began)
        answer = self._answer(conversation.id, message, draft)
        try:
            yield Noted(message)
            async for event in answer:
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.shield(asyncio.ensure_future(self._keep(conversation.id, answer, draft)))
            raise
        except Exception as error:  # a turn's border: the customer's words are kept, and one line
            yield Failed(await self._failed(conversation.id, error, draft))

    async def _keep(
        self, conversation: str, answer: AsyncGenerator[TurnEvent, None], draft: _Draft
    ) -> None:
        """Of a turn that was stopped: what is said already, once."""
        await answer.aclose()
        if draft.saved is not None:
            await draft.saved
        elif draft.text:
            await self._record(conversation, draft, MessageState.STOPPED)

    async def _failed(self, conversation: str, error: Exception, draft: _Draft) -> str:
        line = str(error)
        if not isinstance(error, KefuError):
            _logger.error("a turn failed", exc_info=error)
            line = f"an error kefu did not expect: {error!r}"
        draft.rule, draft.status = line, ReplyStatus.UNKNOWN
        if draft.saved is None:
            with suppress(StoreError):  # what failed may be the store
                await self._record(conversation, draft, MessageState.FAILED)
        return line

    async def _answer(
        self, conversation: str, message: Message, draft: _Draft
    ) -> AsyncGenerator[TurnEvent, None]:
        held = (await self._log.conversation(conversation)).state is ConversationState.HANDED_OFF
        if held:  # the bot is silent while a person speaks
            yield HandedOff(handoff.HELD, None)
            return
        history = await self._log.messages(conversation, limit=HISTORY)
        decision = handoff.decide(history, wishes=wishes_for_a_person, agrees=says_yes)
        if decision:
            yield await self._hand_off(conversation, decision.rule, draft)
            return
        if small_talk(message.text):
            draft.rule = "small talk"
            current, passages = _turn(message, ()), tuple[Passage, ...]()
        else:
            passages, current = await self._look_up(message, history)
            yield LookedUp(passages)
            if not current.passages:
                draft.status, draft.rule = ReplyStatus.UNKNOWN, "nothing found"
        if draft.status is ReplyStatus.ANSWERED:
            async for token in self._speak(conversation, history[:-1], current, passages, draft):
                yield token
        if draft.status is ReplyStatus.UNKNOWN:
            yield draft.say(replies.fixed(replies.UNKNOWN, draft.language))
        yield Answered(await self._record(conversation, draft))

    async def _note(self, conversation: Conversation, text: str) -> Message:
        message = await self._log.note(conversation.id, text)
        language = await asyncio.to_thread(detect_language, message.text)
        (sentiment,) = await self._tagger.atag([message.text], [language])
        return await self._log.tag(message.id, language=language, sentiment=sentiment)

    async def _hand_off(self, conversation: str, rule: str, draft: _Draft) -> HandedOff:
        draft.status, draft.rule = ReplyStatus.HANDED_OFF, rule
        said = replies.ANGER if rule == handoff.ANGER else replies.HANDED_OFF
        draft.say(replies.fixed(said, draft.language))
        state = ConversationState.HANDED_OFF
        return HandedOff(rule, await self._record(conversation, draft, then=state))

    async def _look_up(
        self, message: Message, history: Sequence[Message]
    ) -> tuple[tuple[Passage, ...], Turn]:
        """The passages found, and the turn with what the model is shown of them."""
        language = message.language or "en"
        asked = [m.text[:CONTEXT_CHARACTERS] for m in history[:-1] if m.role is Role.CUSTOMER][
            -CONTEXT_QUESTIONS:
        ]
        question = fold(message.text[: prompt.QUESTION_CHARACTERS], asked)
        passages = tuple(
            await self._knowledge.search(question, k=self._passages, language=language)
        )
        asked_now = message.text[: prompt.QUESTION_CHARACTERS]
        picked = await self._grounding.pick(question, language, passages, asked=asked_now)
        if not picked.citations or not self._reads:
            return passages, _turn(message, picked.citations)
        whole = tuple(Citation(p.source, p.title, p.heading, p.text) for p in passages)
        return passages, _turn(message, whole)

    async def _speak(
        self,
        conversation: str,
        history: Sequence[Message],
        current: Turn,
        passages: Sequence[Passage],
        draft: _Draft,
    ) -> AsyncIterator[Token | Waiting]:
        """The model's reply, held to the passages before (a grammar) or behind it (a check)."""
        draft.model = getattr(self._model, "model_name", type(self._model).__name__)
        draft.citations = current.passages
        written = self._writer.write(_turns(history), current)
        stream = self._pieces(conversation, written.messages, current, draft)
        if self._reads and passages:
            stream = self._supported(stream, current, passages, draft)
        async for piece in stream:
            yield piece if isinstance(piece, Waiting) else draft.say(piece)
        if self._wording is not None and (missing := _missing(draft.text, _quote(current))):
            yield draft.say(missing)
        if not draft.text.strip():
            draft.status, draft.citations = ReplyStatus.UNKNOWN, ()
            draft.rule = "nothing that the passages support"

    async def _pieces(
        self,
        conversation: str,
        messages: Sequence[BaseMessage],
        current: Turn,
        draft: _Draft,
    ) -> AsyncIterator[str | Waiting]:
        arguments: dict[str, Any] = {}
        if self._wording is not None:
            quote = _quote(current)
            arguments["grammar"] = (
                self._wording.around(quote, draft.language, current.mood)
                if quote
                else self._wording.pleasantry(small_talk(current.question), draft.language)
            )
            # a quote cut off at the limit would no longer stand word for word
            arguments["max_tokens"] = self._max_tokens + len(quote.encode())
        last = AIMessageChunk(content="")
        async for chunk in self._model.astream(
            list(messages), config={"metadata": {"conversation": conversation}}, **arguments
        ):
            if text := chunk.text:
                yield text
            elif place := chunk.response_metadata.get("queue_place"):
                yield Waiting(place)
            if chunk.usage_metadata or chunk.response_metadata:
                last = chunk
        draft.timing = _timing(last, draft)

    async def _supported(
        self,
        stream: AsyncIterator[str | Waiting],
        current: Turn,
        passages: Sequence[Passage],
        draft: _Draft,
    ) -> AsyncIterator[str | Waiting]:
        """Whole sentences, those alone that a passage supports."""
        draft.rule = "every sentence supported"
        async for sentence in _sentences(stream):
            if isinstance(sentence, Waiting) or await self._grounding.supported(
                sentence, passages, draft.language
            ):
                yield sentence
            else:
                draft.rule = "a sentence was held back that no passage supports"
        draft.citations = tuple(
            [
                replace(c, cited=await self._grounding.cites(draft.text, c.quote, draft.language))
                for c in current.passages
            ]
        )

    async def _record(
        self,
        conversation: str,
        draft: _Draft,
        state: MessageState = MessageState.COMPLETE,
        then: ConversationState | None = None,
    ) -> Message:
        draft.timing = replace(draft.timing, total_ms=_milliseconds(draft.began))
        version = await self._knowledge.version()
        reply = Reply(
            text=draft.text,
            status=draft.status,
            language=draft.language,
            rule=draft.rule,
            state=state,
            citations=draft.citations,
            model=draft.model,
            prompt_version=prompt.VERSION,
            knowledge_version=version,
            timing=draft.timing,
        )
        saving = self._log.record(conversation, reply, conversation_state=then)
        draft.saved = asyncio.ensure_future(saving)
        return await asyncio.shield(draft.saved)


async def _sentences(stream: AsyncIterator[str | Waiting]) -> AsyncIterator[str | Waiting]:
    """The stream, cut after each sentence that is certainly over; white space is kept."""
    pending = ""
    async for piece in stream:
        if isinstance(piece, Waiting):
            yield piece
            continue
        pending += piece
        while len(found := split_sentences(pending)) > 1:
            end = pending.index(found[1], pending.index(found[0]) + len(found[0]))
            yield pending[:end]
            pending = pending[end:]
    if pending.strip():
        yield pending


def _turns(history: Sequence[Message]) -> list[Turn]:
    """Questions with their replies, as the model was shown them."""
    turns: list[Turn] = []
    asked: Message | None = None
    for message in history:
        if message.role is Role.CUSTOMER:
            asked = message
        elif asked and message.text and message.state is not MessageState.FAILED:
            turns.append(replace(_turn(asked, message.citations), reply=message.text))
            asked = None
    return turns


def _turn(message: Message, passages: tuple[Citation, ...]) -> Turn:
    mood = message.sentiment.label if message.sentiment else None
    return Turn(message.text, mood, passages)


def _quote(turn: Turn) -> str:
    return "\n\n".join(citation.quote for citation in turn.passages)


def _missing(said: str, quote: str) -> str:
    """What of the quote a reply lacks that was cut off, by a full window for example."""
    if quote in said:
        return ""
    begun = next((n for n in range(len(quote), 0, -1) if said.endswith(quote[:n])), 0)
    return quote[begun:] if begun else f"\n\n{quote}"


def _timing(last: AIMessageChunk, draft: _Draft) -> Timing:
    usage, told = last.usage_metadata, last.response_metadata
    return Timing(
        first_token_ms=draft.timing.first_token_ms,
        prompt_tokens=usage["input_tokens"] if usage else 0,
        reused_tokens=usage.get("input_token_details", {}).get("cache_read", 0) if usage else 0,
        reply_tokens=usage["output_tokens"] if usage else 0,
        tokens_per_second=round(float(told.get("tokens_per_second", 0.0)), 1),
    )


def _roughly(messages: Sequence[BaseMessage]) -> int:
    """For models that cannot count: a token has three characters or more in most languages."""
    return sum(len(str(message.content)) // 3 + 8 for message in messages)


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
