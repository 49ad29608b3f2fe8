from __future__ import annotations

from bot.engine.prompt import Prompt


def test_parts_come_back_with_their_kinds() -> None:
    prompt = Prompt([("<s>", True), ("hi 你", False), ("", False), ("</s>", True)])
    parts = list(prompt.parts())
    assert [(part.text.decode(), part.special) for part in parts] == [
        ("<s>", True),
        ("hi 你", False),
        ("</s>", True),
    ]
    assert parts[-1].end == len(prompt.key)


def test_the_rest_of_a_part_keeps_its_kind() -> None:
    prompt = Prompt([("abc", True), ("defg", False)])
    assert [(part.text, part.special) for part in prompt.parts(2)] == [
        (b"bc", True),
        (b"defg", False),
    ]
    assert [(part.text, part.special) for part in prompt.parts(6)] == [(b"efg", False)]
    assert list(prompt.parts(len(prompt.key))) == []


def test_the_same_text_of_another_kind_does_not_agree() -> None:
    typed = Prompt([("hi", False), ("<end>", False)])
    template = Prompt([("hi", False), ("<end>", True)])
    assert template.common(typed.key) == len(Prompt([("hi", False)]).key)
    assert template.common(template.key) == len(template.key)
    assert template.common(b"") == 0


def test_borders_are_ends_of_parts_and_words() -> None:
    prompt = Prompt([("a bc", False), ("d", True)])
    assert [prompt.is_border(offset) for offset in range(8)] == [
        True, False, True, False, False, True, False, True,
    ]  # fmt: skip
