from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Static
from textual.worker import Worker

from bot.conversation import (
    Citation,
    Conversation,
    ConversationState,
    Message,
    Reply,
    ReplyStatus,
    Role,
)
from bot.digest.brief import Brief, brief
from bot.errors import KefuError
from bot.text import printable
from tui.aide import AideOnCall
from tui.drafts import Drafts, appended
from tui.inbox_desk import Aide, InboxDesk
from tui.mood import MUTED, course
from tui.text import one_line
from tui.widgets.assistant_message import AssistantMessage
from tui.widgets.case import Case
from tui.widgets.customer_message import CustomerMessage
from tui.widgets.prompt import Prompt
from tui.widgets.transcript import Transcript
from tui.window import Window

_logger = logging.getLogger("kefu")

RECENT = 30
"""Messages of the conversation on the screen that are looked at for changes."""
NO_MOOD = Content("")
_STATES = {
    ConversationState.OPEN: "the bot answers",
    ConversationState.HANDED_OFF: "waits for a person",
    ConversationState.CLOSED: "closed",
}


class Talk(Horizontal):
    """The conversation that an agent has open: what was said, where they write, and the case."""

    class Changed(TextualMessage):
        """Something was said in it."""

    def __init__(
        self,
        desk: InboxDesk,
        language: str,
        clock: Callable[[], datetime],
        keys: Mapping[str, str],
        *,
        id: str,  # noqa: A002
    ) -> None:
        """`language` is the agent's."""
        super().__init__(id=id)
        self._desk, self._language, self._clock, self._keys = desk, language, clock, keys
        self.conversation: Conversation | None = None
        self._seen: list[Message] = []
        self._briefed: list[Message] | None = None
        self._drafts = Drafts()
        self._said: dict[str, list[str]] = {}
        """By conversation, what was sent from here and what it was translated from."""
        self._aide = AideOnCall(desk.open_aide)
        self._asking: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="spoken"):
            yield Static(id="about", markup=False)
            yield Transcript(id="transcript")
            yield Static(id="stage", markup=False)
            yield Prompt(self._keys, id="prompt", placeholder="Answer the customer…")
        yield Case(id="case")

    def on_mount(self) -> None:
        self._say("")

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    def invite(self, text: str) -> None:
        """Shown until a conversation is open."""
        if self.conversation is None:
            self._write_about(text)

    def is_showing(self, conversation_id: str) -> bool:
        return self.conversation is not None and self.conversation.id == conversation_id

    # --- which conversation

    async def show(self, conversation_id: str, at: str | None = None) -> None:
        """Beginning with the message `at`. Raise StoreError."""
        conversation = await self._desk.log.conversation(conversation_id)
        seen = list(await self._desk.log.messages(conversation_id, limit=RECENT))
        window = await self._window(conversation_id, at)
        translations = await self._desk.translations(conversation_id, self._language)
        with self.app.batch_update():
            self._switch_drafts(conversation_id)
            self.conversation, self._seen, self._briefed = conversation, seen, None
            self.transcript.customer = one_line(conversation.customer, 40) or "Customer"
            self._show_about(seen)
            self.transcript.translations.update(translations)
            await self.transcript.show(window, at)
            self.prompt.focus()

    def _switch_drafts(self, conversation_id: str) -> None:
        if self.is_showing(conversation_id):
            return
        if self.conversation is not None:
            self._drafts.of(self.conversation.id).text = self.prompt.text
            self.prompt.write(self._drafts.of(conversation_id).text)
        elif begun := self._drafts.of(conversation_id).text:
            self.prompt.write(begun)
        self.prompt.remember(self._said.get(conversation_id, []))

    async def follow(self) -> None:
        """Show what changed since, whoever changed it. Raise StoreError."""
        if self.conversation is None:
            return
        desk, conversation_id = self._desk, self.conversation.id
        conversation, found, notes, feedback, remembered = await asyncio.gather(
            desk.log.conversation(conversation_id),
            desk.log.messages(conversation_id, limit=RECENT),
            desk.notes(conversation_id),
            desk.feedback(conversation_id),
            desk.remembered(conversation_id),
        )
        messages = list(found)
        is_new = messages != self._briefed
        in_short = await self._brief(conversation_id, messages) if is_new else None
        if not self.is_showing(conversation_id):
            return  # another was opened meanwhile
        self.conversation = conversation
        case = self.query_one(Case)
        with self.app.batch_update():
            self._show_about(messages)
            case.show_notes(notes, self._clock())
            case.show_feedback(feedback)
            case.show_remembered(remembered)
            if in_short is not None:
                self._briefed = messages
                case.show_brief(in_short)
        transcript = self.transcript
        is_at_end = transcript.scroll_y >= transcript.max_scroll_y - 1
        if messages != self._seen and is_at_end:
            self._seen = messages
            await transcript.show(await self._window(conversation_id))

    async def _brief(self, conversation_id: str, recent: Sequence[Message]) -> Brief:
        """Read for it is only what is not here yet."""
        return brief(recent) if len(recent) < RECENT else await self._desk.brief(conversation_id)

    async def _window(self, conversation_id: str, at: str | None = None) -> Window:
        async def source(limit: int, before: str | None) -> Sequence[Message]:
            return await self._desk.log.messages(conversation_id, limit=limit, before=before)

        window = Window(source)
        await (window.open_at(at) if at else window.open())
        return window

    def _show_about(self, messages: Sequence[Message]) -> None:
        talk = self.conversation
        assert talk is not None
        state = f"{one_line(talk.agent, 40)} has it" if talk.agent else _STATES[talk.state]
        scores = [m.sentiment.score for m in messages if m.sentiment]
        customer = one_line(talk.customer, 40) or "a customer"
        self._write_about(f"{customer} in {one_line(talk.channel, 20)} · {state}", course(scores))

    def _write_about(self, text: str, mood: Content = NO_MOOD) -> None:
        shown = Content.assemble((text, MUTED), (" · ", MUTED) if mood else "", mood)
        about = self.query_one("#about", Static)
        if about.content != shown:
            about.update(shown)

    # --- the case

    @on(Transcript.Selected)
    async def _selected(self, event: Transcript.Selected) -> None:
        event.stop()
        await self.query_one(Case).show_sources(self._rests_on(event.row))

    def _rests_on(self, row: AssistantMessage | None) -> Sequence[Citation] | None:
        """What the selected answer cites; where that is a person's own, or calls one, what the
        bot's last one before it does."""
        answers = self.transcript.answers
        before = answers[: answers.index(row) + 1] if row in answers else []
        for answer in reversed(before):
            message = answer.message
            if message and (message.citations or _is_bots(message)):
                return message.citations
        return None

    # --- writing

    def _notify(self, text: str) -> None:
        self.notify(one_line(text, 500), severity="warning", markup=False)

    def _fail(self, error: KefuError) -> None:
        self.notify(one_line(str(error), 500), severity="error", markup=False, timeout=8)

    @on(Prompt.Refused)
    def _refused(self, event: Prompt.Refused) -> None:
        event.stop()
        self._notify(event.reason)

    @on(Prompt.Sent)
    async def _sent(self, event: Prompt.Sent) -> None:
        event.stop()
        self.prompt.is_waiting = False
        talk = self.conversation
        if talk is None or talk.agent != self._desk.agent:
            self.prompt.write(event.text)
            self._notify("Open a conversation first." if talk is None else _not_yours(talk))
            return
        draft = self._drafts.of(talk.id)
        citations = await self._aide.cited(draft, event.text)
        language = self._last_language() or "en"
        reply = Reply(event.text, ReplyStatus.ANSWERED, language, citations=citations)
        try:
            sent = await self._desk.answer(talk.id, reply)
            if draft.is_translated(event.text):
                await self._desk.keep_translation(sent, self._language, draft.original)
                self.transcript.translations[sent.id] = draft.original
        except KefuError as error:  # what was written is not lost
            self._put_back(talk.id, event.text)
            self._fail(error)
        else:
            said = self._said.setdefault(talk.id, [])
            said += (
                [draft.original, event.text] if draft.is_translated(event.text) else [event.text]
            )
            self._drafts.forget(talk.id)
            if self.is_showing(talk.id):
                self.prompt.remember(said)
        self.post_message(self.Changed())

    def _put_back(self, conversation_id: str, text: str) -> None:
        """In front of what was written meanwhile."""
        if self.is_showing(conversation_id):
            self.prompt.write(f"{text}\n{self.prompt.text}".rstrip("\n"))
        else:
            draft = self._drafts.of(conversation_id)
            draft.text = f"{text}\n{draft.text}".rstrip("\n")

    def insert(self, conversation_id: str, text: str) -> None:
        """Below what was written; ctrl+z takes it back."""
        text = printable(text)
        if self.is_showing(conversation_id):
            self.prompt.rewrite(appended(self.prompt.text, text))
            self.prompt.focus()
        else:
            draft = self._drafts.of(conversation_id)
            draft.text = appended(draft.text, text)

    @property
    def customers_language(self) -> str | None:
        said = (m for m in reversed(self._seen) if m.role is Role.CUSTOMER)
        return next((m.language for m in said if m.language), None)

    def _last_language(self) -> str | None:
        return next((m.language for m in reversed(self._seen) if m.language), None)

    # --- the bot at the agent's side

    @property
    def is_asking(self) -> bool:
        return self._asking is not None and self._asking.is_running

    def stop(self) -> bool:
        """False where the bot is not at work."""
        if self._asking is None or not self._asking.is_running:
            return False
        self._asking.cancel()
        return True

    async def close(self) -> None:
        self.stop()
        await self._aide.close()

    def suggest(self) -> None:
        if self.conversation is None:
            return
        conversation_id = self.conversation.id

        async def ask(aide: Aide) -> None:
            reply = await aide.suggest(conversation_id)
            if reply is None:
                self._notify("The help pages have no answer to that.")
                return
            self._drafts.of(conversation_id).suggestion = reply
            self.insert(conversation_id, reply.text)

        self._ask("an answer is being written", ask)

    def translate(self) -> None:
        """What the customer wrote before the selected answer, or last."""
        row = self._customers_row()
        if row is None or row.message is None:
            self._notify("There is nothing of the customer's to translate.")
            return
        message, transcript = row.message, self.transcript
        if message.language == self._language:
            self._notify(f"It is in your language ({self._language}) already.")
            return

        async def ask(aide: Aide) -> None:
            text = await aide.translate(message.text, self._language)
            await self._desk.keep_translation(message, self._language, text)
            transcript.translate(message.id, text)

        self._ask("the message is being translated", ask)

    def _customers_row(self) -> CustomerMessage | None:
        rows, selected = self.transcript.rows, self.transcript.selected
        if selected in rows and selected is not self.transcript.answers[-1]:
            rows = rows[: rows.index(selected)]
        return next((row for row in reversed(rows) if isinstance(row, CustomerMessage)), None)

    def translate_draft(self) -> None:
        """Into the customer's language; once more gives what was written before."""
        text, language = self.prompt.text.strip(), self.customers_language
        if self.conversation is None or not text:
            self._notify("Write an answer first.")
            return
        conversation_id = self.conversation.id
        draft = self._drafts.of(conversation_id)
        if draft.is_translated(text):
            self.prompt.rewrite(draft.original)
            return
        if language is None or language == self._language:
            writes = f"writes your language ({language})" if language else "has written nothing yet"
            self._notify(f"The customer {writes}.")
            return

        async def ask(aide: Aide) -> None:
            translation = await aide.translate(text, language)
            draft.original, draft.translation = text, translation
            if not self.is_showing(conversation_id):
                draft.text = translation if draft.text.strip() == text else draft.text
            elif self.prompt.text.strip() == text:
                self.prompt.rewrite(translation)
            else:
                self._notify("You wrote on meanwhile: it was left as it is.")

        self._ask("your answer is being translated", ask)

    def _ask(self, stage: str, ask: Callable[[Aide], Awaitable[None]]) -> None:
        if self.is_asking:
            self._notify("The bot is at work; esc stops it.")
        else:
            self._asking = self._work(stage, ask)

    @work(group="aide", exit_on_error=False)
    async def _work(self, stage: str, ask: Callable[[Aide], Awaitable[None]]) -> None:
        try:
            self._say(stage if self._aide.is_here else "loading the bot")
            aide = await self._aide.aide()
            self._say(stage)
            await ask(aide)
        except KefuError as error:
            self._fail(error)
        except Exception as error:  # a worker is a boundary: the agent is told, the text stays
            _logger.error("the bot at the agent's side failed", exc_info=error)
            self._notify(f"The bot failed: {error!r}")
        finally:
            if self.is_attached:
                self._say("")

    def _say(self, stage: str) -> None:
        """What the bot is doing; empty where it does nothing."""
        shown = self.query_one("#stage", Static)
        shown.display = bool(stage)
        shown.update(Content(f"… {stage} · esc stops it"))
        self.screen.refresh_bindings()


def _is_bots(message: Message) -> bool:
    return message.role is Role.ASSISTANT and message.status is ReplyStatus.ANSWERED


def _not_yours(talk: Conversation) -> str:
    held = f"{talk.agent} has it: ask them to hand it back." if talk.agent else ""
    return held or "Take it over first (F5)."
