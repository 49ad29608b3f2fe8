from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import DIALOG_KEYS, GROUPS, effective_keys

REMAP = """\
Another key, in kefu.toml by the id on the right:
    [terminal.keys]
    "chat.new" = "ctrl+t"\
"""


class Help(ModalScreen[None]):
    """Every key, what it does, and the id under which settings give it another one."""

    BINDINGS: ClassVar[list[BindingType]] = [*DIALOG_KEYS]

    def __init__(
        self,
        remapped: Mapping[str, str],
        groups: Mapping[str, Sequence[Binding]] = GROUPS,
    ) -> None:
        super().__init__()
        self._remapped, self._groups = remapped, groups

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help"):
            for group, bindings in self._groups.items():
                yield Static(group, classes="group", markup=False)
                with Grid(classes="keys"):
                    for binding in bindings:
                        keys = effective_keys(binding, self._remapped)
                        yield Static(keys, classes="key", markup=False)
                        yield Static(binding.tooltip, markup=False)
                        yield Static(binding.id or "", classes="id", markup=False)
            yield Static(REMAP, classes="remap", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help").border_title = "Keys"
        self.query_one("#help").border_subtitle = "esc closes"

    def action_cancel(self) -> None:
        self.dismiss(None)
