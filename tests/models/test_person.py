"""Conversations in which a person is called, and pleasantries: as the product's rules see them."""

from __future__ import annotations

import pytest

from bot.skills import replies
from bot.skills.small_talk import SmallTalk, small_talk
from bot.skills.wishes import says_yes, wishes_for_a_person
from models.training.data import fixed, manners, person
from tests.models.documents import LANGUAGES, learnt, said, scenes


@pytest.mark.parametrize("language", LANGUAGES)
def test_fixed_replies_are_the_product_s(language: str) -> None:
    for ours, theirs in (
        (fixed.UNKNOWN, replies.UNKNOWN),
        (fixed.HANDED_OFF, replies.HANDED_OFF),
        (fixed.ANGER, replies.ANGER),
        (fixed.NOTHING_FOUND, replies.NOTHING_FOUND),
        (fixed.ACKNOWLEDGED, replies.SMALL_TALK["acknowledgement"]),
    ):
        assert ours[language] == theirs[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_customers_say_is_what_the_product_s_rules_see(language: str) -> None:
    wishes = said(person.WISHES[language], language)
    assert [text for text in wishes if not wishes_for_a_person(text)] == []
    assert [text for text in said(person.YES[language], language) if not says_yes(text)] == []
    for text in said(manners.ACKNOWLEDGEMENTS[language], language):
        assert small_talk(text) is SmallTalk.ACKNOWLEDGEMENT, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_is_called_once_and_nothing_is_said_after_it(language: str) -> None:
    calls = {table[language] for table in (fixed.HANDED_OFF, fixed.ANGER, fixed.NOTHING_FOUND)}
    found = [learnt(person.called(scene)) for scene in scenes(150, language)]
    assert {spoken[-1] for spoken in found} == calls
    assert not [spoken for spoken in found if set(spoken[:-1]) & calls]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pleasantries_stand_around_an_answer(language: str) -> None:
    found = [manners.polite(scene) for scene in scenes(60, language)]
    assert min(len(learnt(document)) for document in found) < 3
    assert max(len(learnt(document)) for document in found) > 3
    assert any(fixed.ACKNOWLEDGED[language] in learnt(document) for document in found)
