from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pydantic import TypeAdapter

from bot.reports.opening import open_reporter
from bot.reports.report import Report
from bot.settings import Settings
from bot.store import open_store
from bot.store.cohort import Period
from tests.cli.conftest import Kefu
from tests.reports.conftest import UNTIL, demo_at, silent

MONTH = ("report", "--until", "2026-06-29")
HOSTILE = "\x1b[2J\u202e<script>alert(1)</script> | [link](javascript:x) \x9b2J?"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 120 conversations of the demo, on which there was a report."""
    home = demo_at(tmp_path_factory.mktemp("reported"), 120).home

    async def report() -> None:
        async with open_reporter(Settings(home=home), silent) as (_, reporter):
            await reporter.report(Period(UNTIL - timedelta(days=30), UNTIL), UNTIL)

    asyncio.run(report())
    return home


@pytest.fixture
def demo_home(reported: Path, home: Path) -> Path:
    """This test's own copy of it."""
    shutil.copytree(reported, home)
    return home


def write(home: Path, channel: str, *texts: str) -> None:
    """Now."""

    async def work() -> None:
        async with await open_store(Settings(home=home).paths.database) as store:
            for number, text in enumerate(texts):
                talk = await store.log.start(channel=channel, customer=f"ada{number}")
                await store.log.note(talk.id, text)

    asyncio.run(work())


def parsed(text: str) -> Report:
    return TypeAdapter(Report).validate_json(text)


def columns(markdown: str) -> Sequence[set[int]]:
    """Of each table, how many its rows have."""
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    return [{len(re.findall(r"(?<!\\)\|", row)) for row in one.splitlines()} for one in tables]


# --- what it tells


def test_the_demo_and_its_report_as_json(kefu: Kefu) -> None:
    demo = kefu("demo", "--conversations", "120", "--until", "2026-06-29", "--json").json
    quarter = (*MONTH, "--since", "2026-03-31")
    made = parsed(kefu(*quarter, "--json").out)
    assert made.now.conversations == demo["conversations"]
    assert made.now.messages == demo["messages"]
    assert (made.by, made.zone, made.channel) == ("week", "UTC", None)
    assert made.topics
    assert made.highlights
    again = parsed(kefu(*quarter, "--format", "json").out)
    assert replace(again, made_at=made.made_at) == made


def test_a_month_by_default_beside_the_one_before(kefu: Kefu, demo_home: Path) -> None:
    made = parsed(kefu(*MONTH, "--json").out)
    assert (f"{made.since:%m-%d}", f"{made.until:%m-%d}") == ("05-30", "06-29")
    assert f"{made.before:%m-%d}" == "04-30"
    assert (made.by, len(made.parts)) == ("day", 30)
    assert made.then.conversations > 0


def test_a_page_in_a_file(kefu: Kefu, demo_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "report of June.txt"
    ran = kefu(*MONTH, "--format", "html", "-o", str(file))
    assert (ran.status, ran.out) == (0, "")
    assert re.search(r"tells of \d+ conversations from 2026-05-30 to 2026-06-29", ran.err)
    page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
    assert page.h1 is not None
    assert page.h1.get_text() == "Lantern & Loom: what customers asked"
    assert len(page.find_all("section")) >= 9
    assert [one.name for one in tmp_path.glob("*.txt*")] == [file.name], "nothing beside it"


def test_markdown_on_standard_output(kefu: Kefu, demo_home: Path) -> None:
    ran = kefu(*MONTH)
    assert ran.status == 0
    assert ran.out.startswith("# Lantern & Loom: what customers asked\n")
    assert "## What the help pages do not say" in ran.out
    assert all(len(one) == 1 for one in columns(ran.out))
    assert kefu(*MONTH, "--format", "md").out == ran.out


@pytest.mark.parametrize(
    ("name", "more", "begins"),
    [
        ("r.html", (), "<!doctype html>"),
        ("r.HTM", (), "<!doctype html>"),
        ("r.json", (), "{"),
        ("r.md", (), "# "),
        ("r", (), "# "),
        ("r.html", ("--format", "md"), "# "),
        ("r.html", ("--json",), "{"),
    ],
)
def test_a_files_ending_says_its_form(
    kefu: Kefu, tmp_path: Path, name: str, more: tuple[str, ...], begins: str
) -> None:
    file = tmp_path / name
    assert kefu("report", "-o", str(file), *more).status == 0
    assert file.read_text(encoding="utf-8").startswith(begins)


def test_a_file_that_is_there_is_written_over(kefu: Kefu, tmp_path: Path) -> None:
    file = tmp_path / "r.md"
    file.write_text("old " * 10_000)
    assert kefu("report", "-o", str(file)).status == 0
    assert "old" not in file.read_text()
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["r.md"]


def test_days_are_those_of_the_business(
    kefu: Kefu, demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_HOURS__TIMEZONE", "Asia/Shanghai")
    made = parsed(kefu("report", "--since", "2026-06-01", "--until", "2026-06-03", "--json").out)
    assert made.zone == "Asia/Shanghai"
    assert made.since.isoformat() == "2026-06-01T00:00:00+08:00"
    assert [f"{part.begins}" for part in made.parts] == ["2026-06-01", "2026-06-02"]
    hour = ("--since", "2026-06-01T09:00", "--until", "2026-06-01T10:00")
    made = parsed(kefu("report", *hour, "--json").out)
    assert (made.until - made.since).total_seconds() == 3600


# --- nobody, and trials


def test_no_conversations_at_all(kefu: Kefu, tmp_path: Path) -> None:
    said = "No customer wrote in this period."
    for form in ("md", "html", "json"):
        ran = kefu("report", "--format", form)
        assert ran.status == 0
        assert said in ran.out
        assert "None" not in ran.out
    assert parsed(kefu("report", "--json").out).now.conversations == 0
    file = tmp_path / "r.html"
    assert "0 conversations" in kefu("report", "-o", str(file)).err
    assert said in file.read_text()


def test_trials_are_told_of_when_they_are_asked_for(kefu: Kefu, home: Path) -> None:
    write(home, "ask", "Is it late?")
    without = parsed(kefu("report", "--json").out)
    assert without.now.conversations == 0
    assert without.notes == ("1 trial by `kefu ask` left out; `--channel ask` has them.",)
    made = parsed(kefu("report", "--channel", "ask", "--json").out)
    assert (made.channel, made.now.channels, made.notes[0]) == (
        "ask",
        {"ask": 1},
        "1 conversation ended less than 72 hours ago: containment and resolution may still fall.",
    )
    assert ", ask alone." in kefu("report", "--channel", "ask").out


def test_one_channel_alone(kefu: Kefu, demo_home: Path) -> None:
    everywhere = parsed(kefu(*MONTH, "--json").out).now
    slack = parsed(kefu(*MONTH, "--channel", "slack", "--json").out).now
    assert slack.channels == {"slack": everywhere.channels["slack"]}
    assert 0 < slack.conversations < everywhere.conversations
    unknown = kefu(*MONTH, "--channel", "nowhere", "--json")
    assert (unknown.status, unknown.out) == (2, "")
    assert "no conversation took place there; there are matrix, slack, terminal" in unknown.err


# --- what is wrong


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (".", "is a folder; name a file"),
        ("missing/r.html", "is no folder; make it"),
        ("file/r.html", "is no folder; make it"),
        ("/proc/kefu-report.md", "be written"),
    ],
)
def test_a_place_that_cannot_be_written_to(
    kefu: Kefu, tmp_path: Path, where: str, said: str
) -> None:
    (tmp_path / "file").touch()
    ran = kefu("report", "-o", str(tmp_path / where))
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("is_there", [True, False])
def test_what_may_not_be_written_is_told_before_the_work(
    kefu: Kefu, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    file = tmp_path / "r.html"
    if is_there:
        file.write_text("old")
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)  # root may write to any
    ran = kefu("report", "-o", str(file))
    assert (ran.status, ran.out) == (2, "")
    assert "r.html may not be written; name another file with -o" in ran.err
    assert not (home / "kefu.db").exists()
    assert file.exists() is is_there


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-05-02", "2026-05-01"), ("2026-05-01", "2026-05-01"), ("2199-01-01", None)],
)
def test_a_period_that_ends_before_it_begins(kefu: Kefu, since: str, until: str | None) -> None:
    ran = kefu("report", "--since", since, *(("--until", until) if until else ()))
    assert (ran.status, ran.out) == (2, "")
    assert f"before it begins ({since} 00:00); give --since a day before --until" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30", "29.06.2026", "2026-06-29 10:00", ""])
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_bad_date(kefu: Kefu, home: Path, option: str, date: str) -> None:
    ran = kefu("report", option, date)
    assert (ran.status, ran.out) == (2, "")
    assert option in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not home.exists()


@pytest.mark.parametrize("wrong", [("--format", "pdf"), ("--week",), ("june",)])
def test_wrong_usage(kefu: Kefu, wrong: tuple[str, ...]) -> None:
    ran = kefu("report", *wrong)
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1


# --- what customers wrote


def test_what_a_customer_wrote_cannot_steer_the_terminal(kefu: Kefu, home: Path) -> None:
    write(home, "slack", HOSTILE, HOSTILE)
    for form in ("md", "html"):
        out = kefu("report", "--format", form).out
        assert "alert(1)" in out
        assert not set("\x1b\x9b\u202e") & set(out)
    assert all(len(one) == 1 for one in columns(kefu("report").out))
    assert not BeautifulSoup(kefu("report", "--format", "html").out, "html.parser").find("script")


def test_json_loses_nothing_of_it(kefu: Kefu, home: Path) -> None:
    write(home, "slack", HOSTILE)
    made = parsed(kefu("report", "--json").out)
    assert made.topics[0].examples[0].text == HOSTILE


def test_prose_takes_a_model_that_reads(kefu: Kefu, demo_home: Path) -> None:
    ran = kefu("report", "--prose")
    assert (ran.status, ran.out) == (2, "")
    assert "--prose takes a model that reads, which kefu-small does not" in ran.err
    assert kefu("report", "--prose", "--engine", "ray").status == 2
