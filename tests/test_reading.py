import pytest

from bot.reading import BETWEEN, together, told


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Returns", "Shoes", "Returns > Shoes: Within 30 days."),
        ("Returns", "", "Returns: Within 30 days."),
        ("", "Shoes", "Shoes: Within 30 days."),
        ("", "", "Within 30 days."),
    ],
)
def test_a_sentence_is_told_with_the_headings_that_it_has(
    title: str, heading: str, expected: str
) -> None:
    assert told(title, heading, "Within 30 days.") == expected


def test_question_and_sentence_stand_in_one_line_in_that_order() -> None:
    line = together("How long?", told("Returns", "", "Within 30 days."))
    assert line == "How long? || Returns: Within 30 days."
    assert line.split(BETWEEN) == ["How long?", "Returns: Within 30 days."]
