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
