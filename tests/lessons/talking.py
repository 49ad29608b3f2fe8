"""Messages of the log, in short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.conversation import Citation, Message, ReplyStatus, Role

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHOES = Citation("returns.md", "Returns", "", "Shoes can be returned within 60 days of delivery.")
COST = Citation("return-costs.md", "Costs", "", "Returning something is free of charge.")


def talk(*said: tuple[Role, str] | Message) -> list[Message]:
    """In this order, a minute apart."""
    return [
        one if isinstance(one, Message) else message(number, *one)
        for number, one in enumerate(said)
    ]


def message(number: int, role: Role, text: str, **more: object) -> Message:
    at = BEGAN + timedelta(minutes=number)
    return Message(f"m{number}", "c1", role, text, at, language="en", **more)  # type: ignore[arg-type]


def asks(text: str) -> tuple[Role, str]:
    return Role.CUSTOMER, text


def writes(text: str) -> tuple[Role, str]:
    return Role.AGENT, text


def answers(number: int, text: str = SHOES.quote, cited: Citation = SHOES) -> Message:
    status = ReplyStatus.ANSWERED
    return message(number, Role.ASSISTANT, text, status=status, citations=(cited,))
