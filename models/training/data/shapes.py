"""The shape of a record, by task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

SPEAKERS = ("customer", "agent")
LABELS = ("negative", "neutral", "positive")
LANGUAGES = ("en", "zh")

_TURNS = '[{"role": "customer" or "agent", "text": …}, …]'
SHAPES = {
    "dialogue": f'{{"turns": {_TURNS}}}',
    "grounded_qa": '{"passages": […], "question": …, "answer": …}; "answerable": false where no '
    f'passage answers, and "history": {_TURNS}',
    "summary": '{"turns": [{"role": …, "text": …}, …], "summary": …}',
    "sentiment": '{"text": …, "label": "negative", "neutral" or "positive"}',
    "intent": '{"text": …, "label": …}',
    "translation": '{"en": …, "zh": …}',
    "faq": '{"question": …, "answer": …}',
    "text": '{"text": …}',
}
"""Every record may have a "lang", "en" where there is none, a "title", and more."""

Record = dict[str, Any]


def faults(task: str, record: object) -> Iterator[str]:
    """What is wrong with it, if anything."""
    if not isinstance(record, dict):
        yield "no JSON object"
        return
    yield from _CHECKS[task](record)
    if task != "translation" and record.get("lang", "en") not in LANGUAGES:
        yield f"`lang` is {record['lang']!r}; it may be {' or '.join(LANGUAGES)}"


def _text(record: Record, *names: str, empty: bool = False) -> Iterator[str]:
    for name in names:
        if name not in record:
            yield f"no `{name}`"
        elif not isinstance(record[name], str):
            yield f"`{name}` is no text"
        elif not empty and not record[name].strip():
            yield f"`{name}` is empty"


def _turns(record: Record, name: str, speakers: tuple[str, ...] = ()) -> Iterator[str]:
    """Of anybody, who may say nothing, where there are no `speakers`."""
    turns = record.get(name)
    if not isinstance(turns, list):
        yield f"`{name}` is no list of turns" if name in record else f"no `{name}`"
        return
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            yield f"`{name}`, turn {number}: no JSON object"
            continue
        found = (*_text(turn, "role"), *_text(turn, "text", empty=not speakers))
        for fault in found:
            yield f"`{name}`, turn {number}: {fault}"
        if speakers and turn.get("role") not in speakers:
            known = " or ".join(speakers)
            yield f"`{name}`, turn {number}: `role` is {turn.get('role')!r}; it may be {known}"


def _dialogue(record: Record) -> Iterator[str]:
    yield from _turns(record, "turns", SPEAKERS)
    if record.get("turns") == []:
        yield "`turns` is empty"


def _grounded(record: Record) -> Iterator[str]:
    passages = record.get("passages")
    if not isinstance(passages, list) or not passages:
        yield "`passages` is no list with a passage in it"
    elif not all(isinstance(passage, str) for passage in passages):
        yield "`passages` has something that is no text"
    answerable = record.get("answerable", True)
    if not isinstance(answerable, bool):
        yield "`answerable` is neither true nor false"
    yield from _text(record, "question")
    yield from _text(record, "answer", empty=answerable is False)
    if "history" in record:
        yield from _turns(record, "history", SPEAKERS)


def _summary(record: Record) -> Iterator[str]:
    yield from _turns(record, "turns")
    yield from _text(record, "summary")


def _sentiment(record: Record) -> Iterator[str]:
    yield from _text(record, "text", "label")
    if record.get("label") not in LABELS:
        yield f"`label` is {record.get('label')!r}; it may be {', '.join(LABELS)}"


_CHECKS: dict[str, Callable[[Record], Iterator[str]]] = {
    "dialogue": _dialogue,
    "grounded_qa": _grounded,
    "summary": _summary,
    "sentiment": _sentiment,
    "intent": lambda record: _text(record, "text", "label"),
    "translation": lambda record: _text(record, "en", "zh"),
    "faq": lambda record: _text(record, "question", "answer"),
    "text": lambda record: _text(record, "text"),
}
