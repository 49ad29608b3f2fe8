from __future__ import annotations

import pytest

from bot.adapters.matrix.credentials import MatrixCredentials
from bot.errors import SettingsError

ADDRESS = {"MATRIX_HOMESERVER": "https://matrix.example.org/"}


def test_a_token_or_a_password() -> None:
    by_token = MatrixCredentials.from_environment(ADDRESS | {"MATRIX_ACCESS_TOKEN": " syt "})
    assert (by_token.homeserver, by_token.access_token) == ("https://matrix.example.org", "syt")
    named = {"MATRIX_USER_ID": "@kefu:example.org", "MATRIX_PASSWORD": "secret"}
    by_password = MatrixCredentials.from_environment(ADDRESS | named)
    assert (by_password.user_id, by_password.password) == ("@kefu:example.org", "secret")
    assert "secret" not in repr(by_password)
    assert "syt" not in repr(by_token)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="MATRIX_HOMESERVER and MATRIX_ACCESS_TOKEN"):
        MatrixCredentials.from_environment({})
    half = ADDRESS | {"MATRIX_USER_ID": "@kefu:example.org"}
    with pytest.raises(SettingsError, match=r"^MATRIX_ACCESS_TOKEN \(or .*MATRIX_PASSWORD"):
        MatrixCredentials.from_environment(half)


@pytest.mark.parametrize("address", ["matrix.example.org", "ftp://a", "https://", "https://a b"])
def test_what_is_no_address(address: str) -> None:
    given = {"MATRIX_HOMESERVER": address, "MATRIX_ACCESS_TOKEN": "x"}
    with pytest.raises(SettingsError, match="is no http:// or https:// address"):
        MatrixCredentials.from_environment(given)
