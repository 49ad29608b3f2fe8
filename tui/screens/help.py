from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import DIALOG_KEYS, GROUPS, effective_keys
from tui.mood import MUTED

REMAP = """\
Another key, in kefu.toml by the id on the right:
    [terminal.keys]
    "chat.new" = "ctrl+t"\
"""


class Help(ModalScreen[None]):
    """Every key, what it does, and the id under which settings give it another one."""

    BINDINGS: ClassVar[list[BindingType]] = [*DIALOG_KEYS]

    def __init__(self, remapped: Mapping[str, str]) -> None:
        super().__init__()
        self._remapped = remapped

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help"):
            for group, lines in self._groups():
                yield Static(group, classes="group", markup=False)
                yield Static(Content("\n").join(lines), markup=False)
            yield Static(Content(REMAP), classes="remap", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help").border_title = "Keys"
        self.query_one("#help").border_subtitle = "esc closes"

    def _groups(self) -> Iterator[tuple[str, list[Content]]]:
        for group, bindings in GROUPS.items():
            yield (
                group,
                [
                    Content.assemble(
                        (f"{effective_keys(binding, self._remapped):<26}", "bold $text-primary"),
                        f"{binding.tooltip:<48}  ",
                        (binding.id or "", MUTED),
                    )
                    for binding in bindings
                ],
            )

    def action_cancel(self) -> None:
        self.dismiss(None)
