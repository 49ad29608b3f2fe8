"""Which homeserver, and as whom."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.errors import SettingsError

_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s?#]*")


@dataclass(frozen=True, slots=True)
class MatrixCredentials:
    homeserver: str
    """Its address, without a slash at the end."""
    access_token: str = field(default="", repr=False)
    user_id: str = ""
    """To log in as, with `password`, where there is no token."""
    password: str = field(default="", repr=False)

    @property
    def named(self) -> str:
        """The variables that say who we are."""
        return "MATRIX_ACCESS_TOKEN" if self.access_token else "MATRIX_USER_ID and MATRIX_PASSWORD"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> MatrixCredentials:
        """Raise SettingsError, naming what is missing."""
        given = {
            name: environment.get(f"MATRIX_{name.upper()}", "").strip()
            for name in ("homeserver", "access_token", "user_id", "password")
        }
        missing = [] if given["homeserver"] else ["MATRIX_HOMESERVER"]
        if not given["access_token"] and not (given["user_id"] and given["password"]):
            missing.append("MATRIX_ACCESS_TOKEN (or MATRIX_USER_ID with MATRIX_PASSWORD)")
        if missing:
            raise SettingsError(
                f"{' and '.join(missing)} must be set; README.md says where they come from"
            )
        if not _ADDRESS.fullmatch(given["homeserver"]):
            raise SettingsError(
                f"MATRIX_HOMESERVER {given['homeserver']!r} is no http:// or https:// address; "
                "write https://matrix.example.org"
            )
        return cls(**(given | {"homeserver": given["homeserver"].rstrip("/")}))
