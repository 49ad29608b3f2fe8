from pathlib import Path

from tests.cli.conftest import Kefu


def test_without_a_terminal_it_goes_line_by_line(kefu: Kefu, sample_home: Path) -> None:
    ran = kefu("chat", given="How long do I have to return shoes?\nthanks!\n")
    assert ran.status == 0
    assert "60 days" in ran.out
    assert "returns.md" in ran.out


def test_kefu_alone_is_chat(kefu: Kefu, sample_home: Path) -> None:
    assert kefu(given="").status == 0
