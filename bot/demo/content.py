"""What is said in the demo world, from world.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from bot.conversation import Citation

Lines: TypeAlias = Mapping[str, Sequence[str]]
"""By language."""


class Trend(StrEnum):
    STEADY = "steady"
    RISING = "rising"
    FALLING = "falling"
    BAD_WEEK = "bad week"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked: the help pages answer it, or nothing does."""

    name: str
    weight: float
    trend: Trend
    questions: Lines
    follow_ups: Lines
    answers: Mapping[str, str]
    """Empty for a gap. A language without one is answered in English."""
    page: str = ""
    title: str = ""
    heading: str = ""

    def citation(self, language: str) -> Citation:
        answer = self.answers.get(language, self.answers["en"])
        source = self.page
        if language in self.answers and language != "en":
            source = source.replace(".md", f".{language}.md")
        return Citation(source, self.title, self.heading, answer)


@dataclass(frozen=True, slots=True)
class Content:
    issues: tuple[Subject, ...]
    gaps: tuple[Subject, ...]
    policies: tuple[Subject, ...]
    talk: Mapping[str, Lines]
    """By language, by kind."""
    products: Lines
    names: Sequence[str]
    agents: Sequence[str]


@cache
def content() -> Content:
    data = tomllib.loads(files("bot.demo").joinpath("world.toml").read_text(encoding="utf-8"))
    return Content(
        issues=tuple(_subject(one) for one in data["issue"]),
        gaps=tuple(_subject(one) for one in data["gap"]),
        policies=tuple(_subject(one) for one in data["policy"]),
        talk=data["talk"],
        products=data["products"],
        names=data["names"],
        agents=data["agents"],
    )


def _subject(data: Mapping[str, Any]) -> Subject:
    return Subject(
        name=data["name"],
        weight=data.get("weight", 1),
        trend=Trend(data.get("trend", "steady")),
        questions=data["questions"],
        follow_ups=data.get("follow_ups", {}),
        answers=data.get("answer", {}),
        page=data.get("page", ""),
        title=data.get("title", ""),
        heading=data.get("heading", ""),
    )
