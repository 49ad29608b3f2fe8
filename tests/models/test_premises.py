"""What customers take for granted, and whether it is so."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from models.training.data import phrases, premises
from tests.models.documents import LANGUAGES, figures, learnt, scenes


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_claim_differs_from_the_page_in_one_figure_or_in_none(language: str) -> None:
    wrong = 0
    for scene in scenes(60, language):
        for told in (told for page in scene.business.pages for told in page.facts):
            if not premises._is_claimable(told.page):
                continue
            patterns = (*told.fact.page, *told.fact.answer)
            wordings = [figures(scene.fill(pattern)) for pattern in patterns]
            if true := premises.claim_of(told, scene, is_true=True):
                assert figures(true) in wordings
            if false := premises.claim_of(told, scene, is_true=False):
                assert figures(false) not in wordings
                assert min((figures(false) - one).total() for one in wordings) == 1
                wrong += 1
    assert wrong > 200


def test_a_false_claim_is_denied_and_a_true_one_confirmed() -> None:
    denials = re.compile(r"^(?:No|Sorry|I am afraid|Not|That (?:is not|must)|It is|There seems)")
    verdicts: Counter[bool] = Counter()
    for scene in scenes(200, "en"):
        document = premises.assumed(scene)
        if document is None or learnt(document)[-1].endswith(phrases.UNKNOWN["en"]):
            continue
        claim = document[-3][0].rpartition("<message>")[2]
        reply = learnt(document)[-1]
        # the business of a scene is of one mind: a figure that no page has was made up
        if set(figures(claim)) - set(figures(reply)):
            assert denials.match(reply), (claim, reply)
        verdicts[bool(denials.match(reply))] += 1
    assert min(verdicts.values()) > 15


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("We charge £80 for a visit.", "You charge £80 for a visit"),
        ("You can book up to 30 days ahead.", "I can book up to 30 days ahead"),
        ("Your record is kept with us for 8 years.", "My record is kept with you for 8 years"),
        ("Our courier gives you a call.", "Your courier gives me a call"),
        ("Bring a passport.", ""),
        ("The desk, as you know, is open.", ""),
    ],
)
def test_a_sentence_of_ours_in_the_customer_s_mouth(ours: str, theirs: str) -> None:
    assert premises.by_customer(ours, "en") == theirs
