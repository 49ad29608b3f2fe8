"""Every model that comes along has a card, and its file says what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bot.engine.loading import read_metadata
from models.catalogue import catalogue, find
from models.training.data.phrases import taught

ROOT = Path(__file__).parents[2]


def test_every_model_has_a_card_that_names_its_file_and_licence() -> None:
    for entry in catalogue():
        card = (ROOT / "models" / "cards" / f"{entry.name}.md").read_text(encoding="utf-8")
        assert entry.file in card
        assert entry.licence in card
        assert "## How it was made" in card


def test_the_language_model_holds_the_phrases_it_was_taught() -> None:
    assert json.loads(read_metadata(find("kefu-small"))["kefu.wording"]) == taught()


def test_all_weights_together_are_small() -> None:
    assert sum(entry.bytes for entry in catalogue()) < 80_000_000


def test_every_file_that_the_readme_shows_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    assert linked
    assert [name for name in linked if not (ROOT / name).is_file()] == []
