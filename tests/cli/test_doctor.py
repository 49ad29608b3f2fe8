from pathlib import Path

from tests.cli.conftest import Kefu


def test_it_says_what_works(kefu: Kefu, sample_home: Path) -> None:
    ran = kefu("doctor", "--json")
    assert ran.status == 0
    assert ran.json["system"]["backend"] in {"cpu", "cuda", "metal", "vulkan"}
    assert all(check["ok"] for check in ran.json["checks"])
    assert {check["name"] for check in ran.json["checks"]} >= {"database", "sentiment"}
    assert "backend" in kefu("doctor").out


def test_a_broken_database_is_found(kefu: Kefu, home: Path) -> None:
    home.mkdir()
    (home / "kefu.db").write_bytes(b"no database" * 100)
    ran = kefu("doctor")
    assert ran.status == 1
    assert "BROKEN" in ran.out
