import pytest

from bot.engine import EngineThread
from bot.engine.benchmark import measure, text_of
from bot.errors import UsageError
from tests.engine.conftest import Load


def test_all_figures_are_measured(load: Load, thread: EngineThread) -> None:
    found = measure(load(conversations=2), thread, conversations=3, turns=2)
    assert (found.conversations, found.turns, found.threads) == (3, 2, 1)
    assert 0 < found.first_token_ms.p50 <= found.first_token_ms.p95
    assert found.tokens_per_second > 0
    assert found.prefill_tokens_per_second > 0
    ratio = found.decode_tokens_per_second / found.bare_tokens_per_second
    assert found.of_raw_decode == pytest.approx(ratio, rel=0.9)
    assert found.memory_megabytes > 1


def test_turns_beyond_the_window_are_refused(load: Load, thread: EngineThread) -> None:
    with pytest.raises(UsageError, match=r"100 turns need about .* a conversation has 512"):
        measure(load(), thread, conversations=1, turns=100)


def test_texts_differ_and_have_the_length() -> None:
    count = lambda text: len(text.split())  # noqa: E731
    first, second = text_of(60, "one", count), text_of(60, "two", count)
    assert first != second
    assert count(first) == count(second) == 60
