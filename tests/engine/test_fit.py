"""What fits where, with made-up machines: a GPU is not needed to reckon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.engine import system
from bot.engine.fit import GPU_MARGIN, Fit, fit
from bot.engine.header import Header
from bot.engine.system import Device
from bot.errors import ModelError, ModelFileError
from bot.settings import EngineSettings
from tests.engine.conftest import Load

GB = 10**9
HEADER = Header(
    context=4096,
    layers=(200_000_000,) * 10,
    cached=(1024,) * 10,
    output=400_000_000,
    input=400_000_000,
    tied=0,
)
LAYER = HEADER.layers[0] + 4096 * 1024 * 2 * 8
"""Bytes of a layer with its share of eight conversations."""
OF_ONE = 4096 * 1024 * 2 * 10
"""Bytes of a conversation in the KV cache."""


def gpu(free: int, kind: Any = "gpu") -> Device:
    return Device("GPU0", "a GPU", kind, max(free, 24 * GB), free + GPU_MARGIN)


CPU = Device("CPU", "a CPU", "cpu", 64 * GB, 64 * GB)


def fitted(
    *devices: Device, memory: int = 64 * GB, header: Header = HEADER, **settings: Any
) -> Fit:
    return fit(header, EngineSettings(**settings), devices=[CPU, *devices], memory=memory)


def test_without_a_gpu_the_cache_takes_a_quarter_of_the_memory() -> None:
    assert fitted() == Fit(4096, 8)
    tight = fitted(memory=4 * 3 * OF_ONE + 4 * GB, conversations=40)
    assert (tight.slots, tight.gpu_layers) == ((4 * 3 * OF_ONE + 4 * GB) // 4 // OF_ONE, 0)
    assert tight.warnings == (f"memory for {tight.slots} of 40 conversations at a time",)


def test_weights_come_before_conversations() -> None:
    assert fitted(memory=HEADER.weights + 2 * OF_ONE, conversations=8).slots == 2


def test_rounded_values_take_half_the_room() -> None:
    memory = HEADER.weights + 4 * OF_ONE
    assert fitted(memory=memory, cache_type="q8_0").slots == 7


@pytest.mark.parametrize("kind", ["gpu", "igpu"])
def test_what_fits_goes_onto_the_gpu(kind: str) -> None:
    whole = fitted(gpu(HEADER.movable + 8 * OF_ONE, kind))
    assert whole == Fit(4096, 8, 11)
    fewer = fitted(gpu(HEADER.movable + 3 * OF_ONE, kind))
    assert (fewer.slots, fewer.gpu_layers) == (3, 11)


def test_a_gpu_of_its_own_goes_before_one_in_the_processor() -> None:
    assert fitted(gpu(0), gpu(20 * GB, "igpu")).gpu_layers == 0


def test_two_gpus_share_a_model_by_layers() -> None:
    assert fitted(gpu(6 * LAYER), gpu(6 * LAYER)).gpu_layers == 11
    assert fitted(gpu(6 * LAYER), gpu(6 * LAYER), conversations=64).slots < 16
    # the smaller would have the output, for which it has no room, until it has no share at all
    assert fitted(gpu(8 * GB), gpu(HEADER.output // 2)).gpu_layers == 8


def test_a_gpu_that_does_not_say_is_believed() -> None:
    assert fitted(Device("GPU0", "a GPU", "gpu", 0, 0)).gpu_layers == 11


def test_a_model_that_does_not_fit_is_offloaded_in_part() -> None:
    part = fitted(gpu(HEADER.output + 3 * LAYER))
    assert (part.slots, part.gpu_layers) == (8, 4)
    assert part.warnings == (
        "4 of 11 layers are on the GPU, which has 1.2 GB for weights of 2.4 GB and "
        "8 conversations of 0.1 GB",
    )
    nothing = fitted(gpu(HEADER.output - 1))
    assert nothing.gpu_layers == 0


def test_tied_embeddings_take_room_on_the_gpu_too() -> None:
    header = replace(HEADER, output=0, tied=HEADER.input)
    assert fitted(gpu(header.tied - 1), header=header).gpu_layers == 0
    assert fitted(gpu(header.tied), header=header).gpu_layers == 1


def test_the_operator_knows_better() -> None:
    assert fitted(gpu(20 * GB), gpu_layers=3).gpu_layers == 3
    assert fitted(gpu(20 * GB), gpu_layers=99).gpu_layers == 11
    assert fitted(gpu(20 * GB), gpu_layers=0).gpu_layers == 0
    assert fitted(gpu_layers=3).gpu_layers == 0


def test_a_full_gpu_is_no_reason_to_ignore_what_was_asked_for() -> None:
    busy = Device("GPU0", "a GPU", "gpu", 24 * GB, GPU_MARGIN // 2)
    assert fitted(busy, gpu_layers=3).gpu_layers == 3
    left_out = fitted(busy)
    assert left_out.gpu_layers == 0
    assert left_out.warnings[0].startswith("0 of 11 layers are on the GPU, which has 0.0 GB")


def test_a_model_larger_than_the_machine_is_refused_with_the_numbers() -> None:
    with pytest.raises(ModelError) as caught:
        fitted(memory=2 * GB)
    assert str(caught.value) == (
        "needs 2.9 GB of memory (2.8 GB of weights and 0.1 GB for a conversation, less what a GPU "
        "takes), and this machine has 2.0 GB; choose a smaller model or lower engine.context"
    )
    assert fitted(gpu(HEADER.movable + OF_ONE), memory=2 * GB).gpu_layers == 11
    with pytest.raises(ModelError, match=r"needs 2\.\d GB"):
        fitted(gpu(HEADER.output), memory=2 * GB)


@pytest.mark.parametrize(
    "shared", [gpu(20 * GB, "igpu"), replace(gpu(20 * GB), name="MTL0", description="Apple M4")]
)
def test_a_gpu_that_shares_the_memory_does_not_add_to_it(shared: Device) -> None:
    assert fitted(shared, memory=16 * GB).gpu_layers == 11
    with pytest.raises(ModelError, match="needs"):
        fitted(shared, memory=2 * GB)


def test_what_fits_for_one_conversation_is_not_refused_for_many() -> None:
    """Whatever the machine; and a GPU is never the reason for a refusal."""
    for tenths in range(15, 60):
        memory = tenths * GB // 10
        plain = _is_taken(memory=memory, conversations=1)
        assert _is_taken(memory=memory, conversations=8) == plain
        for room in (0, GB // 10, GB // 3, GB, 2 * GB, 3 * GB):
            one = _is_taken(gpu(room), memory=memory, conversations=1)
            assert one >= plain
            assert _is_taken(gpu(room), memory=memory, conversations=8) == one
            assert _is_taken(gpu(room), memory=memory, gpu_layers=2) >= plain


def _is_taken(*devices: Device, **given: Any) -> bool:
    try:
        fitted(*devices, **given)
    except ModelError:
        return False
    return True


def test_layers_without_a_cache_cost_none() -> None:
    hybrid = replace(HEADER, cached=(0, 0, 0, 0, 1024) * 2)
    memory = HEADER.weights + 4 * OF_ONE
    assert fitted(memory=memory, header=hybrid, conversations=40).slots > 12
    assert fitted(header=replace(HEADER, cached=(0,) * 10), conversations=64).slots == 64


def test_a_window_that_the_model_does_not_know() -> None:
    beyond = fitted(context=9000)
    assert beyond.window == 4096
    assert beyond.warnings == ("engine.context = 9000: the model knows 4096 at most",)
    assert fitted(context=300).window == 300


def test_a_window_that_holds_no_conversation_is_refused() -> None:
    with pytest.raises(ModelError, match="knows 100 tokens at most, and a conversation needs 256"):
        fit(replace(HEADER, context=100), EngineSettings(), devices=[], memory=1 << 34)
    assert fitted(header=replace(HEADER, context=0)).window == 8192


def test_a_file_with_no_layers_is_llama_cpps_to_refuse() -> None:
    assert fitted(header=Header(0, (), (), 0, 0, 0)).slots == 8


def test_a_model_names_itself_when_it_is_refused(
    load: Load, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "memory", lambda: 100_000)
    with pytest.raises(ModelFileError) as caught:
        load()
    assert str(caught.value).startswith(f"{models / 'tiny.gguf'} needs 0.0 GB of memory (")
    with pytest.raises(ModelFileError) as caught:
        load(models / "none.gguf")
    assert str(caught.value).startswith(f"model file {models / 'none.gguf'} does not exist")
