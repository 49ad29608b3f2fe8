from __future__ import annotations

import pytest

from bot.errors import UnknownMessage
from bot.store import Store
from bot.store.log import edit


async def test_both_texts_are_kept(store: Store) -> None:
    talk = await store.log.start(channel="slack")
    said = await store.log.note(talk.id, "Wo ist mein Paket?")
    for text in ("Where is my packet?", "Where is my parcel?"):
        await store.translations.keep(said.id, "en", text, said.text)
    await store.translations.keep(said.id, "fr", "Où est mon colis ?", said.text)
    assert await store.translations.of(talk.id, "en") == {said.id: "Where is my parcel?"}
    assert (await store.log.messages(talk.id))[0].text == "Wo ist mein Paket?"


async def test_one_of_what_was_edited_or_deleted_is_gone(store: Store) -> None:
    talk = await store.log.start(channel="slack")
    said = await store.log.note(talk.id, "Wo ist mein Paket?")
    await store.translations.keep(said.id, "en", "Where is my parcel?", said.text)
    async with store.database.writing() as session:
        await edit(session, said.id, "Danke.")
    assert await store.translations.of(talk.id, "en") == {}
    await store.translations.keep(said.id, "en", "Where is my parcel?", said.text)
    assert await store.translations.of(talk.id, "en") == {}, "it was of what is no longer said"
    await store.translations.keep(said.id, "en", "Thanks.", "Danke.")
    await store.log.clear(talk.id)
    assert await store.translations.of(talk.id, "en") == {}
    with pytest.raises(UnknownMessage):
        await store.translations.keep(said.id, "en", "Thanks.", "Danke.")
