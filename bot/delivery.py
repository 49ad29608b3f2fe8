"""The nouns of the front desk: what a platform brings, who works on it, and what goes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.conversation import Conversation, Message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation takes place: a thread, a room, a direct message."""

    channel: str
    """The platform, "slack" for example."""
    key: str
    """What its adapter finds the place by. One conversation has one place, and the reverse."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a customer sent along; what it holds is fetched when the message is worked on."""

    name: str
    address: str
    """What its adapter fetches it by."""
    size: int
    """Bytes, as the platform says."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A customer's message at a platform."""

    place: Place
    event: str
    """Names the message: each delivery of it has the same, and no other message of the channel."""
    position: str
    """Sorts, as text, as the platform orders the messages of the place."""
    customer: str
    text: str
    revision: str = ""
    """Of an edited text: sorts as the edits were made."""
    attachments: tuple[Attachment, ...] = ()


class Fate(StrEnum):
    """What became of an incoming message. It ends in exactly one of the last four."""

    WAITING = "waiting"
    LEASED = "leased"
    ANSWERED = "answered"
    HANDED_OFF = "handed_off"
    REFUSED = "refused"
    FAILED = "failed"


OPEN_FATES = (Fate.WAITING, Fate.LEASED)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on an incoming message. `fence` is greater for each that had it: whoever
    lost it can change nothing any more."""

    number: int
    fence: int
    attempt: int
    """1 is the first; so often it was taken up."""
    failures: int
    """So often it failed."""
    conversation: Conversation
    place: Place
    position: str
    customer: str
    text: str
    message_id: str | None
    """In the log, where it stands already: an earlier attempt was cut off."""
    draft: str = ""
    """What the platform calls the reply that an earlier attempt began to show."""
    attachments: tuple[Attachment, ...] = ()


def with_attached(text: str, attached: str) -> str:
    return "\n\n".join(part for part in (text, attached) if part)


class Post(StrEnum):
    """What a message goes out as."""

    REPLY = "reply"
    """To the customer."""
    ALERT = "alert"
    """To the agents: it is the message by which the customer was told that a person comes."""


class Posting(StrEnum):
    """What became of a message to a platform."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    GAVE_UP = "gave_up"
    WITHDRAWN = "withdrawn"
    """An agent took the conversation over before it was sent."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    number: int
    fence: int
    attempt: int
    place: Place
    message: Message
    may_have_landed: bool
    """An earlier attempt was cut off: look before posting again. `message.id` names it."""
    kind: Post = Post.REPLY
    draft: str = ""
    """What the platform calls the draft that this reply takes the place of."""


class Live(Protocol):
    """What a platform can show before the reply is there. All of it is a courtesy: what fails is
    left, and the reply is delivered whole."""

    def begun(self, lease: Lease) -> str:
        """By what a draft is found that was begun, and whose answer was lost."""
        ...

    async def show(self, lease: Lease, draft: str, shown: str, text: str) -> str:
        """More of a reply, of which `shown` is there already; what the platform calls it. Raise
        Postponed or Undeliverable."""
        ...

    async def drop(self, lease: Lease, draft: str) -> None:
        """Nothing more comes: a person took over."""
        ...

    async def status(self, place: Place, ahead: int) -> None:
        """That so many are before this one; 0 where it is worked on."""
        ...


class Postponed(Exception):
    """The platform did not take it, and will later. `seconds`: as it asked for; None where it did
    not say. `landed`: whether it may be there all the same."""

    def __init__(self, reason: str, *, seconds: float | None = None, landed: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.landed = landed


class Undeliverable(Exception):
    """The platform will never take it: the channel is gone, the right is withdrawn."""
