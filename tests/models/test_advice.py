from __future__ import annotations

import pytest

from models.advice import PATIENCE, Advice, Gpu, Machine, advise
from models.offers import offers

GB = 10**9


def machine(
    memory: float, cores: int, *, free: float | None = None, gpus: tuple[Gpu, ...] = ()
) -> Machine:
    available = memory * 0.8 if free is None else free
    return Machine(round(memory * GB), round(available * GB), cores, gpus)


def gpu(free: float, *, shared: bool = False) -> Gpu:
    return Gpu("Accelerator", round((free + 1) * GB), round(free * GB), shared)


def advised(of: Machine, **options: object) -> list[Advice]:
    return advise(of, offers(), **({"window": 8192} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "best", "place"),
    [
        (machine(16, 8), "qwen3-8b", "memory"),
        (machine(32, 16), "qwen3-30b-a3b-2507", "memory"),  # few parameters a token: quick
        (machine(25, 2), "qwen3-1.7b", "memory"),
        (machine(32, 8, gpus=(gpu(25),)), "qwen3-32b", "gpu"),
        (machine(64, 16, gpus=(gpu(80),)), "llama-3.3-70b", "gpu"),
    ],
)
def test_the_largest_that_is_quick_enough_comes_first(here: Machine, best: str, place: str) -> None:
    first = advised(here)[0]
    assert (first.offer.name, first.verdict, first.place) == (best, "good", place)
    assert first.seconds <= PATIENCE
    assert first.needed > first.quantisation.bytes


def test_what_is_good_comes_before_what_is_not() -> None:
    verdicts = [one.verdict for one in advised(machine(16, 4))]
    order = ["good", "slow", "busy", "too large"]
    assert verdicts == sorted(verdicts, key=order.index)
    assert len(verdicts) == len(offers())


def test_the_largest_file_that_is_still_good_is_taken() -> None:
    by_name = {one.offer.name: one for one in advised(machine(64, 32))}
    assert by_name["qwen3-4b"].quantisation.name == "Q8_0"
    by_name = {one.offer.name: one for one in advised(machine(4, 32))}
    assert by_name["qwen3-4b"].quantisation.name == "Q4_K_M"  # the smallest: none is good


def test_what_other_programs_hold_is_not_there() -> None:
    crowded = advised(machine(16, 8, free=2))
    busy = next(one for one in crowded if one.offer.name == "qwen3-8b")
    assert busy.verdict == "busy"
    assert "2.0 GB of 16.0 GB are free now" in busy.why
    assert crowded[0].offer.name in {"qwen3-0.6b", "llama-3.2-1b", "gemma-3-1b"}


def test_a_machine_without_room_for_any() -> None:
    assert {one.verdict for one in advised(machine(1, 2))} == {"too large"}
    assert "this machine has 1.0 GB of memory" in advised(machine(1, 2))[0].why


def test_a_conversation_takes_room_too() -> None:
    narrow, wide = (
        next(one for one in advised(machine(64, 8), window=window) if one.offer.name == "qwen3-8b")
        for window in (2048, 32768)
    )
    assert wide.needed - narrow.needed > (wide.quantisation.bytes - narrow.quantisation.bytes)
    halved = advised(machine(64, 8), window=2048, value_bytes=1.0)
    assert (
        next(one for one in halved if one.offer.name == "gemma-3-12b").needed
        < next(
            one for one in advised(machine(64, 8), window=2048) if one.offer.name == "gemma-3-12b"
        ).needed
    )


def test_a_model_that_knows_fewer_tokens_takes_no_more_room() -> None:
    (a,), (b,) = (
        [one for one in advised(machine(64, 8), window=window) if one.offer.name == "qwen3-0.6b"]
        for window in (32768, 131072)
    )
    assert a.needed == b.needed


def test_a_gpu_in_the_processor_has_the_machines_memory() -> None:
    shared = machine(16, 8, gpus=(gpu(100, shared=True),))
    assert all(one.verdict != "good" for one in advised(shared) if one.needed > 16 * GB)
    own = machine(16, 8, gpus=(gpu(100),))
    assert advised(own)[0].needed > 16 * GB


def test_a_gpu_that_does_not_tell_is_believed_to_have_enough() -> None:
    silent = machine(64, 8, gpus=(Gpu("Vulkan", 0, 0, shared=False),))
    assert {one.place for one in advised(silent)} == {"gpu"}


def test_reasons_name_what_was_looked_at() -> None:
    why = advised(machine(16, 8))[0].why
    assert "of 12.8 GB free memory, on 8 cores" in why
    assert "s for a reply" in why
    assert "tokens a second" in why
    assert "on the GPU Accelerator" in advised(machine(32, 8, gpus=(gpu(25),)))[0].why
    slow = next(one for one in advised(machine(64, 2)) if one.verdict == "slow")
    assert slow.why.endswith("which is slow")


def test_only_models_that_speak_a_language() -> None:
    names = {one.offer.name for one in advised(machine(16, 8), language="zh")}
    assert "qwen3-8b" in names
    assert "llama-3.2-3b" not in names
