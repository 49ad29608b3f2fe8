"""`kefu matrix` as an operator runs it, with the models that come along, beside a real homeserver.

`make test-matrix` runs it: it needs Synapse.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nio import AsyncClient, RoomMessagesResponse

from bot.adapters.matrix.client import MatrixClient
from bot.adapters.matrix.credentials import MatrixCredentials
from bot.adapters.matrix.events import Us
from bot.adapters.matrix.homeserver import Homeserver
from bot.conversation import Message, Role
from bot.delivery import Fate, Outgoing, Place
from bot.store import open_store
from tests.e2e.synapse import Account, Synapse, synapse

pytestmark = pytest.mark.synapse

KEFU = Path(sys.executable).with_name("kefu")
QUESTION = "How long do I have to return shoes?"
PERSON = "I want to talk to a person, please."
PATIENCE = 120
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    with synapse(tmp_path_factory.mktemp("synapse")) as server:
        yield server


@pytest.fixture
def bot(server: Synapse) -> Account:
    return server.register(f"kefu-{uuid.uuid4().hex[:8]}")


@pytest.fixture
async def anna(server: Synapse) -> AsyncIterator[Customer]:
    async with customer(server, "anna") as anna:
        yield anna


@pytest.fixture
async def ben(server: Synapse) -> AsyncIterator[Customer]:
    async with customer(server, "ben") as ben:
        yield ben


@asynccontextmanager
async def customer(server: Synapse, name: str) -> AsyncIterator[Customer]:
    account = server.register(f"{name}-{uuid.uuid4().hex[:8]}")
    async with client_of(server, account) as client:
        yield Customer(client)


@asynccontextmanager
async def client_of(server: Synapse, account: Account) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(server.url)
    client.user_id, client.access_token = account.user_id, account.token
    try:
        yield client
    finally:
        await client.close()


class Customer:
    def __init__(self, client: AsyncClient) -> None:
        self.client, self.user_id = client, client.user_id

    async def room(self, *invited: str, **more: Any) -> str:
        made = await self.client.room_create(invite=invited, **more)
        return str(made.room_id)

    async def send(self, room: str, content: Json, kind: str = "m.room.message") -> str:
        sent = await self.client.room_send(room, kind, content, ignore_unverified_devices=True)
        return str(sent.event_id)

    async def say(self, room: str, text: str, *, thread: str = "", mentions: str = "") -> str:
        content: Json = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        if mentions:
            content["m.mentions"] = {"user_ids": [mentions]}
        return await self.send(room, content)

    async def heard(self, room: str, bot: Account) -> list[Json]:
        """What kefu said in the room, oldest first."""
        found = await self.client.room_messages(room, direction="f", limit=500)
        if not isinstance(found, RoomMessagesResponse):
            return []
        events = [one.source for one in found.chunk]
        return [
            one
            for one in events
            if one["sender"] == bot.user_id and one["type"] == "m.room.message"
        ]

    async def replies(self, room: str, bot: Account, count: int) -> list[Json]:
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.heard(room, bot)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def kefu_matrix(server: Synapse, bot: Account, **more: str) -> AsyncIterator[Process]:
    """Connected."""
    given = {"MATRIX_HOMESERVER": server.url, "MATRIX_ACCESS_TOKEN": bot.token} | more
    process = await asyncio.create_subprocess_exec(
        KEFU, "matrix", env=os.environ | given, stderr=PIPE
    )
    try:
        assert f"connected to Matrix as {bot.user_id}" in await line(process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: Process) -> str:
    assert process.stderr is not None
    return (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()


async def until(condition: Callable[[], Any]) -> Any:
    """What it is when it holds."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def test_a_direct_room_from_a_question_to_a_person(
    server: Synapse, bot: Account, anna: Customer, ben: Customer, sample_home: Path
) -> None:
    agents = await ben.room(bot.user_id)
    told_there = {"KEFU_HANDOFF__AGENTS": json.dumps({"matrix": agents})}
    async with (
        kefu_matrix(server, bot, **told_there) as process,
        await open_store(sample_home / "kefu.db") as store,
    ):
        room = await anna.room(bot.user_id, is_direct=True)
        await anna.say(room, QUESTION)
        (answer,) = await anna.replies(room, bot, 1)
        content = answer["content"]
        assert "60 days" in content["body"]
        assert "📄 " in content["body"]
        assert (content["msgtype"], content["m.mentions"]) == ("m.notice", {})
        assert "m.relates_to" not in content

        async def recorded() -> Message | None:
            return await store.outbox.message_at("matrix", answer["event_id"])

        async def judged() -> list[bool]:
            return [one.helpful for one in await store.feedback.of([reply.id])]

        reply = await until(recorded)
        thumb = {"rel_type": "m.annotation", "event_id": answer["event_id"], "key": "👎🏽"}
        thumb_id = await anna.send(room, {"m.relates_to": thumb}, "m.reaction")
        assert await until(judged) == [False]
        await anna.client.room_redact(room, thumb_id)

        async def not_judged() -> bool:
            return not await judged()

        await until(not_judged)

        await anna.say(room, PERSON)
        (_, handed_off) = await anna.replies(room, bot, 2)
        assert "I have called a person" in handed_off["content"]["body"]
        (alert,) = await ben.replies(agents, bot, 1)
        assert "A person is needed: https://matrix.to/#/" in alert["content"]["body"]
        await ben.say(agents, "I take it.")
        await anna.say(room, "Are you there?")

        async def is_silent() -> bool:
            return (await store.inbox.count("matrix")).get(Fate.HANDED_OFF) == 2

        await until(is_silent)
        process.send_signal(signal.SIGTERM)
        assert "done" in await line(process)
        assert await process.wait() == 0
        assert len(await anna.heard(room, bot)) == 2


async def test_a_thread_in_a_room_of_several(
    server: Synapse, bot: Account, anna: Customer, ben: Customer, sample_home: Path
) -> None:
    async with kefu_matrix(server, bot):
        room = await anna.room(bot.user_id, ben.user_id)
        await ben.client.join(room)
        await anna.say(room, "Nice weather.")
        root = await anna.say(room, f"{bot.user_id}: {QUESTION}", mentions=bot.user_id)
        (answer,) = await anna.replies(room, bot, 1)
        assert "60 days" in answer["content"]["body"]
        assert answer["content"]["m.relates_to"]["rel_type"] == "m.thread"
        assert answer["content"]["m.relates_to"]["event_id"] == root
        await ben.say(room, "Overheard.")
        await ben.say(room, "And how long does delivery take?", thread=root)
        (_, second) = await anna.replies(room, bot, 2)
        assert second["content"]["m.relates_to"]["event_id"] == root
    async with await open_store(sample_home / "kefu.db") as store:
        assert await store.inbox.count("matrix") == {Fate.ANSWERED: 2}
        (talk,) = await store.log.overview()
        said = await store.log.messages(talk.conversation.id)
        assert said[0].text == QUESTION


async def test_edits_and_redactions_reach_the_log(
    server: Synapse, bot: Account, anna: Customer, sample_home: Path
) -> None:
    async with kefu_matrix(server, bot), await open_store(sample_home / "kefu.db") as store:
        room = await anna.room(bot.user_id, is_direct=True)
        first = await anna.say(room, "How long do I have to return hats?")
        await anna.replies(room, bot, 1)
        new = {"msgtype": "m.text", "body": QUESTION}
        relation = {"rel_type": "m.replace", "event_id": first}
        await anna.send(room, {**new, "m.new_content": new, "m.relates_to": relation})

        async def texts() -> list[str]:
            (talk,) = await store.log.overview()
            return [one.text for one in await store.log.messages(talk.conversation.id)]

        async def is_edited() -> bool:
            return (await texts())[0] == QUESTION

        await until(is_edited)
        await anna.client.room_redact(room, first)

        async def is_redacted() -> bool:
            return (await texts())[0] == ""

        await until(is_redacted)


async def test_killed_with_a_message_in_hand_and_started_again(
    server: Synapse, bot: Account, anna: Customer, sample_home: Path
) -> None:
    async with await open_store(sample_home / "kefu.db") as store:
        async with kefu_matrix(server, bot) as process:
            room = await anna.room(bot.user_id, is_direct=True)
            await anna.say(room, QUESTION)

            async def taken() -> bool:
                return bool(await store.inbox.count("matrix"))

            await until(taken)
            process.kill()
            await process.wait()
        other = await anna.room(bot.user_id, is_direct=True)
        await anna.say(room, "And how long does delivery take?")
        await anna.say(other, QUESTION)
        async with kefu_matrix(server, bot):
            first, _ = await anna.replies(room, bot, 2)
            (third,) = await anna.replies(other, bot, 1)
            assert "60 days" in first["content"]["body"]
            assert "60 days" in third["content"]["body"]
            assert await store.inbox.count("matrix") == {Fate.ANSWERED: 3}


async def test_what_was_said_in_an_outage_is_answered_but_not_what_was_before(
    server: Synapse, bot: Account, anna: Customer, sample_home: Path
) -> None:
    room = await anna.room(bot.user_id, is_direct=True)
    async with client_of(server, bot) as account:
        await account.join(room)
    await anna.say(room, "This is long ago.")
    async with kefu_matrix(server, bot):
        await anna.say(room, QUESTION)
        await anna.replies(room, bot, 1)
    for number in range(105):  # more than a sync holds
        await anna.say(room, f"Hello {number}.")
    async with await open_store(sample_home / "kefu.db") as store:
        async with kefu_matrix(server, bot):

            async def all_taken() -> bool:
                return sum((await store.inbox.count("matrix")).values()) == 106

            await until(all_taken)
        (talk,) = await store.log.overview()
        (first, *_) = await store.log.messages(talk.conversation.id)
        assert first.text == QUESTION


async def test_an_encrypted_room_is_told_once(
    server: Synapse, bot: Account, anna: Customer, sample_home: Path
) -> None:
    async with kefu_matrix(server, bot) as process:
        room = await anna.room(bot.user_id, is_direct=True)
        for _ in range(2):
            secret = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "y"}
            await anna.send(room, secret, "m.room.encrypted")
        await anna.say(room, QUESTION)
        told, answer = await anna.replies(room, bot, 2)
        assert "I cannot read them" in told["content"]["body"]
        assert "60 days" in answer["content"]["body"]
        assert "is encrypted" in await line(process)


async def test_by_password_and_over_an_outage(
    server: Synapse, bot: Account, anna: Customer, sample_home: Path
) -> None:
    by_password = {"MATRIX_USER_ID": bot.user_id, "MATRIX_PASSWORD": bot.password}
    async with kefu_matrix(server, bot, MATRIX_ACCESS_TOKEN="", **by_password) as process:
        room = await anna.room(bot.user_id, is_direct=True)
        await anna.say(room, QUESTION)
        await anna.replies(room, bot, 1)
        server.stop()
        assert "nothing is read from the homeserver" in await line(process)
        server.start()
        assert "the homeserver is read again" in await line(process)
        await anna.say(room, QUESTION)
        await anna.replies(room, bot, 2)


async def test_one_that_may_have_landed_is_found_again(
    server: Synapse, bot: Account, anna: Customer
) -> None:
    """Also by another device, for which the transaction is another."""
    room = await anna.room(bot.user_id, is_direct=True)
    async with client_of(server, bot) as account:
        await account.join(room)
    text = "Paragraph.\n\n" * 1_000
    message = Message("m1", "c1", Role.ASSISTANT, text, datetime.now(UTC))
    outgoing = Outgoing(1, 1, 1, Place("matrix", room), message, may_have_landed=False)
    us = Us(bot.user_id, "kefu")
    references = set()
    for credentials, may_have_landed in (
        (MatrixCredentials(server.url, bot.token), False),
        (MatrixCredentials(server.url, bot.token), False),
        (MatrixCredentials(server.url, "", bot.user_id, bot.password), True),
    ):
        async with Homeserver(credentials) as homeserver:
            await homeserver.who_am_i()
            again = replace(outgoing, may_have_landed=may_have_landed)
            references.add(await MatrixClient(homeserver, us).deliver(again))
    assert len(references) == 1
    assert len(await anna.heard(room, bot)) == 2
