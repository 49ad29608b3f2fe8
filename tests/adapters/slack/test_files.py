from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.adapters.slack.app import SlackCredentials
from bot.adapters.slack.client import SlackClient
from bot.adapters.slack.workspaces import OneWorkspace
from bot.delivery import Attachment, Place, Postponed, Undeliverable
from tests.e2e.slack_server import SlackServer

PLACE = Place("slack", "T0KEFU/C0HELP/1800000000.000001")


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as slack:
        yield slack


@pytest.fixture
def client(slack: SlackServer) -> SlackClient:
    credentials = SlackCredentials.from_environment(http=False, environment=slack.environment)
    return SlackClient(OneWorkspace(credentials.web(), "U0KEFU"))


def attached(slack: SlackServer, content: bytes = b"Number 4711.") -> Attachment:
    file = slack.attach("order.txt", content)
    return Attachment("order.txt", file["id"], file["size"])


async def test_a_file_is_fetched_with_the_token(slack: SlackServer, client: SlackClient) -> None:
    assert await client.files.fetch(PLACE, attached(slack), 100) == b"Number 4711."


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/F1",
        "http://files.slack.com/F1",
        "https://slack.com.evil.example/F1",
        "https://files.slack.com@evil.example/F1",
        "file:///etc/passwd",
        "",
    ],
)
async def test_nobody_but_slack_gets_the_token(
    slack: SlackServer, client: SlackClient, address: str
) -> None:
    file = attached(slack)
    slack.workspace.files[file.address] = (address, b"")
    with pytest.raises(Undeliverable, match="not kept at Slack"):
        await client.files.fetch(PLACE, file, 100)


async def test_what_cannot_be_had(slack: SlackServer, client: SlackClient) -> None:
    with pytest.raises(Undeliverable, match="larger"):
        await client.files.fetch(PLACE, attached(slack), 5)
    with pytest.raises(Undeliverable, match="file_not_found"):
        await client.files.fetch(PLACE, Attachment("a", "F0", 1), 100)
    file = attached(slack)
    slack.workspace.files[file.address] = (f"{slack.url}/files/none", b"")
    with pytest.raises(Undeliverable, match="404"):
        await client.files.fetch(PLACE, file, 100)
    slack.workspace.files[file.address] = ("http://127.0.0.1:9/", b"")
    slack.faults.server_errors = 1.0
    with pytest.raises(Postponed):
        await client.files.fetch(PLACE, file, 100)
