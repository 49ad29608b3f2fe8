from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from bot.evaluation import sets
from models.training.data.corpus import is_held_out


def write(folder: Path, name: str, records: Sequence[dict[str, Any]]) -> None:
    file = folder / f"{name}.jsonl.xz"
    file.parent.mkdir(exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    sets.check(None)
    with pytest.raises(UsageError, match="holds no sets"):
        sets.check(tmp_path)
    with pytest.raises(UsageError, match="holds no sets"):
        sets.check(tmp_path / "missing")


def test_a_question_over_several_answers_may_have_any(tmp_path: Path) -> None:
    asked = [
        {"question": f"How {n}?", "answer": f"{n} " + "word " * 20, "title": "T", "lang": "en"}
        for n in range(30)
    ]
    asked += [{**asked[0], "answer": "another " * 12}, {**asked[1], "question": "And so?"}]
    write(tmp_path, "faq/vagov_faq", asked)
    write(tmp_path, "faq/other_faq", asked)
    (corpus,) = sets.corpora(tmp_path, 100)
    assert (corpus.name, corpus.language, len(corpus.documents)) == ("vagov", "en", 31)
    right = dict(corpus.questions)
    assert len(right["How 0?"]) == 2
    assert right["And so?"] == right["How 1?"]


def test_short_answers_and_small_sets_are_no_search(tmp_path: Path) -> None:
    few = [{"question": f"{n}?", "answer": "word " * 20} for n in range(24)]
    write(
        tmp_path,
        "faq/vagov_faq",
        [*few, *({"question": f"s{n}?", "answer": "no"} for n in range(9))],
    )
    assert sets.corpora(tmp_path, 100) == []


def test_without_data_only_made_messages_are_felt() -> None:
    found = sets.felt(None, 50)
    assert [one.name for one in found] == ["made messages, English", "made messages, Chinese"]
    assert all(len(one.texts) == len(one.labels) == 50 for one in found)


def test_messages_of_ones_own(tmp_path: Path) -> None:
    lines = [
        {"text": "I am happy", "label": "positive", "language": "en"},
        {"text": "不好", "label": "negative", "language": "zh"},
        {"text": "no", "label": "negative", "language": "en"},
    ]
    english, chinese = sets.felt_in("mine.jsonl", lines)
    assert (english.name, english.texts) == ("mine.jsonl, en", ("I am happy", "no"))
    assert english.is_of_two
    assert chinese.language == "zh"
    with pytest.raises(UsageError, match=r"line 1 of mine\.jsonl: label 'glad' is none of"):
        sets.felt_in("mine.jsonl", [{"text": "x", "label": "glad"}])


def test_translations_are_those_kept_out(tmp_path: Path) -> None:
    pairs = [{"en": f"sentence {n}", "zh": f"句子{n}"} for n in range(600)]
    write(tmp_path, "translation/pairs", pairs)
    there, back = sets.translated(tmp_path, 1000)
    assert set(there.texts) == {one["en"] for one in pairs if is_held_out(one["en"])}
    assert (there.target, back.target) == ("zh", "en")
    assert there.texts == back.wanted
    assert sets.translated(None, 10) == []


def test_summaries_are_by_source(tmp_path: Path) -> None:
    turns = [{"role": "customer", "text": "Hello."}, {"role": "agent", "text": "Hi."}]
    write(tmp_path, "summary/star_task_summary", [{"turns": turns, "summary": "S"}] * 4)
    write(tmp_path, "summary/qmsum_segments", [{"turns": turns, "summary": "S"}])
    (one,) = sets.summed(tmp_path, 3)
    assert (one.name, len(one.conversations)) == ("STAR, English", 3)
    assert [message.role for message in one.conversations[0]] == ["customer", "agent"]
