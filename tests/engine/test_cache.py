from __future__ import annotations

import pytest

from bot.engine import LanguageModel
from bot.engine.cache import Slot, SlotCache
from bot.engine.prompt import Prompt


def taken(cache: SlotCache, conversation: str) -> Slot:
    slot = cache.find(conversation)
    assert slot is not None
    cache.take(slot, conversation)
    return slot


def test_a_conversation_gets_its_slot_again() -> None:
    cache = SlotCache(2)
    slot = taken(cache, "a")
    cache.release(slot)
    cache.release(taken(cache, "b"))
    assert taken(cache, "a") is slot


def test_a_busy_conversation_waits_though_another_slot_is_free() -> None:
    cache = SlotCache(2)
    slot = taken(cache, "a")
    assert cache.find("a") is None
    cache.release(slot)
    assert taken(cache, "a") is slot


def test_requests_of_nobody_leave_the_conversations_alone() -> None:
    cache = SlotCache(3)
    for name in ("a", "", "b", "", "", ""):
        cache.release(taken(cache, name))
    assert sorted(slot.conversation for slot in cache.slots) == ["", "a", "b"]


def test_when_all_slots_are_busy_everybody_waits() -> None:
    cache = SlotCache(2)
    first, _ = taken(cache, ""), taken(cache, "")
    assert cache.find("") is None
    assert cache.find("a") is None
    cache.release(first)
    assert taken(cache, "a") is first


@pytest.mark.parametrize(
    ("cached", "asked", "kept"),
    [
        ("the return", "the return", "the return"),
        ("the return", "the user", "the"),
        ("the return", "another thing", ""),
        ("", "the user", ""),
    ],
)
def test_the_agreeing_tokens_are_taken_up(
    model: LanguageModel, cached: str, asked: str, kept: str
) -> None:
    def tokens(text: str) -> list[int]:
        return model.vocabulary.tokenize(text.encode(), special=False)

    slot = Slot(0)
    slot.take_up(Prompt([(cached, False)]), model.vocabulary)
    slot.decoded = len(slot.tokens)
    reused = slot.take_up(Prompt([(asked, False)]), model.vocabulary)
    assert slot.tokens == tokens(asked)
    assert slot.tokens[:reused] == tokens(kept) + tokens(asked)[len(tokens(kept)) : reused]
    assert reused >= len(tokens(kept))


def test_a_reply_that_ends_in_a_torn_character_is_cut_before_it(model: LanguageModel) -> None:
    slot = Slot(0)
    slot.take_up(Prompt([("hi", True)]), model.vocabulary)
    for byte in "ok 好".encode()[:-1]:
        slot.add_reply(byte, bytes([byte]), control=False)
    slot.decoded = len(slot.tokens)
    slot.take_up(Prompt([("hi", True), ("ok 坏", False)]), model.vocabulary)
    assert slot.tokens == model.vocabulary.tokenize("hiok 坏".encode(), special=False)
    assert slot.tokens[: slot.decoded] == [*b"hiok", 32, "好".encode()[0]]


def test_a_written_mark_byte_is_no_mark(model: LanguageModel) -> None:
    slot = Slot(0)
    slot.take_up(Prompt([("hi", True)]), model.vocabulary)
    slot.add_reply(255, b"\xff", control=False)
    slot.add_reply(60, b"<|im_end|>", control=False)
    slot.decoded = len(slot.tokens)
    prompt = Prompt([("hi", True), ("", False), ("<|im_end|>", True)])
    assert slot.take_up(prompt, model.vocabulary) <= len("hi")
