from datetime import UTC, datetime

from bot.conversation import Citation, MessageState, Passage, Reply, ReplyStatus, Role, Timing
from bot.store.rows import message_of, message_row, new_id, passage_of, passage_values, reply_row
from bot.store.schema import PassageRow

NOW = datetime(2026, 5, 1, tzinfo=UTC)
REPLY = Reply(
    text="Within 30 days.",
    status=ReplyStatus.ANSWERED,
    language="en",
    rule="supported",
    state=MessageState.STOPPED,
    citations=(
        Citation("returns.md", "Returns", "Shoes", "Within 30 days."),
        Citation("delivery.md", "Delivery", "", "Two days.", cited=False),
    ),
    model="kefu-small",
    prompt_version="p1",
    knowledge_version="k1",
    timing=Timing(12.5, 80.0, 400, 380, 20, 250.0),
)


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


def test_a_reply_comes_back_as_it_was() -> None:
    message = message_of(reply_row("c1", Role.ASSISTANT, REPLY, NOW))

    assert message.conversation == "c1"
    assert message.role is Role.ASSISTANT
    assert message.created_at == NOW
    assert message.sentiment is None
    for name in Reply.__dataclass_fields__:
        assert getattr(message, name) == getattr(REPLY, name), name


def test_a_customers_message_has_no_timing() -> None:
    row = message_row("c1", Role.CUSTOMER, "hello", NOW)
    assert message_of(row).timing is None
    assert message_of(row).citations == ()


def test_a_passage_comes_back_without_a_score() -> None:
    passage = Passage("p1", "returns.md", "Returns", "Shoes", "Within 30 days.", "en", score=0.7)
    values = passage_values(7, passage, "returns.md", b"\0\0\0\0")
    assert passage_of(PassageRow(**values)) == Passage(
        "p1", "returns.md", "Returns", "Shoes", "Within 30 days.", "en"
    )
