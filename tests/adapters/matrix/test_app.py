"""What a homeserver tells: committed, then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.matrix.app import MatrixApp, who_are_we
from bot.adapters.matrix.client import MatrixClient
from bot.adapters.matrix.credentials import MatrixCredentials
from bot.adapters.matrix.events import Us
from bot.adapters.matrix.homeserver import Homeserver
from bot.conversation import Reply, ReplyStatus
from bot.delivery import Fate
from bot.desk import Desk
from bot.errors import SettingsError, StoreFull
from bot.store import Store, open_store
from tests.adapters.matrix.homeserver import (
    ANNA,
    BEN,
    DIRECT,
    GROUP,
    US,
    FakeHomeserver,
    event,
    in_thread,
    membership,
    mentioning,
    message,
)
from tests.faults.desk_life import Echo

WE = Us(US, "Kefu Bot")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(tmp_path / "kefu.db") as store:
        yield store


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.matrix.app._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("bot.adapters.matrix.app._LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("bot.adapters.matrix.invitations._FIRST_PAUSE", 0.01)


@asynccontextmanager
async def reading(fake: FakeHomeserver, server: Homeserver, store: Store) -> AsyncIterator[None]:
    """From the first sync on."""
    await store.cursors.put("matrix", f"sync {US}", "s0")
    desk = Desk(store, Echo(store), MatrixClient(server, WE))  # type: ignore[arg-type]
    async with MatrixApp(server, WE, desk, store, agents="!agents:a.example").syncing():
        yield


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def all_read(fake: FakeHomeserver, store: Store) -> None:
    async def is_read() -> bool:
        return await store.cursors.get("matrix", f"sync {US}") == f"s{len(fake.syncs)}"

    await until(is_read)


async def waiting(store: Store) -> list[str]:
    """Texts, each conversation's first alone."""
    leases = await store.inbox.lease("matrix", limit=99, seconds=60)
    return sorted(lease.text for lease in leases)


async def count(store: Store) -> int:
    return (await store.inbox.count("matrix")).get(Fate.WAITING, 0)


async def test_what_is_for_us_is_taken_in_and_the_rest_is_not_stored(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(GROUP, message("$1", "overheard"), message("$2", "hello", **mentioning(US)))
    fake.tell(GROUP, message("$3", "and?", BEN, **in_thread("$2")))
    fake.tell(GROUP, message("$4", "another thread", BEN, **in_thread("$1")))
    fake.tell(DIRECT, message("$5", "direct"), message("$5", "direct"))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await count(store) == 3
    assert await waiting(store) == ["direct", "hello"]


async def test_the_first_start_answers_nothing_that_was_before(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(DIRECT, message("$1", "long ago"))
    desk = Desk(store, Echo(store), MatrixClient(server, WE))  # type: ignore[arg-type]
    async with MatrixApp(server, WE, desk, store).syncing() as connected:
        await asyncio.wait_for(connected, 10)
        fake.tell(DIRECT, message("$2", "now"))
        await all_read(fake, store)
    assert await waiting(store) == ["now"]


async def test_a_second_start_goes_on_where_the_first_stopped(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(DIRECT, message("$1", "one"))
    fake.tell(DIRECT, message("$2", "two"))
    await store.cursors.put("matrix", f"sync {US}", "s1")
    desk = Desk(store, Echo(store), MatrixClient(server, WE))  # type: ignore[arg-type]
    async with MatrixApp(server, WE, desk, store).syncing():
        await all_read(fake, store)
    assert await waiting(store) == ["two"]


async def test_a_gap_is_filled(fake: FakeHomeserver, server: Homeserver, store: Store) -> None:
    fake.tell(DIRECT, message("$9", "last"), limited=True, prev_batch="p1")
    fake.pages["p1"] = {"chunk": [message("$8", "b"), message("$7", "a")], "end": "p2"}
    fake.pages["p2"] = {"chunk": [message("$6", "first")]}
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["first"], "in order"
    assert await count(store) == 3


async def test_a_gap_that_cannot_be_filled_is_not_acknowledged(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(DIRECT, message("$9", "last"), limited=True, prev_batch="p1")
    fake.pages["p1"] = {"chunk": [message("$8", "first")]}
    fake.faults["/messages"] = [(502, "<html>"), (500, {}), (429, {"retry_after_ms": 1})]
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert sum("/messages" in call for call in fake.calls) == 4
    assert await waiting(store) == ["first"]


async def test_a_room_that_cannot_be_read_keeps_no_other_waiting(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    broken = "!broken:a.example"
    first, second = ({"timeline": {"events": [message(one, one)]}} for one in ("$1", "$2"))
    fake.syncs.append({"rooms": {"join": {broken: first, DIRECT: second}}})
    fake.members[broken] = [US, BEN]
    fake.faults[broken] = [(500, {})] * 1_000

    async def is_taken() -> bool:
        return await count(store) == 1

    async with reading(fake, server, store):
        await until(is_taken)
        assert await store.cursors.get("matrix", f"sync {US}") == "s0"
        fake.faults.clear()
        await all_read(fake, store)
    assert await waiting(store) == ["$1", "$2"]


async def test_in_a_room_that_is_new_to_us_what_was_before_the_invitation_is_left_out(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    invitation = {**membership(US, "invite"), "sender": ANNA}
    fake.tell(
        DIRECT,
        message("$3", "second"),
        membership(US, "join", before="invite"),
        limited=True,
        prev_batch="p1",
    )
    before = [message("$2", "first"), invitation, message("$1", "to others")]
    fake.pages["p1"] = {"chunk": before, "end": "p2"}
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await count(store) == 2
    assert await waiting(store) == ["first"]


async def test_invitations_are_accepted(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.invited = ["!pending:a.example"]
    fake.faults["/join/"] = [(502, "<html>")]
    fake.syncs.append({"rooms": {"invite": {"!new:a.example": {}, "no room": {}}}})

    async def joined() -> bool:
        return sorted(fake.joined) == ["!new:a.example", "!pending:a.example"]

    async with reading(fake, server, store):
        await until(joined)


async def test_who_is_no_longer_there_makes_a_room_direct(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(GROUP, message("$1", "overheard"))
    async with reading(fake, server, store):
        await all_read(fake, store)
        fake.members[GROUP].remove(BEN)
        fake.tell(GROUP, membership(BEN, "leave"), message("$2", "for us"))
        await all_read(fake, store)
    assert await waiting(store) == ["for us"]


async def test_agents_among_themselves_are_no_customers(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.members["!agents:a.example"] = [US, BEN]
    fake.tell("!agents:a.example", message("$1", "I take it", BEN))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await count(store) == 0


async def test_an_edit_counts_if_it_is_the_authors(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    def edit(event_id: str, target: str, text: str, sender: str, *users: str) -> dict[str, Any]:
        new = {"msgtype": "m.text", "body": text, **mentioning(*users)}
        relation = {"rel_type": "m.replace", "event_id": target}
        more = {"m.new_content": new, "m.relates_to": relation}
        return message(event_id, f"* {text}", sender, **more)

    first, second = message("$1", "hats", **mentioning(US)), message("$2", "overheard")
    fake.events = {"$1": first, "$2": second}
    fake.tell(GROUP, first, second)
    fake.tell(GROUP, edit("$3", "$1", "shoes", ANNA), edit("$4", "$1", "hacked", BEN))
    fake.tell(GROUP, edit("$5", "$2", "still not for you", ANNA))
    fake.tell(GROUP, edit("$6", "$2", "now it is", ANNA, US), edit("$7", "$9", "gone", ANNA, US))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["now it is", "shoes"]


async def test_a_redaction_leaves_nothing_and_makes_nothing(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(DIRECT, message("$1", "my secret"))
    fake.tell(DIRECT, event("$2", "m.room.redaction", {}, redacts="$1"))
    fake.tell(GROUP, event("$3", "m.room.redaction", {}, redacts="$unknown"))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await store.inbox.count("matrix") == {Fate.REFUSED: 1}


async def test_a_thumb_is_feedback_until_it_is_taken_back(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    def thumb(event_id: str, key: str, target: str) -> dict[str, Any]:
        relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
        return event(event_id, "m.reaction", {"m.relates_to": relation})

    fake.tell(DIRECT, message("$1", "hello"))
    async with reading(fake, server, store):
        await all_read(fake, store)
        (lease,) = await store.inbox.lease("matrix", limit=1, seconds=60)
        await store.inbox.note(lease)
        reply = await store.inbox.record(lease, Reply("Hi.", ReplyStatus.ANSWERED, "en"))
        (outgoing,) = await store.outbox.lease("matrix", limit=1, seconds=60)
        await store.outbox.sent((outgoing, "$reply"))
        fake.tell(DIRECT, thumb("$2", "👎🏽", "$reply"), thumb("$3", "👍", "$other"))
        await all_read(fake, store)
        (given,) = await store.feedback.of([reply.id])
        assert (given.customer, given.helpful) == (ANNA, False)
        fake.tell(DIRECT, event("$4", "m.room.redaction", {}, redacts="$2"))
        await all_read(fake, store)
    assert await store.feedback.of([reply.id]) == []


async def test_a_reply_without_a_thread_goes_on_in_the_conversation(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(GROUP, message("$1", "hello", **mentioning(US)))
    async with reading(fake, server, store):
        await all_read(fake, store)
        (lease,) = await store.inbox.lease("matrix", limit=1, seconds=60)
        await store.inbox.note(lease)
        await store.inbox.record(lease, Reply("Hi.", ReplyStatus.ANSWERED, "en"))
        (outgoing,) = await store.outbox.lease("matrix", limit=1, seconds=60)
        await store.outbox.sent((outgoing, "$reply"))
        for event_id, target in (("$2", "$reply"), ("$3", "$other")):
            reply = {"m.in_reply_to": {"event_id": target}}
            fake.tell(GROUP, message(event_id, "and?", BEN, **{"m.relates_to": reply}))
        await all_read(fake, store)
    (lease,) = await store.inbox.lease("matrix", limit=9, seconds=60)
    assert lease.conversation.id == outgoing.message.conversation
    assert await store.inbox.place_of("matrix", "$3") is None


async def test_an_event_reaches_no_other_room(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    fake.tell(DIRECT, message("$1", "hello"))
    async with reading(fake, server, store):
        await all_read(fake, store)
        (lease,) = await store.inbox.lease("matrix", limit=1, seconds=60)
        await store.inbox.note(lease)
        reply = await store.inbox.record(lease, Reply("Hi.", ReplyStatus.ANSWERED, "en"))
        (outgoing,) = await store.outbox.lease("matrix", limit=1, seconds=60)
        await store.outbox.sent((outgoing, "$reply"))
        answer = {"m.relates_to": {"m.in_reply_to": {"event_id": "$reply"}}}
        thumb = {"rel_type": "m.annotation", "event_id": "$reply", "key": "👎"}
        fake.tell(
            GROUP,
            message("$2", "into another's room", BEN, **answer),
            event("$3", "m.reaction", {"m.relates_to": thumb}, BEN),
            event("$4", "m.room.redaction", {}, BEN, redacts="$1"),
        )
        await all_read(fake, store)
    assert await store.inbox.count("matrix") == {Fate.ANSWERED: 1}
    assert await store.feedback.of([reply.id]) == []
    first, _ = await store.log.messages(reply.conversation)
    assert first.text == "hello"


async def test_where_the_homeserver_forgot_where_we_stopped_it_is_read_from_now(
    fake: FakeHomeserver, server: Homeserver, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    fake.tell(DIRECT, message("$1", "before"))
    fake.faults["/sync"] = [(200, {"next_batch": "s0"}), (400, {"errcode": "M_UNKNOWN_POS"})]
    async with reading(fake, server, store):
        await all_read(fake, store)
        fake.tell(DIRECT, message("$2", "after"))
        await all_read(fake, store)
    assert await waiting(store) == ["after"]
    assert "the homeserver forgot where kefu stopped" in caplog.text


async def test_our_own_words_do_not_make_a_room_new(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    """With them a homeserver tells of our membership again."""
    state = {"events": [membership(US, "join", before="invite")]}
    recent = {"events": [message("$9", "Hi.", US)], "limited": True, "prev_batch": "p1"}
    fake.syncs.append({"rooms": {"join": {DIRECT: {"state": state, "timeline": recent}}}})
    fake.pages["p1"] = {"chunk": [message("$8", "hello")]}
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["hello"]
    assert sum("/messages" in call for call in fake.calls) == 1


async def test_a_token_that_is_withdrawn_is_one_line(
    fake: FakeHomeserver,
    server: Homeserver,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.adapters.matrix.homeserver._BARRED_SECONDS", 0.01)
    fake.tell(DIRECT, message("$1", "hello"))
    fake.faults["/sync"] = [(401, {"errcode": "M_UNKNOWN_TOKEN"})] * 5
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["hello"]
    assert caplog.text.count("MATRIX_ACCESS_TOKEN was withdrawn (sync: 401 M_UNKNOWN_TOKEN)") == 1


async def test_an_encrypted_room_is_told_once(
    fake: FakeHomeserver, server: Homeserver, store: Store
) -> None:
    for number in range(3):
        fake.tell(DIRECT, event(f"${number}", "m.room.encrypted", {"ciphertext": "x"}))
    fake.faults["/send/"] = [(502, "<html>")]
    async with reading(fake, server, store):
        await all_read(fake, store)
    (told,) = fake.sent.values()
    assert "I cannot read them" in told["body"]
    assert sum("/send/" in call for call in fake.calls) == 2


async def test_what_was_not_stored_is_not_acknowledged(
    fake: FakeHomeserver, server: Homeserver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in, fails = store.inbox.take_in, [True, True]

    async def full(*messages: Any) -> None:
        if fails:
            fails.pop()
            raise StoreFull("the disk is full")
        await take_in(*messages)

    monkeypatch.setattr(store.inbox, "take_in", full)
    fake.tell(DIRECT, message("$1", "hello"))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["hello"]


async def test_torn_syncs_stop_nothing(
    fake: FakeHomeserver,
    server: Homeserver,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for torn in (
        {"rooms": []},
        {"rooms": {"join": {DIRECT: None, "no room": {}}}},
        {"rooms": {"join": {DIRECT: {"timeline": {"events": [None, 3, {}, {"type": []}]}}}}},
        {"rooms": {"join": {DIRECT: {"timeline": {"limited": True, "prev_batch": 3}}}}},
        {"rooms": {"join": {DIRECT: {"state": {"events": "x"}, "timeline": []}}}},
    ):
        fake.syncs.append(torn)
    fake.tell(DIRECT, message("$1", "hello"))
    fake.faults["/sync"] = [(200, "no JSON"), (200, {}), (500, {}), (502, "<html>")]
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["hello"]
    assert "hello" not in caplog.text


async def test_what_fails_unexpectedly_is_one_line_and_the_rest_goes_on(
    fake: FakeHomeserver, server: Homeserver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_of = store.inbox.place_of

    async def broken(channel: str, event: str) -> Any:
        if event == "$poison":
            raise ValueError("unexpected")
        return await place_of(channel, event)

    monkeypatch.setattr(store.inbox, "place_of", broken)
    fake.tell(DIRECT, event("$1", "m.room.redaction", {}, redacts="$poison"))
    fake.tell(DIRECT, message("$2", "hello"))
    async with reading(fake, server, store):
        await all_read(fake, store)
    assert await waiting(store) == ["hello"]


async def test_who_we_are(fake: FakeHomeserver, server: Homeserver) -> None:
    fake.faults["/whoami"] = [(429, {"retry_after_ms": 1}), (503, "<html>")]
    assert await who_are_we(server) == WE
    fake.faults["/displayname"] = [(404, {"errcode": "M_NOT_FOUND"})]
    assert await who_are_we(server) == Us(US, "kefu")


async def test_who_is_refused_is_told(fake: FakeHomeserver) -> None:
    async def refused(credentials: MatrixCredentials) -> str:
        async with Homeserver(credentials) as server:
            with pytest.raises(SettingsError) as raised:
                await who_are_we(server)
        return str(raised.value)

    told = await refused(MatrixCredentials(fake.url, "wrong"))
    assert told == (
        f"{fake.url} refuses MATRIX_ACCESS_TOKEN (whoami: 401 M_UNKNOWN_TOKEN); copy it again"
    )
    told = await refused(MatrixCredentials(fake.url, "", US, "wrong"))
    assert "refuses MATRIX_USER_ID and MATRIX_PASSWORD (login: 403 M_FORBIDDEN)" in told
    told = await refused(MatrixCredentials(fake.url + "/elsewhere", "right"))
    assert "is no homeserver (whoami: 404)" in told
