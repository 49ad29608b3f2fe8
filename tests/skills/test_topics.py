from __future__ import annotations

import pytest

from bot.skills.topics import Topic, Topics

TOPICS = Topics(
    [
        Topic("legal", ("lawyer*", "data breach", "sue", "律师")),
        Topic("recall", ("lamp X-100",), {"en": "Unplug it.", "zh": "请拔掉插头。"}, person=False),
        Topic("broken", (" ",)),
    ]
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My LAWYERS will write to you", "legal"),
        ("was there a data\n breach?", "legal"),
        ("I will sue", "legal"),
        ("the issue is my suede shoe", None),
        ("我要找律师投诉", "legal"),
        ("Is my lamp x-100 safe?", "recall"),
        ("Is my lamp X-1000 safe?", None),
        ("", None),
        ("x" * 5_000 + " sue", None),
    ],
)
def test_words_make_a_topic(text: str, name: str | None) -> None:
    found = TOPICS.of(text)
    assert (found.name if found else None) == name


def test_told_word_for_word_in_the_nearest_language() -> None:
    recall = TOPICS.named("recall")
    assert recall
    assert recall.told("zh") == "请拔掉插头。"
    assert recall.told("fr") == "Unplug it."
    assert Topic("a", ("a",), {"de": "Nein."}).told("fr") == "Nein."
    assert Topic("a", ("a",)).told("en") is None
    assert TOPICS.named("other") is None


def test_words_are_no_patterns() -> None:
    topics = Topics([Topic("odd", ("(a+)+$", "c++"))])
    assert topics.of("a" * 3_000) is None
    assert topics.of("I write C++ here") is not None
