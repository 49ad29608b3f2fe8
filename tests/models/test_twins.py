"""Translations of customers' messages and of replies."""

from __future__ import annotations

import random
import re
from collections import Counter

from bot.skills import translation
from models.training.data import fixed, twins
from tests.models.documents import figures, learnt


def test_translations_are_asked_for_as_in_use() -> None:
    assert fixed.TRANSLATE == translation.SYSTEM
    for code, name in twins.LANGUAGES.items():
        assert translation.NAMES[code] == name


def test_translations_go_both_ways_and_keep_every_figure_and_address() -> None:
    languages = Counter()
    rng = random.Random(4)
    for _ in range(400):
        one = twins.translated(rng)
        prompt, asked = one.document[0][0], one.document[1][0]
        source = asked.partition("<message>\n")[2].partition("\n</message>")[0]
        (target,) = learnt(one.document)
        assert figures(source) == figures(target)
        assert re.findall(r"[a-z]+@?[a-z.]*\.example/?[a-z]*", source) == re.findall(
            r"[a-z]+@?[a-z.]*\.example/?[a-z]*", target
        )
        han = [len(re.findall("[\u4e00-\u9fff]", text)) > 2 for text in (source, target)]
        assert han == [one.language == "zh", one.language == "en"]
        assert ("into Chinese" in prompt) is (one.language == "en")
        languages[one.language] += 1
    assert min(languages.values()) > 100
