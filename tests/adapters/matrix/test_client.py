from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.adapters.matrix.client import TRANSACTION, MatrixClient
from bot.adapters.matrix.credentials import MatrixCredentials
from bot.adapters.matrix.events import Us
from bot.adapters.matrix.homeserver import Barred, Homeserver, Limited, Stranger
from bot.conversation import Message, Role
from bot.delivery import Outgoing, Place, Postponed, Undeliverable
from tests.adapters.matrix.homeserver import DIRECT, GROUP, US, FakeHomeserver

WE = Us(US, "Kefu Bot")


def outgoing(key: str = DIRECT, text: str = "Sixty days.", *, landed: bool = False) -> Outgoing:
    message = Message("m1", "c1", Role.ASSISTANT, text, datetime(2026, 1, 1, tzinfo=UTC))
    return Outgoing(1, 1, 1, Place("matrix", key), message, landed)


async def test_a_reply_stands_in_the_room_or_its_thread(
    fake: FakeHomeserver, server: Homeserver
) -> None:
    client = MatrixClient(server, WE)
    assert await client.deliver(outgoing()) == "$of-m1.0"
    assert "m.relates_to" not in fake.sent["m1.0"]
    fake.sent.clear()
    await client.deliver(outgoing(f"{GROUP} $root"))
    assert fake.sent["m1.0"]["room"] == GROUP
    relation = fake.sent["m1.0"]["m.relates_to"]
    assert (relation["rel_type"], relation["event_id"]) == ("m.thread", "$root")


async def test_one_that_landed_without_an_answer_is_sent_again_and_stands_once(
    fake: FakeHomeserver, server: Homeserver
) -> None:
    client = MatrixClient(server, WE)
    fake.lost = 2  # the connection sends a PUT again once by itself
    with pytest.raises(Postponed) as raised:
        await client.deliver(outgoing(text="word " * 3_000))
    assert raised.value.landed
    assert await client.deliver(outgoing(text="word " * 3_000)) == "$of-m1.2"
    assert list(fake.sent) == ["m1.0", "m1.1", "m1.2"]


async def test_one_that_may_have_landed_is_looked_for(
    fake: FakeHomeserver, server: Homeserver
) -> None:
    """The homeserver may have forgotten the transaction by now."""
    ours = {"sender": US, "type": "m.room.message", "origin_server_ts": 1_800_000_000_000}
    landed = {**ours, "event_id": "$landed", "content": {TRANSACTION: "m1.0"}}
    others = [{**ours, "content": {TRANSACTION: 3}}, {**ours, "content": 3}, 3]
    fake.pages[""] = {"chunk": others, "end": "p1"}
    fake.pages["p1"] = {"chunk": [landed], "end": "p2"}
    fake.pages["p2"] = {"chunk": [{**ours, "origin_server_ts": 1}], "end": "p3"}
    client = MatrixClient(server, WE)
    assert await client.deliver(outgoing(landed=True)) == "$landed"
    assert not fake.sent
    assert sum("/messages" in call for call in fake.calls) == 3
    await client.deliver(outgoing(text="word " * 2_000, landed=True))
    assert list(fake.sent) == ["m1.1"], "the part that is missing"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"errcode": "M_UNKNOWN"}, Postponed),
        (502, "<html>", Postponed),
        (200, "no JSON", Stranger),
        (404, "<html>", Stranger),
        (404, {"errcode": "M_UNRECOGNIZED"}, Stranger),
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, Barred),
        (403, {"errcode": "M_USER_DEACTIVATED"}, Barred),
        (403, {"errcode": "M_FORBIDDEN"}, Undeliverable),
        (404, {"errcode": "M_NOT_FOUND"}, Undeliverable),
        (413, {"errcode": "M_TOO_LARGE"}, Undeliverable),
        (413, "<html>", Undeliverable),
        (400, {"errcode": ["M_UNKNOWN"]}, Stranger),
    ],
)
async def test_what_an_answer_means(
    fake: FakeHomeserver, server: Homeserver, status: int, body: object, kind: type[Exception]
) -> None:
    fake.faults["/send/"].append((status, body))
    with pytest.raises(kind) as raised:
        await MatrixClient(server, WE).deliver(outgoing())
    assert type(raised.value) is kind
    assert getattr(raised.value, "landed", False) is (kind in {Postponed, Stranger})
    assert "Sixty" not in str(raised.value)


@pytest.mark.parametrize(("asked", "seconds"), [(7_000, 7.0), (None, 5.0), ("x", 5.0), (-1, 0.0)])
async def test_a_rate_limit_is_kept(
    fake: FakeHomeserver, server: Homeserver, asked: object, seconds: float
) -> None:
    fake.faults["/send/"].append((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": asked}))
    client = MatrixClient(server, WE)
    with pytest.raises(Limited) as raised:
        await client.deliver(outgoing())
    assert (raised.value.seconds, raised.value.landed) == (seconds, False)
    if seconds:
        with pytest.raises(Limited):
            await client.deliver(outgoing())
        assert len(fake.calls) == 1
    else:
        await client.deliver(outgoing())


async def test_a_homeserver_that_is_gone() -> None:
    credentials = MatrixCredentials("http://127.0.0.1:9", "syt_secret")
    async with Homeserver(credentials) as server:
        with pytest.raises(Postponed) as raised:
            await MatrixClient(server, WE).deliver(outgoing())
    assert "secret" not in str(raised.value)


async def test_a_token_that_ended_is_renewed_by_password(fake: FakeHomeserver) -> None:
    async with Homeserver(MatrixCredentials(fake.url, "", US, "secret")) as server:
        client = MatrixClient(server, WE)
        assert await server.who_am_i() == US
        fake.token = "another"
        await client.deliver(outgoing())
    assert sum("/login" in call for call in fake.calls) == 2


async def test_agents_are_told_in_their_room(fake: FakeHomeserver, server: Homeserver) -> None:
    digest = ("“Where is my parcel?”", "Nothing answered yet", "negative")
    assert await MatrixClient(server, WE).alert(outgoing(), digest) == ""
    assert not fake.calls
    client = MatrixClient(server, WE, agents="!agents:a.example")
    await client.alert(outgoing(f"{GROUP} $root"), digest)
    await client.alert(outgoing(f"{GROUP} $root"), digest)
    told = fake.sent["m1.alert.0"]
    assert told["room"] == "!agents:a.example"
    assert "https://matrix.to/#/%21group%3Aa.example/%24root?via=a.example" in told["body"]
    assert len(fake.sent) == 1
