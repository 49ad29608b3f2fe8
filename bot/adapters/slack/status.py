"""How things stand, in lines for `/kefu` and the app's home; they hold no customer's words."""

from __future__ import annotations

from datetime import datetime

from bot.conversation import ReplyStatus, SentimentLabel
from bot.hours import BusinessHours
from bot.store.figures import Now, Since
from bot.text import counted

_WORDS = {
    ReplyStatus.ANSWERED: "answered",
    ReplyStatus.UNKNOWN: "not found",
    ReplyStatus.HANDED_OFF: "handed to a person",
}


def help_lines() -> list[str]:
    return [
        "`/kefu ask QUESTION` answers you, and nobody else sees it",
        "`/kefu status` says who waits, and whether somebody is there",
        "`/kefu report` says what today was like",
    ]


def status_lines(now: Now, hours: BusinessHours, at: datetime) -> list[str]:
    opens = hours.next_opening(at)
    there = "Somebody is there for you" if hours.is_open(at) else "Nobody is there at the moment"
    when = "" if opens is None else f"; from {opens:%A, %d %B %H:%M} ({opens.tzname()}) on"
    return [
        f"{there}{when}.",
        f"{counted(now.unanswered, 'message')} before the bot, "
        f"{counted(now.waiting, 'conversation')} waiting for a person, {now.held:,} held.",
    ]


def report_lines(since: Since, at: datetime) -> list[str]:
    replies = ", ".join(f"{since.replies.get(one, 0):,} {told}" for one, told in _WORDS.items())
    moods = ", ".join(f"{since.moods.get(one, 0):,} {one}" for one in SentimentLabel)
    return [
        f"Since {at:%d %B %H:%M} ({at.tzname()}): "
        f"{counted(since.messages, 'message')} in {counted(since.conversations, 'conversation')}.",
        f"Replies: {replies}.",
        f"Mood: {moods}.",
        f"Feedback: {since.helpful:,} helpful, {since.unhelpful:,} not.",
    ]
