from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from tui.text import one_line

EXAMPLES = (
    "How long do I have to return shoes?",
    "What does delivery cost?",
    "我可以用礼品卡付款吗？",
)


class Welcome(Vertical):
    """What an empty conversation shows, so that a newcomer has something to try."""

    class Picked(Message):
        def __init__(self, question: str) -> None:
            super().__init__()
            self.question = question

    def __init__(self, business: str = "") -> None:
        super().__init__()
        self._business = business

    def compose(self) -> ComposeResult:
        yield Static(id="greeting", markup=False)
        yield Static(
            "Answers come from the help pages, with their source beside them.",
            id="promise",
            markup=False,
        )
        yield OptionList(*(f"› {example}" for example in EXAMPLES), markup=False, id="examples")

    def on_mount(self) -> None:
        self.show_business(self._business)

    def show_business(self, business: str) -> None:
        name = f" at {one_line(business)}" if business else ""
        self.query_one("#greeting", Static).update(Content(f"Hello. What can I do for you{name}?"))

    @on(OptionList.OptionSelected, "#examples")
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Picked(EXAMPLES[event.option_index]))
