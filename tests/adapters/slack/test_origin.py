from __future__ import annotations

from typing import Any

import pytest

from bot.adapters.slack.origin import Origin, origin_of


@pytest.mark.parametrize(
    ("body", "origin"),
    [
        ({"team_id": "T1"}, Origin("T1", "", False)),
        ({"team_id": "T1", "enterprise_id": "E1"}, Origin("T1", "E1", False)),
        ({"team_id": None, "enterprise_id": "E1"}, Origin("E1", "E1", False)),
        ({"team": {"id": "T1", "enterprise_id": "E1"}}, Origin("T1", "E1", False)),
        (
            {"team": None, "enterprise": {"id": "E1"}, "is_enterprise_install": True},
            Origin("E1", "E1", True),
        ),
        ({"team_id": "T1", "is_enterprise_install": "true"}, Origin("T1", "", True)),
        (
            {
                "team_id": "T9OTHER",
                "authorizations": [
                    {"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": True}
                ],
            },
            Origin("T1", "E1", True),
        ),
        (
            {"team": {"id": "T9OTHER"}, "view": {"app_installed_team_id": "T1"}},
            Origin("T1", "", False),
        ),
        ({"team_id": 7, "enterprise": "E1", "team": ["T1"]}, Origin("", "", False)),
        ({"team_id": "T1/C1", "authorizations": [7]}, Origin("", "", False)),
        ({}, Origin("", "", False)),
    ],
)
def test_origins(body: dict[str, Any], origin: Origin) -> None:
    assert origin_of(body) == origin


def test_whose_installation() -> None:
    assert Origin("T1", "E1", False).installation == "T1"
    assert Origin("T1", "E1", True).installation == "E1"
    assert Origin("T1", "", True).installation == "T1"
