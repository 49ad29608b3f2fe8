from collections.abc import Sequence

import pytest

from bot.conversation import Passage
from bot.skills.grounding import Grounding
from knowledge.terms import content_terms
from tests.knowledge.fakes import HashEncoder


def passage(text: str, heading: str = "How long", language: str = "en") -> Passage:
    return Passage(heading, "returns.md", "Returns", heading, text, language)


def grounding() -> Grounding:
    return Grounding(HashEncoder(), content_terms)


SHOES = passage("Lamps come with bulbs. Shoes can be returned within 60 days. Call us at any time.")


async def test_the_sentence_that_answers_is_quoted_word_for_word() -> None:
    picked = await grounding().pick("within how many days can shoes be returned", "en", [SHOES])
    (citation,) = picked.citations
    assert citation.quote == "Shoes can be returned within 60 days."
    assert citation.source == "returns.md"
    assert picked.quote == citation.quote


async def test_below_the_floor_nothing_is_quoted() -> None:
    picked = await grounding().pick("quantum chromodynamics", "en", [SHOES])
    assert picked.citations == ()
    assert (await grounding().pick("shoes", "en", [])).citations == ()


class Reader(HashEncoder):
    """Whose reading says that what names `word` answers, and nothing else."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    async def aanswers(self, question: str, told: Sequence[str]) -> list[float]:
        return [6.0 if self.word in one else -6.0 for one in told]


@pytest.mark.parametrize("word", ["60 days", "14 days"])
async def test_of_sentences_that_lie_close_reading_chooses(word: str) -> None:
    page = passage("Shoes can be returned within 60 days. Sale shoes can be returned in 14 days.")
    reading = Grounding(Reader(word), content_terms)
    (citation,) = (await reading.pick("can shoes be returned", "en", [page])).citations
    assert word in citation.quote


async def test_what_reading_denies_is_withheld_however_near_it_lies() -> None:
    asked = "within how many days can shoes be returned"
    near = (await grounding().pick(asked, "en", [SHOES])).score
    denied = await Grounding(Reader("no sentence has this"), content_terms).pick(
        asked, "en", [SHOES]
    )
    assert denied.citations == ()
    assert denied.score < near


async def test_one_step_brings_all_steps() -> None:
    text = "To return shoes:\n\n1. Print the returns label.\n2. Pack the shoes.\n3. Post them."
    picked = await grounding().pick("print the returns label for shoes", "en", [passage(text)])
    assert picked.quote == "1. Print the returns label.\n2. Pack the shoes.\n3. Post them."


async def test_a_lead_in_brings_its_list() -> None:
    text = "These shoes cannot be returned:\n\n- worn ones\n- wet ones\n\nOther shoes can."
    picked = await grounding().pick("which shoes cannot be returned", "en", [passage(text)])
    assert picked.quote == "These shoes cannot be returned:\n- worn ones\n- wet ones"


async def test_a_listed_sentence_alone_loses_its_bullet() -> None:
    text = "- Shoes can be returned within 60 days.\n- Lamps: 30 days."
    picked = await grounding().pick(
        "within how many days can shoes be returned", "en", [passage(text)]
    )
    assert picked.quote == "Shoes can be returned within 60 days."


async def test_chinese_is_picked_by_its_characters() -> None:
    page = passage("灯具保修三年。鞋子可在送达后60天内退回。", heading="退货", language="zh")
    picked = await grounding().pick("鞋子几天内可以退回？", "zh", [page])
    assert picked.quote == "鞋子可在送达后60天内退回。"
    assert not (await grounding().pick("首都是哪里？", "zh", [page])).citations


async def test_a_figure_that_no_passage_has_is_not_supported() -> None:
    check = grounding().supported
    assert await check("Shoes can be returned within 60 days.", [SHOES], "en")
    assert not await check("Shoes can be returned within 90 days.", [SHOES], "en")
    assert not await check("Elephants live in Antwerp.", [SHOES], "en")
    assert not await check("Shoes can be returned.", [], "en")


async def test_which_passages_a_reply_rests_on() -> None:
    reply = "Shoes can be returned within 60 days."
    assert await grounding().cites(reply, SHOES.text, "en")
    assert not await grounding().cites(reply, "Gift cards never expire.", "en")


RULES = passage(
    "Shoes can be returned within 60 days of delivery. Sale items can be returned within 14 days "
    "of delivery. Returning shoes is free from every country in the EU. Gift cards cannot be "
    "returned. A refund goes back the way you paid."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Shoes can never be returned within 60 days of delivery.",
        "Sale items can be returned within 60 days of delivery.",
        "Shoes cannot be returned.",
        "Returning shoes is not free from every country in the EU.",
        "You get a full refund in cash without returning the shoes.",
        "Gift cards can be returned.",
        "Shoes don't have to come back within 60 days of delivery.",
    ],
)
async def test_a_falsehood_made_of_the_pages_own_words_is_not_supported(sentence: str) -> None:
    assert not await grounding().supported(sentence, [RULES], "en")


@pytest.mark.parametrize(
    "sentence",
    [
        "You can return shoes within 60 days of delivery.",
        "Within 14 days of delivery, sale items can be returned.",
        "A gift card cannot be returned.",
        "Returning shoes is free.",
    ],
)
async def test_other_words_for_what_a_page_says_are_supported(sentence: str) -> None:
    assert await grounding().supported(sentence, [RULES], "en")


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("鞋子可在60天内退回。", True),
        ("鞋子不可在60天内退回。", False),
        ("鞋子可在90天内退回。", False),
    ],
)
async def test_denials_and_figures_in_chinese(sentence: str, supported: bool) -> None:
    page = passage("灯具保修三年。鞋子可在送达后60天内退回。", heading="退货", language="zh")
    assert await grounding().supported(sentence, [page], "zh") is supported


async def test_table_rows_keep_their_lines() -> None:
    text = "EU size | UK size\n42 | 8\n\nHouse slippers of size 42 stretch, take size 42."
    picked = await grounding().pick("size 42 slippers EU UK", "en", [passage(text, "Size 42")])
    assert all(line.count("|") in (0, 1) for line in picked.quote.splitlines())
    assert "8 House" not in picked.quote


async def test_a_row_that_a_sentence_repeats_is_left_out() -> None:
    text = "Lamp socket repair | €25\n\n- A lamp socket repair costs €25."
    picked = await grounding().pick("what does a lamp socket repair cost", "en", [passage(text)])
    assert picked.quote == "A lamp socket repair costs €25."


async def test_a_sentence_comes_with_what_leans_on_it() -> None:
    page = passage("Skis are waxed for £10. This takes 20 hours at most. Tents are cleaned.")
    for question in ("for how much are skis waxed", "this takes how many hours at most"):
        picked = await grounding().pick(question, "en", [page])
        assert picked.quote == "Skis are waxed for £10. This takes 20 hours at most."
    picked = await grounding().pick("are tents cleaned", "en", [page])
    assert picked.quote == "Tents are cleaned."
