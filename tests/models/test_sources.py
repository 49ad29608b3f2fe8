"""The gathered sets are listed with their licences; records of another shape are named."""

from __future__ import annotations

import json
import lzma
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from models.training.data import encoder_data, sentiment_data, sources
from models.training.data.shapes import SHAPES, faults
from models.training.data.sources import LICENCES, Source, check, lacks, listing, require

GOOD: dict[str, dict[str, Any]] = {
    "dialogue": {"turns": [{"role": "customer", "text": "Hello?"}]},
    "grounded_qa": {"passages": ["Open at nine."], "question": "When?", "answer": "At nine."},
    "summary": {"turns": [{"role": "Chair", "text": ""}], "summary": "Nobody spoke."},
    "sentiment": {"text": "Fine.", "label": "positive"},
    "intent": {"text": "card lost", "label": "lost_card"},
    "translation": {"en": "Good day.", "zh": "你好。", "lang": "en-zh"},
    "faq": {"question": "When?", "answer": "At nine."},
    "text": {"text": "We open at nine.", "lang": "zh"},
}
TURN = {"role": "bot", "text": "Hello?"}


def stored(data: Path, task: str, lines: list[str], name: str = "made") -> None:
    (data / task).mkdir(parents=True, exist_ok=True)
    with lzma.open(data / task / f"{name}.jsonl.xz", "wt", encoding="utf-8", preset=0) as file:
        file.writelines(f"{line}\n" for line in lines)


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["sources", *arguments])
    try:
        sources.main()
    except SystemExit as ended:
        return ended.code
    return 0


def test_every_set_has_an_origin_a_task_and_licences_that_permit_its_use() -> None:
    found = sources.sources()
    assert len({source.name for source in found}) == len(found) > 100
    for source in found:
        assert source.licence, source.name
        assert set(source.licence) <= LICENCES, source.name
        assert source.repositories, source.name
        assert all(
            re.fullmatch(r"[\w.-]+/[\w.-]+(@[0-9a-f]{7,40})?", r) for r in source.repositories
        )
        assert source.task in SHAPES
        assert set(source.languages) <= {"en", "zh"}
        assert source.records > 0


def test_restrictive_licences_are_no_part_of_the_list() -> None:
    assert not [one for one in LICENCES if re.search(r"NC|ND|SA|GPL|proprietary", one)]


def test_sets_that_are_read_by_name_are_listed() -> None:
    known = {source.name for source in sources.sources()}
    assert set(sentiment_data.SETS) <= known
    for start in encoder_data.UNSEEN:
        assert any(name.partition("/")[2].startswith(start) for name in known)


def test_a_link_leads_to_the_commit_where_it_is_known() -> None:
    assert sources.link("one/two") == "https://github.com/one/two"
    assert sources.link("one/two@abc1234") == "https://github.com/one/two/tree/abc1234"


def test_what_a_folder_lacks_is_told_with_origin_licence_and_shape(tmp_path: Path) -> None:
    have, lack = sources.sources()[:2]
    stored(tmp_path, have.task, [], have.name.partition("/")[2])
    stored(tmp_path, "faq", [], "found_somewhere")
    assert lacks(tmp_path) == list(sources.sources()[1:])
    told = "\n".join(listing(tmp_path))
    assert told.startswith(f"{len(sources.sources()) - 1} of {len(sources.sources())} sets")
    assert str(have.path(tmp_path)) not in told
    assert str(lack.path(tmp_path)) in told
    assert lack.stated in told
    assert all(address in told for address in lack.links)
    assert SHAPES[lack.task] in told
    assert "faq/found_somewhere is not in the list" in told


@pytest.mark.parametrize("task", SHAPES)
def test_a_record_of_the_right_shape_has_no_fault(task: str) -> None:
    assert list(faults(task, GOOD[task])) == []


@pytest.mark.parametrize(
    ("task", "changed", "fault"),
    [
        ("dialogue", {"turns": []}, "`turns` is empty"),
        ("dialogue", {"turns": "Hello?"}, "`turns` is no list of turns"),
        ("dialogue", {"turns": ["Hello?"]}, "`turns`, turn 1: no JSON object"),
        ("dialogue", {"turns": [TURN]}, "turn 1: `role` is 'bot'; it may be customer or agent"),
        ("grounded_qa", {"passages": []}, "`passages` is no list with a passage in it"),
        ("grounded_qa", {"passages": [1]}, "`passages` has something that is no text"),
        ("grounded_qa", {"answer": ""}, "`answer` is empty"),
        ("grounded_qa", {"answerable": "no"}, "`answerable` is neither true nor false"),
        ("grounded_qa", {"history": [TURN]}, "`history`, turn 1: `role` is 'bot'"),
        ("summary", {"summary": None}, "`summary` is no text"),
        ("sentiment", {"label": "angry"}, "`label` is 'angry'; it may be negative"),
        ("intent", {"label": " "}, "`label` is empty"),
        ("translation", {"zh": 7}, "`zh` is no text"),
        ("faq", {"question": ""}, "`question` is empty"),
        ("text", {"lang": "de"}, "`lang` is 'de'; it may be en or zh"),
    ],
)
def test_a_fault_is_told(task: str, changed: dict[str, Any], fault: str) -> None:
    assert fault in " ".join(faults(task, GOOD[task] | changed))


@pytest.mark.parametrize("task", SHAPES)
def test_what_is_missing_is_told(task: str) -> None:
    for name in GOOD[task]:
        if name != "lang":
            left = {key: value for key, value in GOOD[task].items() if key != name}
            assert any(f"`{name}`" in fault for fault in faults(task, left))
    assert list(faults(task, ["a list"])) == ["no JSON object"]


def test_an_unanswered_question_needs_no_answer() -> None:
    record = GOOD["grounded_qa"] | {"answer": "", "answerable": False}
    assert list(faults("grounded_qa", record)) == []


def test_a_good_folder_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task, record in GOOD.items():
        stored(tmp_path, task, [json.dumps(record)])
    assert check(tmp_path) == 0
    assert capsys.readouterr().out == "8 sets, every record in its shape\n"


def test_bad_records_are_named_by_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(GOOD["faq"])
    stored(tmp_path, "faq", [good, '{"question": "When?"}', "{"])
    stored(tmp_path, "text", ['{"text": ""}'] * 30)
    (tmp_path / "faq" / "torn.jsonl.xz").write_bytes(b"no xz")
    assert run(["--check", str(tmp_path)], monkeypatch) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "faq/made.jsonl.xz:2: no `answer`"
    assert printed[1].startswith("faq/made.jsonl.xz:3: no JSON (")
    assert printed[2].startswith("faq/torn.jsonl.xz: not a whole xz file")
    assert printed[3] == "text/made.jsonl.xz:1: `text` is empty"
    assert printed[-1] == "… and more; the first 20 are named"
    assert len(printed) == 21


def test_a_folder_that_is_none_or_lacks_a_task_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in ([str(nowhere)], ["--check", str(nowhere)]):
        said = str(run(arguments, monkeypatch))
        assert said.startswith(f"data folder {nowhere}: there is no such folder; ")
        assert "\n" not in said
    assert "no TASK/SET.jsonl.xz in it" in str(run(["--check", str(tmp_path)], monkeypatch))
    (tmp_path / "faq").mkdir()
    with pytest.raises(UsageError, match=r"no folder text, intent in it"):
        require(tmp_path, ("text", "faq", "intent"))
    with pytest.raises(UsageError, match=r"no faq/one in it"):
        require(tmp_path, ("faq",), ("faq/one",))


def test_all_is_listed_where_there_is_no_folder_yet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([], monkeypatch) == 0
    printed = capsys.readouterr().out
    assert all(f"DATA/{source.name}.jsonl.xz" in printed for source in sources.sources())


def test_the_encoder_s_data_are_not_begun_without_the_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in encoder_data.TASKS:
        (tmp_path / task).mkdir()
    out = tmp_path / "run"
    arguments = ["encoder_data", "--data", str(tmp_path), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match=r"no sentiment/vader_rated, .* in it; python -m"):
        encoder_data.main()
    assert not out.exists()


def test_a_collection_s_repositories_are_the_source_s() -> None:
    book = next(source for source in sources.sources() if source.collection)
    assert isinstance(book, Source)
    assert all(repository.startswith("openstax/") for repository in book.repositories)
