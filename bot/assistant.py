"""One turn, read from top to bottom: note, decide, look up, compose, answer, check, record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias

from langchain_core.language_models import BaseChatModel

from bot.conversation import (
    SMALL_TALK,
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
    Shortened,
    Tag,
    Token,
    TurnEvent,
)
from bot.errors import KefuError, StoreError
from bot.language import detect_language
from bot.memory import Memory
from bot.policy import Policy
from bot.skills import handoff, prompt, replies
from bot.skills.grounding import Grounding
from bot.skills.prompt import Turn, turn_of, turns_of
from bot.skills.sentiment import SentimentTagger
from bot.skills.small_talk import small_talk
from bot.skills.topics import Topic
from bot.skills.wishes import Wishes, says_yes
from bot.speaking import Notice, Pieces, Speaker, Speech
from bot.store import ConversationLog
from knowledge.followup import fold
from knowledge.index import Knowledge

_logger = logging.getLogger("kefu")

HISTORY = 200
"""Messages that are looked back on at least; the prompt's window holds far fewer."""
STRIDE = 100
"""The first of them moves by so many at once, or the front of the prompt would at every turn."""
CONTEXT_QUESTIONS, CONTEXT_CHARACTERS = 3, 300
"""What a follow-up is searched with: the encoder reads 512 tokens in all."""


Record: TypeAlias = Callable[[Reply, ConversationState | None], Awaitable[Message]]
"""Stores a reply and the state that it leaves the conversation in; None where that stays."""


@dataclass(slots=True)
class _Draft:
    """A reply in the making."""

    record: Record
    language: str
    began: float
    text: str = ""
    status: ReplyStatus = ReplyStatus.ANSWERED
    rule: str | None = None
    model: str | None = None
    first_token_ms: float = 0.0
    speech: Speech = field(default_factory=Speech)
    turns: Sequence[Turn] = ()
    """The history that is shown word for word."""
    older: int = 0
    """Messages before those that are looked back on: neither shown nor remembered, so far."""
    saved: asyncio.Future[Message] | None = None
    """Set as soon as it goes to the log, which it does once, whoever cancels."""

    def say(self, piece: str) -> Token:
        if not self.text:
            self.first_token_ms = _milliseconds(self.began)
        self.text += piece
        return Token(piece)


class Assistant:
    def __init__(
        self,
        model: BaseChatModel,
        *,
        log: ConversationLog,
        knowledge: Knowledge,
        tagger: SentimentTagger,
        grounding: Grounding,
        business: str,
        wishes: Wishes | None = None,
        passages: int = 4,
        max_tokens: int = 400,
        policy: Policy | None = None,
        memory: Memory | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._knowledge = knowledge
        self._tagger = tagger
        self._grounding = grounding
        self._wishes = wishes or Wishes()
        self._passages = passages
        self._policy = policy or Policy()
        self._memory = memory
        self._clock = clock
        self._speaker = Speaker(model, grounding, business=business, max_tokens=max_tokens)

    async def reply(self, conversation: Conversation, text: str) -> AsyncGenerator[TurnEvent, None]:
        """Closing the iterator, or cancelling its task, stops the answer; what there is is kept."""
        began = time.perf_counter()
        message = await self.tag(await self._log.note(conversation.id, text))
        async with aclosing(self.respond(message, began=began)) as events:
            async for event in events:
                yield event

    async def tag_of(self, text: str) -> Tag:
        language = await asyncio.to_thread(detect_language, text)
        (sentiment,) = await self._tagger.atag([text], [language])
        return Tag(language, sentiment)

    async def tag(self, message: Message) -> Message:
        return await self._log.tag(message.id, await self.tag_of(message.text))

    async def respond(
        self, message: Message, *, record: Record | None = None, began: float | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """To a message that is in the log and tagged. `record` stores the reply in place of the
        log; `began` is when the message was received, by time.perf_counter()."""
        record = record or self._record_of(message.conversation)
        draft = _Draft(record, message.language or "en", began or time.perf_counter())
        answer = self._answer(message, draft)
        try:
            yield Noted(message)
            async for event in answer:
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.shield(asyncio.ensure_future(self._keep(answer, draft)))
            raise
        except Exception as error:  # a turn's border: the customer's words are kept, and one line
            yield Failed(await self._failed(error, draft), error)

    async def suggest(self, message: Message) -> Reply:
        """What the bot would say to a customer's message of the log: recorded nowhere, and no
        person is called. UNKNOWN where nothing was found."""
        language = message.language
        if language is None:
            language = await asyncio.to_thread(detect_language, message.text)
        draft = _Draft(_never, language, time.perf_counter())
        _, history = await self._history(message, draft)
        topic = self._policy.topics.of(message.text)
        asked = replace(message, language=language)
        async with aclosing(self._composed(asked, history, topic, draft)) as events:
            async for _ in events:
                pass
        if draft.rule == handoff.NOTHING_FOUND:
            draft.status = ReplyStatus.UNKNOWN
        return await self._finished(draft, MessageState.COMPLETE)

    async def cited(
        self, text: str, citations: Sequence[Citation], language: str
    ) -> tuple[Citation, ...]:
        """Those that a sentence of the text rests on."""
        found = await self._speaker.cited(text, citations, language)
        return tuple(citation for citation in found if citation.cited)

    def _record_of(self, conversation: str) -> Record:
        async def record(reply: Reply, then: ConversationState | None) -> Message:
            return await self._log.record(conversation, reply, conversation_state=then)

        return record

    async def _keep(self, answer: AsyncGenerator[TurnEvent, None], draft: _Draft) -> None:
        """Of a turn that was stopped: what is said already, once."""
        await answer.aclose()
        if draft.saved is not None:
            await draft.saved
        elif draft.text:
            speech = draft.speech
            speech.citations = await self._speaker.cited(draft.text, speech.shown, draft.language)
            await self._record(draft, MessageState.STOPPED)

    async def _failed(self, error: Exception, draft: _Draft) -> str:
        line = str(error)
        if not isinstance(error, KefuError):
            _logger.error("a turn failed", exc_info=error)
            line = f"an error kefu did not expect: {error!r}"
        draft.rule, draft.status = line, ReplyStatus.UNKNOWN
        if draft.saved is None:
            with suppress(StoreError):  # what failed may be the store
                await self._record(draft, MessageState.FAILED)
        return line

    async def _answer(self, message: Message, draft: _Draft) -> AsyncGenerator[TurnEvent, None]:
        conversation, history = await self._history(message, draft)
        if conversation.state is ConversationState.HANDED_OFF:
            yield HandedOff(handoff.HELD, None)  # the bot is silent while a person speaks
            return
        topic = self._policy.topics.of(message.text)
        decision = handoff.decide(
            history,
            wished=await self._wishes.heard(message.text, draft.language),
            agrees=says_yes,
            topic=topic.name if topic and topic.person else None,
        )
        if decision:
            yield await self._hand_off(decision.rule, draft)
            return
        events = self._composed(message, history, topic, draft)
        async with aclosing(events):
            async for event in events:
                yield event
        if draft.rule == handoff.NOTHING_FOUND:
            yield await self._hand_off(draft.rule, draft)
        else:
            yield Answered(await self._record(draft))
        self._fold_later(message, draft)

    def _composed(
        self, message: Message, history: Sequence[Message], topic: Topic | None, draft: _Draft
    ) -> AsyncGenerator[TurnEvent, None]:
        if topic and (told := topic.told(draft.language)):
            return self._recite(topic, told, draft)
        if kind := small_talk(message.text):
            return self._be_friendly(kind, history, message, draft)
        return self._answer_question(history, message, draft)

    async def _recite(
        self, topic: Topic, told: str, draft: _Draft
    ) -> AsyncGenerator[TurnEvent, None]:
        draft.rule = f"canned: {topic.name}"
        yield draft.say(told)

    async def _be_friendly(
        self, kind: str, history: Sequence[Message], message: Message, draft: _Draft
    ) -> AsyncGenerator[TurnEvent, None]:
        draft.rule = SMALL_TALK
        outline = self._speaker.pleasantry(kind, draft.language)
        if outline is None:
            yield draft.say(replies.fixed(replies.SMALL_TALK[kind], draft.language))
            return
        await self._recall(history, draft)
        current = turn_of(message, ())
        pieces = self._speaker.say(
            message.conversation, draft.turns, current, outline, draft.speech
        )
        async with aclosing(self._said(pieces, draft)) as events:
            async for event in events:
                yield event

    async def _answer_question(
        self, history: Sequence[Message], message: Message, draft: _Draft
    ) -> AsyncGenerator[TurnEvent, None]:
        passages, current = await self._look_up(message, history)
        yield LookedUp(passages)
        if current.passages:
            await self._recall(history, draft)
            pieces = self._speaker.answer(
                message.conversation,
                draft.turns,
                current,
                passages,
                draft.language,
                draft.speech,
            )
            async with aclosing(self._said(pieces, draft)) as events:
                async for event in events:
                    yield event
        elif len(message.text) > prompt.QUESTION_CHARACTERS:  # nor was it searched with the rest
            yield Shortened(characters=prompt.QUESTION_CHARACTERS)
        if draft.text.strip():
            return
        if handoff.finds_nothing_again(history, self._policy.after_unknown):
            draft.rule = handoff.NOTHING_FOUND
        else:
            draft.status, draft.speech.citations = ReplyStatus.UNKNOWN, ()
            draft.rule = "nothing that the passages support" if draft.model else "nothing found"
            yield draft.say(replies.fixed(replies.UNKNOWN, draft.language))

    async def _said(self, pieces: Pieces, draft: _Draft) -> AsyncGenerator[Token | Notice, None]:
        draft.model = self._speaker.name
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece if isinstance(piece, Notice) else draft.say(piece)
        draft.rule = draft.rule or draft.speech.rule

    async def _history(self, message: Message, draft: _Draft) -> tuple[Conversation, list[Message]]:
        """Up to the customer's message and no further: others may write at the same time."""
        conversation, messages, draft.older = await self._log.look_back(
            message.conversation, at_least=HISTORY, stride=STRIDE
        )
        return conversation, [one for one in messages if one.id <= message.id]

    async def _recall(self, history: Sequence[Message], draft: _Draft) -> None:
        """What was said before, word for word where it is not folded into the memory."""
        turns = turns_of(history[:-1])
        if self._memory and (remembered := await self._memory.recall(history[-1].conversation)):
            draft.speech.memory = remembered.text()
            if any(one.id == remembered.begins for one in history):
                draft.older = 0
            first = [turn.message for turn in turns]
            if remembered.begins in first:
                turns = turns[first.index(remembered.begins) :]
        draft.turns = turns

    def _fold_later(self, message: Message, draft: _Draft) -> None:
        """What the window had no room for, or is too far back to be looked at."""
        dropped = draft.speech.dropped
        if self._memory and (dropped or (draft.older and draft.turns)):
            begins = [*(turn.message for turn in draft.turns), message.id][dropped]
            self._memory.fold_later(message.conversation, begins)

    async def _hand_off(self, rule: str, draft: _Draft) -> HandedOff:
        draft.status, draft.rule = ReplyStatus.HANDED_OFF, rule
        draft.say(self.farewell(rule, draft.language))
        state = ConversationState.HANDED_OFF
        return HandedOff(rule, await self._record(draft, then=state))

    def farewell(self, rule: str, language: str) -> str:
        """What the customer hears when a person is called."""
        return self._policy.farewell(rule, language, self._clock())

    async def _look_up(
        self, message: Message, history: Sequence[Message]
    ) -> tuple[tuple[Passage, ...], Turn]:
        """The passages found, and the turn with what the model is shown of them."""
        language = message.language or "en"
        asked = [m.text[:CONTEXT_CHARACTERS] for m in history[:-1] if m.role is Role.CUSTOMER][
            -CONTEXT_QUESTIONS:
        ]
        asked_now = message.text[: prompt.QUESTION_CHARACTERS]
        question = fold(asked_now, asked)
        passages = tuple(
            await self._knowledge.search(question, k=self._passages, language=language)
        )
        picked = await self._grounding.pick(question, language, passages, asked=asked_now)
        if not picked.citations or not self._speaker.reads:
            return passages, turn_of(message, picked.citations)
        whole = tuple(Citation(p.source, p.title, p.heading, p.text) for p in passages)
        return passages, turn_of(message, whole)

    async def _record(
        self,
        draft: _Draft,
        state: MessageState = MessageState.COMPLETE,
        then: ConversationState | None = None,
    ) -> Message:
        draft.saved = asyncio.ensure_future(draft.record(await self._finished(draft, state), then))
        return await asyncio.shield(draft.saved)

    async def _finished(self, draft: _Draft, state: MessageState) -> Reply:
        timing = replace(
            draft.speech.timing,
            first_token_ms=draft.first_token_ms,
            total_ms=_milliseconds(draft.began),
        )
        version = await self._knowledge.version()
        return Reply(
            text=draft.text,
            status=draft.status,
            language=draft.language,
            rule=draft.rule,
            state=state,
            citations=draft.speech.citations,
            model=draft.model,
            prompt_version=prompt.VERSION,
            knowledge_version=version,
            timing=timing,
        )


async def _never(_: Reply, __: ConversationState | None) -> Message:
    raise AssertionError("a suggestion is recorded nowhere")


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
