import random
from collections import Counter

import pytest

from models.training.data import sentiment_data
from models.training.data.sentiment_data import LABELS, Example, made_messages, roughen


@pytest.mark.parametrize("language", ["en", "zh"])
def test_made_messages_are_distinct_even_and_the_same_every_time(language: str) -> None:
    made = made_messages(language, 300, seed=3)
    assert len({example.text for example in made}) == 300
    assert [example.label for example in made].count("neutral") == 100
    assert made == made_messages(language, 300, seed=3)
    assert not any("{" in example.text for example in made)
    assert {example.label for example in made} == set(LABELS)


def test_a_frame_is_never_in_two_parts() -> None:
    parts: dict[str, set[str]] = {}
    for example in made_messages("en", 900, seed=1):
        parts.setdefault(example.group, set()).add(example.part)
    assert all(len(part) == 1 for part in parts.values())
    assert set.union(*parts.values()) == {"train", "calibration", "test"}


def test_the_part_of_a_text_does_not_depend_on_its_label() -> None:
    parts = {Example("where is my parcel", label, "x").part for label in LABELS}
    assert len(parts) == 1


def test_roughening_keeps_the_words() -> None:
    dice = random.Random(1)
    rough = {roughen("It's late, again.", dice) for _ in range(100)}
    assert "it's late, again" in rough
    assert {text.lower().replace(",", "").replace("'", "").rstrip(".") for text in rough} == {
        "its late again"
    }


def test_written_texts_have_a_label_and_stand_once() -> None:
    found = sentiment_data.written()
    assert len({example.source for example in found}) == len(list(sentiment_data.WRITTEN.iterdir()))
    assert {example.label for example in found} == set(sentiment_data.LABELS)
    assert all(example.text.strip() and "\t" not in example.text for example in found)
    assert max(Counter(example.text for example in found).values()) == 1
    assert {example.part for example in found} == {"train", "calibration", "test"}
