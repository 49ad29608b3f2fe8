from __future__ import annotations

import json
import math
from typing import Any

import pytest

from bot.engine import LanguageModel, LlamaChatModel
from bot.engine.request import Request
from bot.engine.sampling import Sampling
from bot.engine.template import ChatTurn
from bot.errors import ModelError, UsageError
from tests.engine.asking import answered


def written(model: LanguageModel, max_tokens: int = 40, **sampling: Any) -> str:
    prompt = model.render([ChatTurn("user", "hello")])
    given = {"temperature": 0.0, **sampling}
    return answered(model, Request(prompt, Sampling(**given), max_tokens))[0]


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
