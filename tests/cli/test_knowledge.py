import json
from pathlib import Path

import pytest

from tests.cli.conftest import Kefu


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "opening.md"
    page.write_text("# Opening hours\n\nThe workshop opens at nine on weekdays.\n")
    return page


def test_add_list_search_remove(kefu: Kefu, sample_home: Path, page: Path) -> None:
    added = kefu("knowledge", "add", str(page), "--json")
    assert added.status == 0
    assert [one["source"] for one in added.json["added"]] == ["opening.md"]
    listed = kefu("knowledge", "list", "--json").json
    assert [one["source"] for one in listed] == ["opening.md"]  # the sample has made room
    (found, *_) = kefu("knowledge", "search", "when does the workshop open", "--json").json
    assert set(found) == {"source", "title", "heading", "text", "score"}
    assert found["source"] == "opening.md"
    assert kefu("knowledge", "remove", "opening.md").status == 0
    assert kefu("knowledge", "list", "--json").json == []


def test_what_cannot_be_read_is_named_and_the_rest_goes_in(
    kefu: Kefu, sample_home: Path, page: Path, tmp_path: Path
) -> None:
    ran = kefu("knowledge", "add", str(tmp_path / "missing.md"), str(page))
    assert ran.status == 1
    assert "missing.md" in ran.err
    assert "1 documents added" in ran.out


def test_removing_what_is_not_there(kefu: Kefu, sample_home: Path) -> None:
    ran = kefu("knowledge", "remove", "nothing.md")
    assert ran.status == 1
    assert "nothing.md" in ran.err


def test_search_in_a_batch(kefu: Kefu, sample_home: Path) -> None:
    given = [
        {"id": "q", "query": "how long can I return shoes"},
        {"query": "and lamps?", "history": [{"role": "customer", "text": "return period"}]},
    ]
    lines = kefu(
        "knowledge", "search", "--batch", "-", "-k", "3", given="\n".join(map(json.dumps, given))
    ).lines
    assert lines[0]["id"] == "q"
    assert lines[0]["results"][0]["source"] == "returns.md"
    assert len(lines[1]["results"]) == 3


def test_wrong_usage(kefu: Kefu, sample_home: Path) -> None:
    assert kefu("knowledge", "search").status == 2
    assert kefu("knowledge", "search", "x", "-k", "0").status == 2


def test_adding_nothing_keeps_the_sample(kefu: Kefu, tmp_path: Path) -> None:
    assert kefu("knowledge", "add", str(tmp_path / "nowhere.md")).status == 1
    kefu("knowledge", "search", "returns")
    assert len(kefu("knowledge", "list", "--json").json) > 30


def test_two_documents_of_one_name_are_named(kefu: Kefu, sample_home: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.md").write_text(f"# Page\n\nThis is {folder}'s page.\n")
    ran = kefu("knowledge", "add", str(tmp_path / "a"), str(tmp_path / "b"))
    assert ran.status == 1
    assert "a second document of the name 'page.md'; give one of them another" in ran.err
