from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import load_settings
from bot.settings_file import write_setting, write_settings

WRITTEN = """\
# our shop
business = "Weir"   # the name

[engine]
context = 2048
model = "kefu-small"  # until the new machine is here
adapters = { "tone.gguf" = 1.0 }

[[topics]]
name = "legal"   # ask Ann
words = ["lawyer*"]
"""


def test_a_setting_is_changed_and_all_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "kefu.toml"
    file.write_text(WRITTEN, encoding="utf-8")
    write_setting(file, "engine", "model", "big.gguf")
    assert file.read_text(encoding="utf-8") == WRITTEN.replace("kefu-small", "big.gguf")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# nothing yet",
        'business = "Weir"\n',
        "[engine]\n",
        "[hours]\ntimezone = 'UTC'",
        "engine.context = 512\n",
        "engine = { context = 512 }\n",
        '[[topics]]\nname = "a"\nwords = ["b"]\n',
        "[engine]\ncontext = 512\n[hours]\n[engine.adapters]\n'a.gguf' = 1.0\n",
    ],
)
def test_a_setting_is_added_to_whatever_there_is(home: Path, before: str) -> None:
    home.mkdir()
    file = home / "kefu.toml"
    file.write_text(before, encoding="utf-8")
    value = 'C:\\models\\"big".gguf'
    write_setting(file, "engine", "model", value)
    had = tomllib.loads(before)
    has = tomllib.loads(file.read_text(encoding="utf-8"))
    assert has == {**had, "engine": {**had.get("engine", {}), "model": value}}
    assert load_settings(home).engine.model == value


@pytest.mark.parametrize(
    "before",
    [
        "",
        WRITTEN,
        "engine = { adapters = { 'a.gguf' = 1.0 } }\n",
        "[engine]\ncontext = 512\n[hours]\n[engine.adapters]\n'a.gguf' = 1.0\n",
    ],
)
def test_a_table_is_put_in_and_taken_out_together_with_the_rest(home: Path, before: str) -> None:
    home.mkdir()
    file = home / "kefu.toml"
    file.write_text(before, encoding="utf-8")
    adapters = {'C:\\own\\"mine".gguf': 1.0}
    write_settings(file, "engine", {"model": "big.gguf", "adapters": adapters})
    engine = load_settings(home).engine
    assert (engine.model, engine.adapters) == ("big.gguf", {Path(next(iter(adapters))): 1.0})
    write_settings(file, "engine", {"model": "small.gguf", "adapters": None})
    engine = load_settings(home).engine
    assert (engine.model, engine.adapters) == ("small.gguf", {})
    assert "adapters" not in file.read_text(encoding="utf-8")


def test_the_file_is_made_with_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "kefu.toml"
    write_setting(file, "engine", "model", "big.gguf")
    assert file.read_text(encoding="utf-8") == '[engine]\nmodel = "big.gguf"\n'


def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n", encoding="utf-8")
    real.chmod(0o600)
    link = tmp_path / "kefu.toml"
    link.symlink_to(real)
    write_setting(link, "engine", "model", "big.gguf")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8").startswith("# mine\n")
    assert real.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("before", ["engine = 5\n", "engine = [\n", "[[engine]]\n"])
def test_what_cannot_be_changed_is_left_alone(tmp_path: Path, before: str) -> None:
    file = tmp_path / "kefu.toml"
    file.write_text(before, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"model = 'big.gguf' under \[engine\]") as raised:
        write_setting(file, "engine", "model", "big.gguf")
    assert "\n" not in str(raised.value)
    assert file.read_text(encoding="utf-8") == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be written"):
        write_setting(tmp_path / "file" / "kefu.toml", "engine", "model", "big.gguf")
