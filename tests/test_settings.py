from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import load_settings


def write(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "kefu.toml").write_text(text)


def test_the_first_run_needs_no_file(home: Path) -> None:
    settings = load_settings()
    assert settings.home == home
    assert settings.engine.model == "kefu-small"


def test_variables_win_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, 'business = "Lamps"\n[engine]\ncontext = 256\nseed = 5\n')
    monkeypatch.setenv("KEFU_ENGINE__CONTEXT", "512")
    settings = load_settings()
    assert settings.business == "Lamps"
    assert settings.engine.context == 512
    assert settings.engine.seed == 5


def test_a_home_given_wins_and_its_file_is_read(tmp_path: Path) -> None:
    write(tmp_path / "other", 'business = "Elsewhere"\n')
    settings = load_settings(tmp_path / "other")
    assert settings.home == tmp_path / "other"
    assert settings.business == "Elsewhere"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[engine]\ncontext = -1\n", "engine.context = -1"),
        (
            "[engine]\ncontext = 10\n",
            "engine.context = 10 cannot be used: a conversation needs",
        ),
        ("[engine]\ncontxt = 1\n", "engine.contxt = 1 cannot be used: there is no such setting"),
        ("[engine]\ndrafst = 1\n", "no such setting (drafts is one)"),
        (
            "[engine]\nseed = 'x'\n",
            "engine.seed = 'x' cannot be used: it should be",
        ),
        ("[handoff]\nagents = {slack = '#support'}\n", "slack = '#support' is no channel's id"),
        ("[handoff]\nagents = {teams = 'C1'}\n", "agents are told in slack and matrix, not in"),
        ("[[topics]]\nname = 'x'\nwords = ['*']\n", "'*' of the topic 'x' has no letter"),
        ("[inbox]\nlanguage = 'English'\n", "language is two small letters, such as en"),
        ("[engine]\nurl = 'localhost:80'\n", "an address begins with http:// or https://"),
        ("[[topics]]\nwords = ['law']\n", "setting topics.0.name is missing"),
        ("[[topics]]\nname = 'x'\nwords = []\n", "= [] cannot be used: it needs 1 or more"),
        ("[engine]\nseed = 'x'\ncontext = -1\n", "-1 cannot be used: it should be greater"),
        ("colour = 'red'\n", "colour"),
        ("engine = 3\n", "engine = 3"),
        ("this is [not toml", "kefu.toml"),
    ],
)
def test_a_bad_key_or_value_is_named(home: Path, text: str, told: str) -> None:
    write(home, text)
    with pytest.raises(SettingsError, match=r".+") as raised:
        load_settings()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("room", ["C0123", "T0123/C0123", "E0123/G0123", ""])
def test_where_agents_may_be_told(home: Path, room: str) -> None:
    write(home, f"[handoff]\nagents = {{slack = '{room}', matrix = '!desk:a.example'}}\n")
    assert load_settings().handoff.agents["slack"] == room


def test_a_variable_that_is_no_json_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_HOURS__OPEN", "mon")
    with pytest.raises(SettingsError, match=r"a variable KEFU_HOURS… cannot be read: .*JSON"):
        load_settings()
