"""Every model that comes along has a card, and its file says what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bot.engine.loading import read_metadata
from models.catalogue import catalogue, find
from models.training.data.phrases import taught
from models.training.data.sources import Source, sources

ROOT = Path(__file__).parents[2]


def test_every_model_has_a_card_that_names_its_file_and_licence() -> None:
    for entry in catalogue():
        card = (ROOT / "models" / "cards" / f"{entry.name}.md").read_text(encoding="utf-8")
        assert entry.file in card
        assert entry.licence in card
        assert "## How it was made" in card


def sets_of(card: str) -> dict[str, str]:
    """The gathered sets that a card's tables name, each with its row."""
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    found = [(name, row) for row in rows for name in re.findall(r"\b[a-z_]+/[a-z0-9_]+\b", row)]
    return {name: row for name, row in found if name in {source.name for source in sources()}}


def tells(row: str, source: Source) -> bool:
    origins = [repository.partition("@")[0] for repository in source.repositories]
    named = "OpenStax" in row if source.collection else all(one in row for one in origins)
    return named and f"| {source.stated} |" in row


def test_a_card_names_every_set_that_its_model_learnt_from_with_origin_and_licence() -> None:
    for entry in catalogue():
        card = (ROOT / "models" / "cards" / f"{entry.name}.md").read_text(encoding="utf-8")
        named = sets_of(card)
        learnt = {source.name: source for source in sources() if entry.name in source.models}
        assert set(named) == set(learnt), entry.name
        assert [name for name, row in named.items() if not tells(row, learnt[name])] == []


def test_only_models_that_come_along_are_said_to_have_learnt_from_a_set() -> None:
    assert {name for source in sources() for name in source.models} == {
        entry.name for entry in catalogue()
    }


def test_the_language_model_s_card_names_every_book() -> None:
    card = (ROOT / "models" / "cards" / "kefu-small.md").read_text(encoding="utf-8")
    books = {book for source in sources() if source.collection for book in source.repositories}
    assert books
    assert [book for book in books if book.replace("@", " ") not in card] == []


def test_the_language_model_holds_the_phrases_it_was_taught() -> None:
    assert json.loads(read_metadata(find("kefu-small"))["kefu.wording"]) == taught()


def test_all_weights_together_are_small() -> None:
    assert sum(entry.bytes for entry in catalogue()) < 80_000_000


def test_every_file_that_the_readme_shows_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    assert linked
    assert [name for name in linked if not (ROOT / name).is_file()] == []
