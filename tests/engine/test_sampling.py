from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from bot.engine import LanguageModel, LlamaChatModel, sampling
from bot.engine.request import Request
from bot.engine.sampling import Sampler, Sampling
from bot.engine.template import ChatTurn
from bot.errors import ModelError, UsageError
from tests.engine.asking import answered
from tests.engine.conftest import Load
from tests.engine.tiny import write_language_model


def written(model: LanguageModel, max_tokens: int = 40, **given: Any) -> str:
    prompt = model.render([ChatTurn("user", "hello")])
    chosen = Sampling(**{"temperature": 0.0, **given})
    return answered(model, Request(prompt, chosen, max_tokens))[0]


def token(model: LanguageModel, text: str) -> int:
    (found,) = model.vocabulary.tokenize(text.encode(), special=False)
    return found


def test_a_bias_favours_and_forbids(model: LanguageModel) -> None:
    letters = "root ::= [a-d]+"
    assert written(model, grammar=letters, logit_bias={token(model, "c"): 100.0}) == "c" * 40
    without = {token(model, letter): -math.inf for letter in "abc"}
    assert set(written(model, grammar=letters, logit_bias=without)) == {"d"}


def test_a_bias_of_an_unknown_token_is_refused(model: LanguageModel) -> None:
    with pytest.raises(ModelError, match="logit_bias names token 100000; the model has"):
        written(model, logit_bias={100_000: 1.0})


@pytest.mark.parametrize(
    "penalty", [{"repeat_penalty": 8.0}, {"frequency_penalty": 50.0}, {"presence_penalty": 50.0}]
)
def test_penalties_make_a_reply_vary(model: LanguageModel, penalty: dict[str, float]) -> None:
    favoured = {token(model, "x"): 30.0}
    assert set(written(model, logit_bias=favoured)) == {"x"}
    assert len(set(written(model, logit_bias=favoured, **penalty))) > 1


SCHEMA = {
    "type": "object",
    "properties": {"issue": {"enum": ["return", "refund"]}, "open": {"type": "boolean"}},
    "required": ["issue", "open"],
}


def test_a_json_schema_holds(model: LanguageModel) -> None:
    for seed in range(4):
        text = written(
            model, 200, json_schema=json.dumps(SCHEMA), temperature=0.7, seed=seed, top_k=400
        )
        found = json.loads(text)
        assert found["issue"] in ("return", "refund")
        assert isinstance(found["open"], bool)


@pytest.mark.parametrize("schema", ["", "no json", '{"$ref": "#/nowhere"}', '{"type": "colour"}'])
def test_a_broken_schema_is_one_line(model: LanguageModel, schema: str) -> None:
    with pytest.raises(ModelError, match="the JSON schema cannot be made a grammar") as caught:
        written(model, json_schema=schema)
    assert "\n" not in str(caught.value)


def test_a_grammar_and_a_schema_are_one_too_many(model: LanguageModel) -> None:
    with pytest.raises(ModelError, match="give one of the two"):
        written(model, json_schema="{}", grammar='root ::= "a"')


def test_the_chat_model_takes_them_all(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0)
    reply = chat.invoke("hello", json_schema=json.dumps(SCHEMA), max_tokens=200)
    assert json.loads(reply.text)["issue"] in ("return", "refund")
    with pytest.raises(UsageError, match="knows no tempreature"):
        chat.invoke("hello", tempreature=1)


OUTLINE = [
    {"grammar": 'root ::= ("yes" | "no") ", "'},
    {"text": "shoes can be returned within 60 days 鞋. "},
    {"grammar": 'root ::= [xyz]+ "."'},
]


def outlined(chat: LlamaChatModel, outline: list[dict[str, str]], **given: Any) -> AIMessage:
    return chat.invoke("hello", {"metadata": {"conversation": "c"}}, outline=outline, **given)


def test_an_outline_is_written_and_stands_in_turn(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0.9, max_tokens=40)
    reply = outlined(chat, OUTLINE)
    assert re.fullmatch(
        r"(yes|no), shoes can be returned within 60 days 鞋\. [xyz]+\.?", reply.text
    )
    usage = reply.usage_metadata
    assert usage is not None
    assert usage["output_tokens"] > 30, "fixed tokens count, too"


def test_fixed_parts_are_not_sampled_and_do_not_count(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled: list[int] = []
    sample = Sampler.sample

    def counted(sampler: Sampler, context: object, row: int) -> int | None:
        sampled.append(row)
        return sample(sampler, context, row)

    monkeypatch.setattr(Sampler, "sample", counted)
    chat = LlamaChatModel(language_model=model, temperature=0)
    text = "the very words of the page, " * 4
    outline = [{"text": text}, {"grammar": "root ::= [xyz]+"}]
    reply = outlined(chat, outline, max_tokens=5)
    assert reply.text.startswith(text)
    assert len(reply.text) == len(text) + 5
    assert len(sampled) == 5
    only = outlined(chat, [{"text": text}], max_tokens=1)
    assert (only.text, only.response_metadata["finish_reason"]) == (text, "stop")


def test_the_next_turn_takes_an_outlined_reply_up(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0, max_tokens=40)
    config: RunnableConfig = {"metadata": {"conversation": "c"}}
    reply = chat.invoke("hello", config, outline=OUTLINE)
    again = chat.invoke([("human", "hello"), ("ai", reply.text), ("human", "more")], config)
    first, second = reply.usage_metadata, again.usage_metadata
    assert first is not None
    assert second is not None
    reused = second["input_token_details"]["cache_read"]
    assert reused >= first["input_tokens"] + first["output_tokens"] - 2


def test_two_written_parts_in_a_row(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0)
    outline = [{"grammar": 'root ::= "a"'}, {"grammar": 'root ::= "b"'}, {"text": "c"}]
    assert outlined(chat, outline).text == "abc"


def test_a_stop_string_ends_an_outline(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0)
    outline = [{"text": "one two STOP three"}, {"grammar": 'root ::= "four"'}]
    assert outlined(chat, outline, stop=["STOP"]).text == "one two "


def test_a_fixed_part_beyond_the_window_is_cut(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0)
    reply = outlined(chat, [{"text": "z" * 2000}, {"grammar": 'root ::= "four"'}])
    assert set(reply.text) == {"z"}
    assert reply.response_metadata["finish_reason"] == "length"
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["total_tokens"] == model.info.context


def test_a_broken_grammar_in_an_outline_is_one_line(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model, temperature=0)
    for outline in ([{"grammar": "nonsense"}], [{"text": "a"}, {"grammar": "nonsense"}]):
        with pytest.raises(ModelError, match="not GBNF"):
            outlined(chat, outline)
    assert outlined(chat, [{"grammar": 'root ::= "ok"'}]).text == "ok"


@pytest.mark.parametrize("size", [6_400, 6_399, 6_401, 152_064])
def test_the_largest_are_found_among_many(size: int) -> None:
    random = np.random.default_rng(size)
    logits = random.normal(size=size).astype(np.float32)
    logits[random.integers(size, size=size // 3)] = -math.inf
    logits[-1] = 9.0
    for count in (1, 40, size // 64):
        found = sampling._largest(logits, count)
        assert set(found) >= set(np.argsort(logits)[-count:])
        assert len(found) < 200 or count > 40
    assert len(sampling._largest(np.zeros(size, dtype=np.float32), 40)) == size


def test_logits_that_are_no_numbers_do_not_end_the_process(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(write_language_model(tmp_path / "wide.gguf", extra_tokens=sampling._MANY))
    read = sampling.logits_of

    def broken(context: object, row: int, size: int) -> sampling.Logits:
        logits = read(context, row, size)
        logits[:] = math.nan
        return logits

    monkeypatch.setattr(sampling, "logits_of", broken)
    written(model, temperature=0.7)
    written(model)
    monkeypatch.undo()
    assert written(model, grammar="root ::= [a-z]+", temperature=0.7)


def test_few_candidates_are_chosen_from_as_all_are(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(write_language_model(tmp_path / "wide.gguf", extra_tokens=sampling._MANY))
    favoured = dict.fromkeys(range(300, 1000, 7), 2.5)
    cases: list[dict[str, Any]] = [
        {"temperature": heat, "seed": seed, **more}
        for heat in (0.7, 1.5)
        for seed in range(3)
        for more in ({}, {"logit_bias": favoured}, {"grammar": "root ::= [a-z]+"}, {"top_k": 5})
    ]
    few = [written(model, **case) for case in cases]
    assert len(set(few)) > 12
    chain = Sampler.__init__

    def slow(self: Sampler, *arguments: Any) -> None:
        chain(self, *arguments)
        assert self._few
        self._few = False

    monkeypatch.setattr(Sampler, "__init__", slow)
    assert few == [written(model, **case) for case in cases]


def test_the_likeliest_is_what_the_chain_chooses(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    biases = {token(model, "a"): 3.0, token(model, "e"): -math.inf}
    cases: list[dict[str, Any]] = [{}, {"logit_bias": biases}, {"grammar": "root ::= [a-z]+"}]
    quick = [written(model, **case) for case in cases]
    chain = Sampler.__init__

    def slow(self: Sampler, *arguments: Any) -> None:
        chain(self, *arguments)
        self._is_greedy = False

    monkeypatch.setattr(Sampler, "__init__", slow)
    assert quick == [written(model, **case) for case in cases]
