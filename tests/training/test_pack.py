"""What is packed: whole documents, padded, the same however many processes there are."""

from __future__ import annotations

import json
import lzma
import random
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from bot.skills import translation
from models.training import pack
from models.training.data import corpus, reading
from models.training.data.distinct import Seen
from models.training.data.phrases import UNKNOWN
from models.training.dial import CONTEXT
from models.training.pack import LEARNT, NOT_LEARNT, PADDING
from models.training.tokenizer import end_of_text, load_tokenizer

TEXT = (
    "Parcels to the islands travel by ferry and arrive twice a week in good weather. "
    "The harbour office keeps undelivered parcels for fourteen days behind the counter. "
    "Customers collect their parcels with a passport or another document with a picture.\n"
    "Letters of every size are carried by bicycle through the narrow streets of the old town. "
    "Large letters travel by van, because the bicycle baskets are small and break easily."
)


def written(data: Path, task: str, records: list[dict[str, Any]]) -> None:
    (data / task).mkdir(parents=True)
    with lzma.open(data / task / "made.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    written(data, "text", [{"text": f"{TEXT} Note {n}.", "title": "Post"} for n in range(40)])
    grounded = {
        "passages": ["We open at nine.", "Dogs may come along on a lead."],
        "question": "Can I bring my dog?",
        "answer": "Dogs may come along on a lead.",
    }
    unanswered = grounded | {"answerable": False, "answer": ""}
    invented = grounded | {"answer": "Our chef cooks seven courses."}
    written(data, "grounded_qa", [grounded, unanswered, invented])
    return data


def test_people_are_answered_with_the_answers_of_their_questions(tmp_path: Path) -> None:
    numbers = [n for n in range(30) if not corpus.is_held_out(f"What is {n}?")]
    asked = [{"question": f"What is {n}?", "answer": f"It is number {n}."} for n in numbers]
    written(tmp_path, "faq", [*asked, {"question": "And nothing?", "answer": " "}])
    found = list(reading.faq_documents(corpus.records(tmp_path, "faq"), random.Random(2)))
    said = [reply for reply in replies(found) if reply != UNKNOWN["en"]]
    assert sorted(said) == sorted(f"It is number {n}." for n in numbers)
    for document in found:
        for (prompt, _), (reply, learnt) in pairwise(document):
            if learnt and UNKNOWN["en"] not in reply:
                (number,) = re.findall(r"What is (\d+)", prompt.rpartition("<message>")[2])
                assert f"number {number}." in reply


def test_what_is_held_out_is_trained_on_nowhere(data: Path) -> None:
    texts = [{"text": f"{TEXT} Note {n}.", "title": "Post"} for n in range(800)]
    (data / "text" / "made.jsonl.xz").unlink()
    (data / "text").rmdir()
    written(data, "text", texts)
    for task in ("dialogue", "faq", "summary"):
        (data / task).mkdir()
    kept = [d[0][0] for d in corpus.plain_documents(data, random.Random(1))]
    held_out = [d[0][0] for d in corpus.plain_documents(data, random.Random(1), held_out=True)]
    assert len(kept) + len(held_out) == 800
    assert 1 <= len(held_out) < 30
    read = list(reading.read_documents(corpus.records(data, "text"), random.Random(1)))
    asked = "".join(text for document in read for text, _ in document)
    assert sum(text[text.index("Note") :] in asked for text in kept) > 700
    assert not any(text[text.index("Note") :] in asked for text in held_out)


def test_translations_are_asked_for_as_in_use() -> None:
    pair = ("made", {"en": "Good day.", "zh": "你好。"})
    (document,) = reading.translation_documents([pair], random.Random(1))
    into = ("Chinese", "English")
    systems = [corpus.turn("system", translation.SYSTEM.format(language=one)) for one in into]
    assert document[0] in [(system, False) for system in systems]


def replies(documents: list[corpus.Document]) -> list[str]:
    return [text.removesuffix("<|im_end|>") for d in documents for text, learnt in d if learnt]


def test_real_texts_are_asked_for_sentences_that_stand_in_them(data: Path) -> None:
    read = list(reading.read_documents(corpus.records(data, "text"), random.Random(1)))
    assert len(read) > 20
    for reply in replies(read):
        assert reply in TEXT or reply == UNKNOWN["en"]


def test_a_reply_that_no_passage_holds_is_no_lesson(data: Path) -> None:
    asked = corpus.records(data, "grounded_qa")
    found = list(reading.grounded_documents(asked, random.Random(1)))
    assert [reply.endswith(("lead.", UNKNOWN["en"])) for reply in replies(found)] == [True, True]


def test_rows_hold_whole_documents() -> None:
    rng = random.Random(5)
    documents = []
    for number in range(200):
        length = rng.randint(3, 1500) if number else CONTEXT + 2  # the first fits into no row
        ids = np.full(length, number, np.uint16)
        documents.append((ids, np.full(length, number % 2, np.uint8)))
    tokens, learn = pack.rows(iter(documents), small_tokenizer())
    rows = tokens.reshape(-1, CONTEXT + 1)
    assert len(tokens) == len(learn)
    for number, (ids, _) in enumerate(documents):
        here = ((rows == number) & (learn.reshape(rows.shape) != PADDING)).sum(axis=1)
        assert max(here) == (len(ids) if number else 0) == here.sum()
    assert (learn == PADDING).mean() < 0.1
    assert set(np.unique(learn)) <= {NOT_LEARNT, LEARNT, PADDING}


def small_tokenizer() -> Tokenizer:
    return pack.train_tokenizer([TEXT])


def test_the_number_of_processes_changes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("dialogue", "faq", "summary"):
        (data / task).mkdir()
    written(data, "translation", [{"en": "Good day.", "zh": "你好。"}])
    found = []
    for processes in ("1", "2"):
        out = tmp_path / f"run{processes}"
        arguments = ["--data", str(data), "--out", str(out), "--conversations", "1"]
        given = ["pack", *arguments, "--processes", processes]
        monkeypatch.setattr(sys, "argv", given)
        pack.main()
        found.append(
            [np.load(path) for path in sorted(out.glob("*.npy"))] + [load_tokenizer(out).to_str()]
        )
    assert len(found[0]) == 9
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_documents_end_where_the_tokenizer_says() -> None:
    tokenizer = small_tokenizer()
    (ids, learn) = next(pack.encoded([[("Parcels", False), (" to", True)]], tokenizer))
    assert ids[-1] == end_of_text(tokenizer)
    assert learn[0] == NOT_LEARNT
    assert learn[-1] == LEARNT


def test_what_was_made_before_in_whichever_job_is_in_no_row() -> None:
    def documents(*numbers: int) -> pack.Documents:
        found = [(np.full(5, n, np.uint16), np.full(5, LEARNT, np.uint8)) for n in numbers]
        return np.array(numbers, np.uint64), found

    seen = Seen()
    jobs = [documents(11, 12, 11), documents(12, 13)]
    tokens = np.concatenate([t for t, _ in pack.distinct_rows(jobs, small_tokenizer(), seen)])
    assert [int((tokens == n).sum()) for n in (11, 12, 13)] == [5, 5, 5]
    assert (seen.count, seen.dropped) == (5, 2)


def test_signatures_are_those_of_the_documents(data: Path, tmp_path: Path) -> None:
    small_tokenizer().save(str(tmp_path / "tokenizer.json"))
    signatures, found = pack.pack_documents(("grounded", 0), data, tmp_path, 1)
    made = pack.documents_of(("grounded", 0), data, 1)
    assert signatures.tolist() == [pack.signature(document) for document in made]
    assert len(found) == len(made) > 0


def test_a_data_folder_that_lacks_a_task_is_one_clear_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, lacking in ((data, "no folder faq, dialogue, summary, translation in it"),
                            (tmp_path / "nowhere", "there is no such folder")):  # fmt: skip
        monkeypatch.setattr(sys, "argv", ["pack", "--data", str(folder), "--out", str(tmp_path)])
        with pytest.raises(SystemExit, match=lacking) as ended:
            pack.main()
        assert "\n" not in str(ended.value)
