from __future__ import annotations

import math

import numpy as np
import pytest

from bot.engine import LanguageModel, LlamaChatModel
from bot.engine.choice import Choice
from bot.engine.context import Part
from bot.engine.request import Chosen, Finished, Fixed, Request, Written
from bot.engine.sampling import Sampling, logits_of
from bot.engine.template import ChatTurn
from bot.errors import ModelError
from tests.engine.asking import LETTERS, answered, ask, together
from tests.engine.conftest import Load

LABELS = ("return", "returning", "refund", "the shoe", "x")


def asked(
    model: LanguageModel, *outline: Fixed | Written | Chosen, about: str = "hello"
) -> Request:
    prompt = model.render([ChatTurn("user", about)])
    return Request(prompt, Sampling(temperature=0), max_tokens=5, outline=outline)


def likelihood(model: LanguageModel, prompt: list[int], label: str) -> float:
    """The label decoded in one piece behind the prompt, all of its logits read."""
    tokens = model.vocabulary.tokenize(label.encode(), special=False)

    def decoded() -> float:
        context = model._context
        context.cut(0, 0)
        context.decode([Part(0, 0, [*prompt, *tokens], len(tokens) + 1)])
        total = 0.0
        for number, token in enumerate(tokens):
            row = len(prompt) - 1 + number
            logits = logits_of(context.pointer, row, model.vocabulary.size).astype(np.float64)
            total += logits[token] - np.log(np.exp(logits).sum())
        context.cut(0, 0)
        return total

    return model._thread.run(decoded)


@pytest.mark.parametrize("about", ["hello", "return the shoe", "order"])
def test_labels_have_the_likelihood_of_their_tokens(load: Load, about: str) -> None:
    model = load(conversations=16)
    request = asked(model, Chosen(LABELS), about=about)
    prompt = [
        token
        for part in request.prompt.parts()
        for token in model.vocabulary.tokenize(part.text, special=part.special)
    ]
    expected = {label: likelihood(model, prompt, label) for label in LABELS}
    total = sum(map(math.exp, expected.values()))
    for slot in model.memory.slots:
        slot.forget()
    text, finished = answered(model, request)
    assert text == max(expected, key=expected.__getitem__)
    (found,) = finished.choices
    assert set(found) == set(LABELS)
    assert sum(found.values()) == pytest.approx(1)
    for label in LABELS:
        assert found[label] == pytest.approx(math.exp(expected[label]) / total, rel=0.02)


def test_a_choice_stands_among_other_parts(model: LanguageModel) -> None:
    parts = (
        Fixed("issue: "),
        Chosen(("return", "refund")),
        Fixed("\nopen: "),
        Chosen(("no", "yes")),
    )
    text, finished = answered(model, asked(model, *parts, Written(LETTERS)))
    issue, _, rest = text.removeprefix("issue: ").partition("\nopen: ")
    assert issue in ("return", "refund")
    assert rest.startswith(("no", "yes"))
    assert len(rest.removeprefix("no").removeprefix("yes")) > 0
    assert [set(one) for one in finished.choices] == [{"return", "refund"}, {"no", "yes"}]


def test_choices_beside_replies_change_neither(load: Load) -> None:
    model = load(conversations=4)
    choice, reply = asked(model, Chosen(LABELS)), ask(model, "return", conversation="a")
    alone = [answered(model, choice)[0], answered(model, reply)[0]]
    texts = [text for text, _ in together(model, choice, reply, choice, reply)]
    assert texts == alone * 2


def test_the_conversation_goes_on_behind_a_choice(model: LanguageModel) -> None:
    first = Request(
        model.render([ChatTurn("user", "hello")]), Sampling(0), 5, conversation="a",
        outline=(Chosen(LABELS),),
    )  # fmt: skip
    text, _ = answered(model, first)
    turns = [ChatTurn("user", "hello"), ChatTurn("assistant", text), ChatTurn("user", "and")]
    _, finished = answered(model, Request(model.render(turns), Sampling(0), 5, conversation="a"))
    assert finished.reused_tokens >= finished.prompt_tokens // 2


@pytest.mark.parametrize("labels", [(), ("",), ("yes", "")])
def test_labels_that_are_none_are_refused(model: LanguageModel, labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="a choice needs labels"):
        answered(model, asked(model, Chosen(labels)))
    assert answered(model, ask(model, "hello"))[0]


def test_a_label_beyond_the_window_ends_the_reply(model: LanguageModel) -> None:
    text, finished = answered(model, asked(model, Chosen(("x" * 600, "y"))))
    assert (text, finished.reason) == ("", "length")


def test_langchain_gets_the_probabilities(model: LanguageModel) -> None:
    chat = LlamaChatModel(language_model=model)
    message = chat.invoke("hello", outline=[{"choices": ["yes", "no"]}])
    (found,) = message.response_metadata["choices"]
    assert message.text == max(found, key=found.__getitem__)
    assert "choices" not in chat.invoke("hello", max_tokens=2).response_metadata


def test_each_inner_node_is_decoded_once() -> None:
    choice = Choice({"ab": [1, 2], "ac": [1, 3], "abd": [1, 2, 4], "e": [5]}, base=0)
    logits = np.zeros(8, dtype=np.float32)
    seen = []
    while (prefix := choice.feed(logits)) is not None:
        seen.append(prefix)
    assert seen == [(1,), (1, 2)]
    found = choice.probabilities()
    assert found["e"] == pytest.approx(8 * found["ab"])
    assert found["ab"] == pytest.approx(found["ac"]) == pytest.approx(8 * found["abd"])


def test_finished_without_choices(model: LanguageModel) -> None:
    _, finished = answered(model, ask(model, "hello"))
    assert isinstance(finished, Finished)
    assert finished.choices == ()
