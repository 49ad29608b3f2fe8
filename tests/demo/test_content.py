"""What is said in the demo world is checked against the help pages and against our own rules."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from bot.demo.content import Content, Lines, Subject, content
from bot.skills.small_talk import small_talk
from bot.skills.topics import Topic, Topics
from bot.skills.wishes import says_yes, wishes_for_a_person

SAMPLE = Path("knowledge/sample")
CONTENT = content()
POLICIES = Topics(
    [
        Topic(one["name"], tuple(one["words"]))
        for one in tomllib.loads(files("bot.demo").joinpath("world.toml").read_text("utf-8"))[
            "policy"
        ]
    ]
)
FILLED = {"{order}", "{name}", "{product}", "{date}", "{amount}"}


def lines_of(some: Lines) -> list[str]:
    return [line for lines in some.values() for line in lines]


def asked(content: Content) -> Iterator[str]:
    """All questions that are no wish for a person."""
    for subject in (*content.issues, *content.gaps, *content.policies):
        yield from lines_of(subject.questions)
        yield from lines_of(subject.follow_ups)


def said(*kinds: str, languages: tuple[str, ...] = ("en", "zh", "de")) -> list[str]:
    return [
        line for language in languages for kind in kinds for line in CONTENT.talk[language][kind]
    ]


def everything() -> list[str]:
    talk = [line for kinds in CONTENT.talk.values() for line in lines_of(kinds)]
    answers = [answer for issue in CONTENT.issues for answer in issue.answers.values()]
    return [*asked(CONTENT), *answers, *talk]


def plain(text: str) -> str:
    """Without list marks and emphasis, on one line."""
    return " ".join(re.sub(r"(?m)^\s*(?:- |\d+\. )", "", text).replace("*", "").split())


def section(page: str, heading: str) -> str:
    """The text under a heading of a page; that before the first where there is none."""
    parts = re.split(r"(?m)^## +(.+)$", re.sub(r"(?m)^# .*$", "", page))
    sections = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return plain({name.strip(): text for name, text in sections.items()}[heading])


@pytest.fixture(scope="module")
def sample(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / SAMPLE


@pytest.mark.parametrize("issue", CONTENT.issues, ids=lambda issue: issue.name)
def test_every_answer_stands_in_its_page_word_for_word(issue: Subject, sample: Path) -> None:
    page = (sample / issue.page).read_text("utf-8")
    assert f"# {issue.title}\n" in page
    assert plain(issue.answers["en"]) in section(page, issue.heading)
    for language, answer in issue.answers.items():
        cited = issue.citation(language)
        assert (cited.quote, cited.title, cited.heading) == (answer, issue.title, issue.heading)
        assert plain(answer) in plain((sample / cited.source).read_text("utf-8"))


@pytest.mark.parametrize("issue", CONTENT.issues, ids=lambda issue: issue.name)
def test_who_asks_in_chinese_is_answered_so_where_the_page_is(issue: Subject, sample: Path) -> None:
    translated = (sample / issue.page.replace(".md", ".zh.md")).exists()
    assert ("zh" in issue.answers) is ("zh" in issue.questions) is translated
    assert issue.citation("de") == issue.citation("en")


def test_the_pages_do_not_answer_the_gaps() -> None:
    for gap in CONTENT.gaps:
        assert not gap.answers
        assert not gap.page
        assert set(gap.questions) >= {"en", "zh"}


def test_wishes_for_a_person_are_found_and_nothing_else_is_one() -> None:
    assert [line for line in said("wish") if not wishes_for_a_person(line)] == []
    others = [kind for kind in CONTENT.talk["en"] if not kind.startswith(("wish", "agent_"))]
    assert [line for line in (*asked(CONTENT), *said(*others)) if wishes_for_a_person(line)] == []


def test_questions_are_no_small_talk_and_greetings_are() -> None:
    assert [line for line in asked(CONTENT) if small_talk(line) is not None] == []
    manners = said("greetings", "leave_thanks", languages=("en", "zh"))
    assert [line for line in manners if small_talk(line) is None] == []


def test_yes_is_a_yes() -> None:
    assert [line for line in said("yes", languages=("en", "zh")) if not says_yes(line)] == []


def test_policies_and_they_alone_are_named_by_their_words() -> None:
    theirs = set()
    for policy in CONTENT.policies:
        for line in lines_of(policy.questions):
            topic = POLICIES.of(line)
            assert topic is not None, line
            assert topic.name == policy.name
            theirs.add(line)
    assert [line for line in everything() if line not in theirs and POLICIES.of(line)] == []


def test_every_language_has_every_kind_of_line() -> None:
    kinds = {language: set(lines) for language, lines in CONTENT.talk.items()}
    assert kinds["en"] == kinds["zh"] == kinds["de"]
    assert all(lines for talk in CONTENT.talk.values() for lines in talk.values())
    assert set(CONTENT.products) == set(kinds)


def test_no_line_stands_twice() -> None:
    words = Counter(re.sub(r"\W+", " ", line).strip().casefold() for line in everything())
    assert [line for line, times in words.items() if times > 1] == []
    assert len(set(CONTENT.names)) == len(CONTENT.names)


def test_what_is_filled_in_is_known() -> None:
    for line in everything():
        assert set(re.findall(r"\{.*?\}|[{}]", line)) <= FILLED
        assert "—" not in line
