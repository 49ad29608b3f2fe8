import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Kefu


def test_help_and_version(kefu: Kefu) -> None:
    assert "knowledge" in kefu("--help").out
    assert kefu("--version").out.startswith("kefu 0.")


def test_wrong_usage_is_exit_2(kefu: Kefu) -> None:
    assert kefu("no-such-command").status == 2
    assert kefu("ask", "--no-such-option").status == 2


def test_the_command_line_imports_nothing_heavy() -> None:
    code = (
        "import sys, bot.cli; "
        "heavy = {'llama_cpp', 'textual', 'sqlalchemy', 'langchain_core', 'numpy', 'torch'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("KEFU_ENGINE__CONTEXT", "many", "engine.context = 'many'"),
        ("KEFU_ENGINE__MODEL", "no-such-model", "no-such-model"),
        ("KEFU_ENGINE__MODEL", "kefu-encoder", "engine.model: kefu-encoder is the encoder model"),
        (
            "KEFU_ENGINE__ADAPTERS",
            '{"gone.gguf": 1}',
            "gone.gguf does not exist; mend engine",
        ),
        ("KEFU_ENGINE__TEMPERATURE", "9", "engine.temperature"),
    ],
)
def test_a_bad_setting_is_named(
    kefu: Kefu,
    sample_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(variable, value)
    ran = kefu("ask", "hi")
    assert ran.status == 1
    assert told in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF" + b"\x00" * 64])
def test_a_bad_model_file_is_named(
    kefu: Kefu, sample_home: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    file = sample_home / "broken.gguf"
    file.write_bytes(content)
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(file))
    ran = kefu("ask", "hi")
    assert ran.status == 1
    assert "broken.gguf" in ran.err
    assert ran.err.count("\n") == 1
    assert kefu("doctor").status == 1


def test_a_broken_settings_file_is_named(kefu: Kefu, sample_home: Path) -> None:
    (sample_home / "kefu.toml").write_text("this is [not toml")
    ran = kefu("conversations", "list")
    assert ran.status == 1
    assert "kefu.toml" in ran.err


def test_a_home_that_cannot_be_made(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = kefu("conversations", "list", "--home", str(tmp_path / "file"))
    assert ran.status == 1
    assert ran.err.count("\n") == 1


def test_a_database_from_the_future(kefu: Kefu, sample_home: Path) -> None:
    import sqlite3

    with sqlite3.connect(sample_home / "kefu.db") as database:
        database.execute("update alembic_version set version_num = '9999'")
    ran = kefu("conversations", "list")
    assert ran.status == 1
    assert "9999" in ran.err


def test_an_unexpected_error_is_one_line_and_a_file(
    kefu: Kefu, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr("bot.app.open_store_of", broken)
    ran = kefu("conversations", "list")
    assert ran.status == 1
    assert "what nobody foresaw" in ran.err
    assert "what nobody foresaw" in (sample_home / "logs" / "error.log").read_text()
