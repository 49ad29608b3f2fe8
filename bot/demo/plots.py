"""What can happen in a conversation of the demo world. Each plot plays one out and says how it
ended, by what was meant, not by what can be read off the log."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from bot.conversation import Message
from bot.demo.content import Content, Subject
from bot.demo.scene import Scene
from bot.digest.outcome import Outcome, Reason
from bot.skills import handoff


@dataclass(frozen=True, slots=True)
class Truth:
    outcome: Outcome
    reason: Reason | None = None
    confirmed: bool = False
    abandoned: bool = False
    subject: str | None = None
    """The name of the issue or gap that it is about."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a plot may draw on."""

    scene: Scene
    dice: random.Random
    content: Content
    issue: Subject
    gap: Subject
    policy: Subject
    is_bad_week: bool

    def chance(self, share: float) -> bool:
        return self.dice.random() < share


Plot: TypeAlias = Callable[[Stage], Truth]


def settled(stage: Stage) -> Truth:
    """Answered, and the customer says so."""
    scene = stage.scene
    _greet(stage)
    _question_answered(stage)
    if stage.chance(0.3):
        scene.asks(stage.issue, again=True)
        scene.answers(stage.issue)
    scene.says("leave_thanks" if stage.chance(0.35) else "thanks")
    scene.is_friendly("thanks")
    if stage.chance(0.15):
        scene.marks(_last_answer(scene), helpful=True)
    if stage.chance(0.12):
        scene.rates(stage.dice.choice((4, 5, 5, 5)))
    return Truth(Outcome.RESOLVED, confirmed=True, subject=stage.issue.name)


def left(stage: Stage) -> Truth:
    """Answered, and the customer says no more."""
    scene = stage.scene
    _greet(stage)
    _question_answered(stage)
    if stage.chance(0.25):
        scene.asks(stage.issue, again=True)
        scene.answers(stage.issue)
    if stage.chance(0.06):
        scene.marks(_last_answer(scene), helpful=False)
        return Truth(Outcome.UNRESOLVED, subject=stage.issue.name)
    if stage.chance(0.06):
        scene.marks(_last_answer(scene), helpful=True)
    if stage.chance(0.04):
        scene.rates(stage.dice.choice((3, 4, 4, 5)))
    return Truth(Outcome.RESOLVED, subject=stage.issue.name)


def not_helped(stage: Stage) -> Truth:
    """Answered beside the point; the customer says so and leaves, or wants a person."""
    scene = stage.scene
    _question_answered(stage)
    scene.says("not_helped")
    if stage.chance(0.4):
        scene.knows_nothing()
        scene.says("yes")
        scene.calls_a_person(handoff.ACCEPTED)
        return _person(stage, Reason.NOTHING_FOUND, stage.issue)
    if stage.chance(0.2):
        scene.marks(_last_answer(scene), helpful=False)
    if stage.chance(0.15):
        scene.rates(stage.dice.choice((1, 2, 2, 3)))
    return Truth(Outcome.UNRESOLVED, abandoned=True, subject=stage.issue.name)


def gap_left(stage: Stage) -> Truth:
    """Nothing found, and the customer leaves."""
    scene = stage.scene
    _greet(stage)
    scene.asks(stage.gap)
    scene.knows_nothing()
    if stage.chance(0.2):
        scene.says("neutral_tail")
        scene.is_friendly("acknowledgement")
    return Truth(Outcome.UNRESOLVED, abandoned=True, subject=stage.gap.name)


def gap_accepted(stage: Stage) -> Truth:
    """Nothing found, and the customer takes the offer of a person."""
    scene = stage.scene
    scene.asks(stage.gap)
    scene.knows_nothing()
    scene.says("yes")
    scene.calls_a_person(handoff.ACCEPTED)
    return _person(stage, Reason.NOTHING_FOUND, stage.gap)


def gap_twice(stage: Stage) -> Truth:
    scene = stage.scene
    scene.asks(stage.gap)
    scene.knows_nothing()
    scene.asks(stage.gap)
    scene.calls_a_person(handoff.NOTHING_FOUND)
    return _person(stage, Reason.NOTHING_FOUND, stage.gap)


def asked(stage: Stage) -> Truth:
    """The customer wants a person, at once or after an answer."""
    scene = stage.scene
    if stage.chance(0.7):
        _question_answered(stage)
    if stage.chance(0.3):
        scene.says("tried")
        scene.knows_nothing()
    scene.says("wish")
    scene.calls_a_person(handoff.ASKED)
    return _person(stage, Reason.ASKED, stage.issue)


def angry(stage: Stage) -> Truth:
    scene = stage.scene
    _question_answered(stage)
    for _ in range(2):
        scene.says("angry")
        scene.answers(stage.issue)
    scene.says("angry")
    scene.calls_a_person(handoff.ANGER)
    return _person(stage, Reason.ANGER, stage.issue)


def policy(stage: Stage) -> Truth:
    scene = stage.scene
    scene.asks(stage.policy)
    scene.calls_a_person(handoff.POLICY + stage.policy.name)
    return _person(stage, Reason.POLICY, stage.policy)


def failed(stage: Stage) -> Truth:
    scene = stage.scene
    scene.asks(stage.issue)
    scene.fails()
    scene.calls_a_person(handoff.FAILED)
    return _person(stage, Reason.ERROR, stage.issue)


def unanswered(stage: Stage) -> Truth:
    """The program was down, and nobody noticed."""
    scene = stage.scene
    if stage.chance(0.5):
        _question_answered(stage)
    scene.asks(stage.issue)
    if stage.chance(0.4):
        scene.says("still")
    return Truth(Outcome.UNRESOLVED, abandoned=True, subject=stage.issue.name)


def only_manners(stage: Stage) -> Truth:
    stage.scene.says("greetings")
    stage.scene.is_friendly("greeting")
    return Truth(Outcome.NOT_ENOUGH_CONTENT)


def taken_over(stage: Stage) -> Truth:
    """An agent saw it and came uncalled."""
    scene = stage.scene
    _question_answered(stage)
    scene.says("annoyed")
    scene.knows_nothing()
    return _person(stage, Reason.TAKEN_OVER, stage.issue)


PLOTS: dict[Plot, float] = {
    settled: 31,
    left: 30,
    not_helped: 4,
    gap_left: 7,
    gap_accepted: 4,
    gap_twice: 2,
    asked: 7,
    angry: 2,
    policy: 2,
    failed: 0.7,
    unanswered: 1.3,
    only_manners: 4,
    taken_over: 2,
}
"""Each with how often it happens."""
BAD_WEEK: dict[Plot, float] = {failed: 8, angry: 5, asked: 2, unanswered: 4, not_helped: 2}
"""So many times as often in the bad week."""


def _greet(stage: Stage) -> None:
    if stage.chance(0.2):
        stage.scene.says("greetings")
        stage.scene.is_friendly("greeting")


def _question_answered(stage: Stage) -> None:
    stage.scene.asks(stage.issue)
    stage.scene.answers(stage.issue)


def _last_answer(scene: Scene) -> Message:
    return next(m for m in reversed(scene.messages) if m.citations)


def _person(stage: Stage, reason: Reason, subject: Subject) -> Truth:
    """Somebody comes, most of the time."""
    scene = stage.scene
    nobody = 0.3 if stage.is_bad_week else 0.1
    if reason is not Reason.TAKEN_OVER and stage.chance(nobody):
        if stage.chance(0.5):
            scene.now += timedelta(minutes=stage.dice.uniform(10, 300))
            scene.says("still")
        return Truth(Outcome.ESCALATED, reason, abandoned=True, subject=subject.name)
    slow = 4.0 if stage.is_bad_week else 1.0
    agent = stage.dice.choice(stage.content.agents)
    scene.comes(agent, stage.dice.lognormvariate(2.3, 0.9) * slow)
    scene.writes("agent_hello")
    if stage.chance(0.4):
        scene.says("identity")
    scene.writes("agent_answer")
    if stage.chance(0.35):
        scene.writes("agent_promise")
    if stage.chance(0.65):
        scene.says("pleased" if stage.chance(0.3) else "thanks")
        scene.writes("agent_bye")
    if stage.chance(0.3):
        unhappy = reason is Reason.ANGER or stage.is_bad_week
        scene.rates(stage.dice.choice((1, 2, 3, 4) if unhappy else (3, 4, 4, 5, 5)))
    return Truth(Outcome.ESCALATED, reason, subject=subject.name)
