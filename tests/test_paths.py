from pathlib import Path

from bot.paths import Paths


def test_folders_are_made_when_asked_for(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "a" / "b")
    assert not paths.home.exists()
    assert paths.settings_file.parent == paths.home
    assert not paths.home.exists()
    assert paths.database.parent.is_dir()
    assert paths.models.is_dir()
    assert paths.error_log.parent.name == "logs"


def test_the_default_is_the_users_own_folder() -> None:
    assert Paths.default().home.name == "kefu"
