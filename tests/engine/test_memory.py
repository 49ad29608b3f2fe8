"""More conversations than sequences: what was decoded comes back from RAM."""

from __future__ import annotations

import numpy as np
import pytest

from bot.engine import LanguageModel
from bot.engine.memory import Parked, Parking
from tests.engine.asking import answered, ask
from tests.engine.conftest import Load

SPLIT_ONE_WAY = "root ::= [xyz ]+"
"""No merge reaches these letters, so a fresh model splits the reply into the same tokens."""


def parked(size: int) -> Parked:
    return Parked([], b"", [], np.zeros(size, dtype=np.uint8))


def test_the_parking_keeps_to_its_budget() -> None:
    parking = Parking(100)
    for name in "abc":
        parking.put(name, parked(40))
    assert (len(parking), parking.bytes) == (2, 80)
    assert parking.take("a") is None
    assert parking.take("b") is not None
    parking.put("c", parked(90))
    assert (len(parking), parking.bytes) == (1, 90)
    assert not parking.has_room_for(101)


def test_a_conversation_that_lost_its_sequence_comes_back_without_prefill(load: Load) -> None:
    model = load(conversations=2)
    requests = {
        name: ask(model, f"hello {name} the shoe", conversation=name, grammar=SPLIT_ONE_WAY)
        for name in "abcde"
    }
    texts = {name: answered(model, request)[0] for name, request in requests.items()}
    assert len(model.memory.parking) == 3
    for name, request in requests.items():
        text, finished = answered(model, request)
        assert text == texts[name]
        assert finished.reused_tokens == finished.prompt_tokens - 1
    turn = ask(
        model, "hello a the shoe", texts["a"], "and a hat", conversation="a", grammar=SPLIT_ONE_WAY
    )
    back, finished = answered(model, turn)
    assert finished.reused_tokens > finished.prompt_tokens - 25
    assert back == answered(load(), turn)[0]


@pytest.mark.parametrize("budget", [0, 30_000])
def test_past_the_budget_it_is_decoded_again(load: Load, budget: int) -> None:
    model = load(conversations=1, parked_megabytes=0)
    model.memory.parking = Parking(budget)
    requests = [ask(model, f"hello {name} the shoe", conversation=str(name)) for name in range(9)]
    texts = [answered(model, request)[0] for request in requests]
    assert model.memory.parking.bytes <= budget
    assert (len(model.memory.parking) > 0) is (budget > 0)
    text, finished = answered(model, requests[0])
    assert text == texts[0]
    assert finished.reused_tokens < finished.prompt_tokens - 1


def test_nobodys_requests_are_not_parked(load: Load) -> None:
    model = load(conversations=1)
    for number in range(3):
        answered(model, ask(model, f"hello {number} the shoe"))
    assert len(model.memory.parking) == 0


def test_a_state_that_llama_cpp_refuses_is_decoded_again(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(conversations=1)
    request = ask(model, "hello the shoe and the hat", conversation="a")
    text, _ = answered(model, request)
    answered(model, ask(model, "you", conversation="b"))
    monkeypatch.setattr("llama_cpp.llama_state_seq_set_data", lambda *_: 0)
    again, finished = answered(model, request)
    assert again == text
    assert finished.reused_tokens < finished.prompt_tokens - 1


def test_memory_stays_bounded(load: Load) -> None:
    """A thousand conversations over two sequences: no sequence leaks, no bookkeeping grows."""
    model: LanguageModel = load(conversations=2, parked_megabytes=1)
    for number in range(1000):
        answered(model, ask(model, f"shoe {number}", conversation=str(number), max_tokens=2))
    assert model.memory.parking.bytes <= 1 << 20
    assert len(list(model.memory.slots)) == 2
    assert model._thread.run(lambda: not any(slot.busy for slot in model.memory.slots))
    assert not model._scheduler.has_work()
