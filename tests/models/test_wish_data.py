import json
import random
from pathlib import Path

import pytest

from models.training.data import wish_data
from models.training.data.wish_data import LANGUAGES, SPEAKS_OF_PEOPLE, filled, made, of_moods

TESTED = Path(__file__).parents[1] / "data" / "wishes.jsonl"


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_messages_are_distinct_and_the_same_every_time(language: str) -> None:
    found = made(language, 4, seed=3)
    assert len({one.text for one in found}) == len(found) > 100
    assert found == made(language, 4, seed=3)
    assert 0.4 < sum(one.wish for one in found) / len(found) < 0.6
    assert not any(set("{}[]|") & set(one.text) for one in found)
    assert {one.language for one in found} == {language}


def test_a_pattern_makes_the_same_whatever_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def texts(*wishes: str) -> set[str]:
        lists = f'[wish]\npatterns = {json.dumps(wishes)}\n[other]\npatterns = ["[no|yes]"]\n'
        slots = '[slots]\nwho = ["a person", "an agent"]\n[around]\npatterns = ["So."]\n'
        (tmp_path / "en.toml").write_text(slots + lists)
        return {one.text for one in made("en", 5, seed=1)}

    monkeypatch.setattr(wish_data, "PIECES", tmp_path)
    assert texts("I want {who}") < texts("[get|call] {who}", "I want {who}")


def test_a_choice_comes_before_its_slots() -> None:
    slots = {"who": ["a person"], "bot": ["a bot"]}
    found = {filled("[I want {who}|no {bot}]!", slots, random.Random(n)) for n in range(20)}
    assert found == {"I want a person!", "no a bot!"}


def test_chinese_words_are_joined() -> None:
    assert filled("[我要] {who}", {"who": ["真人"]}, random.Random(1)) == "我要真人"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_angry_messages_that_may_be_wishes_are_left_out(language: str) -> None:
    found = list(of_moods(language, 300, seed=1))
    assert len(found) > 200
    assert not any(one.wish or SPEAKS_OF_PEOPLE.search(one.text) for one in found)
    assert SPEAKS_OF_PEOPLE.search("Why is it so hard to get a person?")
    assert SPEAKS_OF_PEOPLE.search("为什么找个人工这么难？")


def test_the_messages_that_are_tested_on() -> None:
    rows = [json.loads(line) for line in TESTED.read_text("utf-8").splitlines()]
    assert len({row["text"] for row in rows}) == len(rows)
    for language, least in (("en", 120), ("zh", 80), ("de", 30), ("es", 30), ("fr", 30)):
        own = [row["wish"] for row in rows if row["language"] == language]
        assert len(own) >= least
        assert 0.45 <= sum(own) / len(own) <= 0.55
