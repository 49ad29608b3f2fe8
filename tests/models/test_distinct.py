"""What is the same twice."""

from __future__ import annotations

from models.training.data.conversations import conversations
from models.training.data.corpus import Document
from models.training.data.distinct import Seen, signature


def test_what_asks_and_is_told_the_same_is_made_out() -> None:
    def document(business: str, asked: str, reply: str, passage: str) -> Document:
        system = f"You are the customer-service assistant of {business}. Answer only from …"
        shown = f"{passage}<message>\n{asked}\n</message>"
        return [(system, False), (shown, False), (reply, True)]

    one = signature(document("Hop", "How long?", "You have 30 days.", "a"))
    assert one == signature(document("Hop", "how long", "Within 30 days.", "b"))
    others = [
        document("Hop", "How long?", "You have 31 days.", "a"),
        document("Hop", "How far?", "You have 30 days.", "a"),
        document("Jump", "How long?", "You have 30 days.", "a"),
    ]
    assert len({one, *map(signature, others)}) == 4
    assert signature([("Running text.", True)]) != signature([("Other text.", True)])
    seen = Seen()
    assert [seen.is_new(number) for number in (1, 2, 1)] == [True, True, False]
    assert seen.told().startswith("1 of 3 documents dropped, 33.33%")


def test_near_duplicates_are_rare() -> None:
    found = [signature(document) for document in conversations(600, seed=11)]
    assert len(set(found)) > 595
