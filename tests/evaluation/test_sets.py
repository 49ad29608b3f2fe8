from __future__ import annotations

import json
import lzma
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from bot.evaluation import sets
from models.training.data import reading
from models.training.data.corpus import SUMMARIES, is_held_out, plain_documents, records
from models.training.data.encoder_data import twin_items


def write(folder: Path, name: str, records: Sequence[dict[str, Any]]) -> None:
    file = folder / f"{name}.jsonl.xz"
    file.parent.mkdir(exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


def test_what_a_suite_needs_is_looked_for_before_it_runs(tmp_path: Path) -> None:
    sets.check(tmp_path, ["answers", "speed"])
    with pytest.raises(UsageError, match="no faq/vagov_faq in it"):
        sets.check(tmp_path, ["search"])
    with pytest.raises(UsageError, match="there is no such folder"):
        sets.check(tmp_path / "missing", ["search"])
    write(tmp_path, "faq/vagov_faq", [{"question": "?", "answer": "!"}])
    sets.check(tmp_path, ["search"])
    (tmp_path / "faq/vagov_faq.jsonl.xz").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="cannot be read"):
        sets.check(tmp_path, ["search"])


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


def test_without_data_only_what_was_written_for_kefu_is_felt() -> None:
    found = sets.felt(None, 50)
    kinds = ("made messages", "reviews and messages written for kefu")
    wanted = [f"{kind}, {language}" for kind in kinds for language in ("English", "Chinese")]
    assert [one.name for one in found] == wanted
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
    told = [{"turns": turns, "summary": f"summary {n}"} for n in range(80)]
    write(tmp_path, "summary/star_task_summary", told)
    write(tmp_path, "summary/qmsum_segments", told)
    (one,) = sets.summed(tmp_path, 3)
    assert (one.name, len(one.conversations)) == ("STAR, English", 3)
    assert all(is_held_out(text, SUMMARIES) for text in one.summaries)
    assert [message.role for message in one.conversations[0]] == ["customer", "agent"]


def test_what_is_measured_is_not_trained_on(tmp_path: Path) -> None:
    pairs = [{"en": f"a sentence {n}", "zh": f"一个句子{n}"} for n in range(600)]
    turns = [{"role": "customer", "text": "Hello."}]
    told = [{"turns": turns, "summary": f"summary {n}."} for n in range(80)]
    write(tmp_path, "translation/pairs", pairs)
    write(tmp_path, "summary/star_task_summary", told)
    rng = random.Random(1)
    learnt = [*reading.translation_documents(records(tmp_path, "translation"), rng)]
    learnt += [*plain_documents(tmp_path, rng)]
    text = "\n".join(span for document in learnt for span, _ in document)
    text += "\n".join(item.question for item in twin_items(tmp_path, rng)) + "\n"
    measured = sets.translated(tmp_path, 1_000)[0].texts
    measured += sets.summed(tmp_path, 1_000)[0].summaries
    assert len(measured) > 8
    assert not [one for one in measured if f"{one}<" in text or f"{one}\n" in text]
    assert sum(f"{one['en']}<" in text or f"{one['en']}\n" in text for one in pairs) > 550
