from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import ModelFileError
from models.offers import offer, offer_of, offers, parsed

TEMPLATE = """
[templates.plain]
tokens = ["<user>"]
system = "own turn"
thinking = "none"
note = "nothing"
"""
ENTRY = """
[[models]]
name = "tiny"
title = "Tiny"
family = "Tiny"
parameters = 1_000
repository = "acme/tiny-GGUF"
licence = "MIT"
context = 512
languages = ["en"]
architecture = "llama"
layers = 2
kv_heads = 2
head_size = 16
template = "plain"
quantisations = [
  { name = "Q8_0", file = "tiny-Q8_0.gguf", bytes = 1_000, approximate = true },
  { name = "Q4_K_M", file = "tiny-Q4_K_M.gguf", bytes = 600 },
]
"""


def test_the_catalogue_covers_small_and_large_machines() -> None:
    found = offers()
    assert 14 <= len(found) <= 24
    assert len({one.name for one in found}) == len(found)
    sizes = [one.parameters for one in found]
    assert min(sizes) < 1e9 < 2e10 < max(sizes)
    families = {one.family for one in found}
    assert families >= {"Qwen3", "Gemma 3", "Llama 3", "Mistral", "SmolLM3", "Phi-4"}


@pytest.mark.parametrize("entry", offers(), ids=lambda one: one.name)
def test_an_entry_is_complete_and_plausible(entry: object) -> None:
    from models.offers import Offer

    assert isinstance(entry, Offer)
    spdx = entry.licence in {"Apache-2.0", "MIT"}
    assert spdx != bool(re.fullmatch(r"https://\S+", entry.terms))
    assert "en" in entry.languages
    assert all(re.fullmatch(r"[a-z]{2}|\*", one) for one in entry.languages)
    assert entry.context >= 32768
    assert [one.bytes for one in entry.quantisations] == sorted(
        one.bytes for one in entry.quantisations
    )
    for one in entry.quantisations:
        bits = 8 * one.bytes / entry.parameters
        assert 4 < bits < 9, f"{one.file} has {bits:.1f} bits a parameter"
        assert one.name in one.file
        assert one.bytes < 50e9  # beyond that the hub sends nothing over plain HTTP


def test_an_entry_is_found_by_name_and_by_file() -> None:
    found = offer("qwen3-4b")
    assert found is not None
    assert offer_of("Qwen3-4B-Q8_0.gguf") is found
    assert offer("gpt-17") is None
    assert offer_of("gpt-17.gguf") is None
    assert found.quantisation("q8_0").file == "Qwen3-4B-Q8_0.gguf"
    with pytest.raises(ModelFileError, match="it has Q4_K_M, Q5_K_M, Q6_K, Q8_0"):
        found.quantisation("Q1")


def test_the_largest_file_that_is_here_counts(tmp_path: Path) -> None:
    (tiny,) = parsed(TEMPLATE + ENTRY)
    assert tiny.installed(None) is None
    assert tiny.installed(tmp_path) is None
    (tmp_path / "tiny-Q4_K_M.gguf").touch()
    assert tiny.installed(tmp_path) == tiny.quantisations[0]
    (tmp_path / "tiny-Q8_0.gguf").touch()
    assert tiny.installed(tmp_path) == tiny.quantisations[1]


def test_what_an_entry_leaves_out() -> None:
    (tiny,) = parsed(TEMPLATE + ENTRY)
    assert [one.name for one in tiny.quantisations] == ["Q4_K_M", "Q8_0"]
    assert tiny.active == tiny.parameters
    assert tiny.terms == ""
    assert tiny.cache_values == 2 * 2 * 2 * 16
    assert tiny.spoken == "en"
    assert tiny.speaks("en")
    assert not tiny.speaks("zh")


def test_many_languages_in_a_few_words() -> None:
    (tiny,) = parsed(TEMPLATE + ENTRY.replace('["en"]', '["en", "zh", "*"]'))
    assert tiny.spoken == "en, zh and many more languages"
    assert tiny.speaks("sw")
    codes = ", ".join(f'"a{letter}"' for letter in "abcdefghij")
    (tiny,) = parsed(TEMPLATE + ENTRY.replace('"en"', codes))
    assert tiny.spoken == "aa, ab, ac, ad, ae, af, ag, ah and 2 more"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[[models", "is not TOML"),
        (TEMPLATE + ENTRY + ENTRY, "tiny: name has an entry already"),
        (ENTRY, "tiny: template is no"),
        (TEMPLATE + ENTRY.replace('"tiny"', '"Tiny model"'), "Tiny model: name has other than"),
        (TEMPLATE + ENTRY.replace('name = "tiny"', ""), "an entry: name has other than"),
        (TEMPLATE + ENTRY.replace("acme/", ""), "tiny: repository is no OWNER/NAME"),
        (TEMPLATE + ENTRY.replace('file = "', 'file = "../'), "is no plain file name"),
        (TEMPLATE + ENTRY.replace("bytes = 600", "bytes = 0"), "bytes of tiny-Q4_K_M.gguf"),
        (
            TEMPLATE + ENTRY.replace("1_000\nrep", '"many"\nrep'),
            "tiny: parameters 'many' is no int",
        ),
        (TEMPLATE + ENTRY.replace("context = 512", "context = 0"), "context is not above 0"),
        (TEMPLATE + ENTRY.replace("licence", "license"), "tiny: license is not known"),
        (TEMPLATE + ENTRY.replace('licence = "MIT"\n', ""), "'licence'"),
        (TEMPLATE.replace("own turn", "somewhere") + ENTRY, "plain: system is none of"),
        (TEMPLATE.replace('"none"', '"perhaps"') + ENTRY, "plain: thinking is none of"),
        (TEMPLATE + re.sub(r"\[\n.*\]", "[]", ENTRY, flags=re.DOTALL), "quantisations is empty"),
    ],
)
def test_a_wrong_entry_is_named(wrong: str, said: str) -> None:
    with pytest.raises(ModelFileError, match=re.escape(said)) as raised:
        parsed(wrong)
    assert "models/catalogue.toml" in str(raised.value)
    assert "\n" not in str(raised.value)
