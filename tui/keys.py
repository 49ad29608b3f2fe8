"""Every key the terminal listens to, by the id under which settings give it another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding


def key(
    name: str, keys: str, action: str, says: str, *, show: str = "", priority: bool = False
) -> Binding:
    """`says` stands in the help, `show` in the footer."""
    return Binding(
        keys, action, show or says, show=bool(show), priority=priority, id=name, tooltip=says
    )


APP_KEYS = [
    key("app.help", "f1", "help", "Show every key", show="Help", priority=True),
    key(
        "app.palette",
        "ctrl+p",
        "command_palette",
        "Open the command palette",
        show="Commands",
        priority=True,
    ),
    key("app.back", "escape", "to_prompt", "One step back, to the prompt"),
    key("app.interrupt", "ctrl+c", "interrupt", "Copy the selected text, or stop the reply"),
    key("app.quit", "ctrl+q", "quit", "Quit", priority=True),
]

CHAT_KEYS = [
    key("chat.stop", "escape", "stop", "Stop the reply and keep what there is", show="Stop"),
    key("chat.new", "ctrl+n", "new", "New conversation", show="New", priority=True),
    key("chat.search", "ctrl+f", "search", "Search them all", show="Search", priority=True),
    key("chat.rename", "ctrl+r", "rename", "Rename the conversation", priority=True),
    key("chat.delete", "f8", "delete", "Delete the conversation", priority=True),
    key("chat.next", "ctrl+pagedown,ctrl+tab", "step(1)", "Next conversation", priority=True),
    key("chat.previous", "ctrl+pageup", "step(-1)", "Previous conversation", priority=True),
    key("chat.copy", "ctrl+y", "copy_answer", "Copy the selected answer", priority=True),
    key("chat.helpful", "f5", "mark(True)", "Mark the answer as helpful", priority=True),
    key("chat.unhelpful", "f6", "mark(False)", "Mark the answer as not helpful", priority=True),
    key("chat.rate", "f7", "rate", "Rate the conversation, 1 to 5", priority=True),
    key("chat.bottom", "ctrl+end", "bottom", "Jump to the newest message", priority=True),
    key("view.list", "ctrl+l,f2", "toggle_list", "Show or hide the conversations", priority=True),
    key(
        "view.sources",
        "ctrl+o,f3",
        "toggle_sources",
        "Show or hide the sources",
        show="Sources",
        priority=True,
    ),
]

INBOX_KEYS = [
    key("inbox.take", "f5", "take", "Take the conversation over", show="Take over", priority=True),
    key(
        "inbox.back", "f6", "hand_back", "Hand it back to the bot", show="Hand back", priority=True
    ),
    key("inbox.close", "f7", "close_it", "Close the conversation", show="Close", priority=True),
    key("inbox.case", "ctrl+o,f3", "toggle_case", "Show or hide the case", priority=True),
    key(
        "inbox.note", "f4", "note", "Write a note that only agents see", show="Note", priority=True
    ),
    key(
        "inbox.suggest",
        "f8",
        "suggest",
        "Let the bot write an answer into the prompt",
        show="Suggest",
        priority=True,
    ),
    key("inbox.canned", "f9", "canned", "Put the reply of a topic into the prompt", priority=True),
    key(
        "inbox.translate",
        "ctrl+t",
        "translate",
        "Show what the customer wrote in your language",
        priority=True,
    ),
    key(
        "inbox.translate_draft",
        "ctrl+g",
        "translate_draft",
        "What you wrote in the customer's language, and back",
        priority=True,
    ),
    key("inbox.correct", "ctrl+e", "correct", "Correct the summary", priority=True),
    key("inbox.report", "f10", "report", "Show the report of the last 30 days", priority=True),
    key("inbox.stop", "escape", "stop", "Stop the suggestion or the translation", show="Stop"),
    key("inbox.search", "ctrl+f", "search", "Search them all", priority=True),
    key("inbox.next", "ctrl+pagedown,ctrl+tab", "step(1)", "Next conversation", priority=True),
    key("inbox.previous", "ctrl+pageup", "step(-1)", "Previous conversation", priority=True),
]

PROMPT_KEYS = [
    key("prompt.send", "enter", "send", "Send the message"),
    key("prompt.newline", "shift+enter,ctrl+j", "newline", "Begin a new line"),
    key("prompt.older", "up", "recall(-1)", "In an empty prompt: recall a message"),
    key("prompt.newer", "down", "recall(1)", "Go on to a later one"),
    key("prompt.page_up", "pageup", "screen.page(-1)", "Scroll the chat up"),
    key("prompt.page_down", "pagedown", "screen.page(1)", "Scroll the chat down"),
    key("prompt.bottom", "end", "screen.bottom", "In an empty prompt: to the newest message"),
    key("prompt.help", "question_mark", "app.help", "In an empty prompt: show every key"),
]
"""The prompt looks these up itself, in the order in which keys were typed: Textual runs a
priority binding before the letters that still wait for the widget, so enter would send half
of what was typed fast; and without priority they would take the editing keys away."""

TRANSCRIPT_KEYS = [
    key("answer.previous", "up", "select(-1)", "Select the answer above"),
    key("answer.next", "down", "select(1)", "Select the answer below"),
    key("answer.bottom", "end", "bottom", "Jump to the newest message"),
    key("answer.help", "question_mark", "app.help", "Show every key"),
]

LIST_KEYS = [
    key("list.delete", "delete", "screen.delete", "Delete the conversation"),
    key("list.help", "question_mark", "app.help", "Show every key"),
]

SEARCH_KEYS = [
    key("dialog.cancel", "escape", "cancel", "Close the dialog"),
    key("search.up", "up", "move(-1)", "The result above", priority=True),
    key("search.down", "down", "move(1)", "The result below", priority=True),
]

DIALOG_KEYS = [key("dialog.cancel", "escape", "cancel", "Close the dialog")]

CONFIRM_KEYS = [
    *DIALOG_KEYS,
    key("confirm.yes", "y", "confirm", "Yes"),
    key("confirm.no", "n", "cancel", "No"),
]

GROUPS = {
    "Everywhere": APP_KEYS,
    "Conversations": CHAT_KEYS,
    "Prompt": PROMPT_KEYS,
    "Answers (tab goes there)": TRANSCRIPT_KEYS,
    "List of conversations": LIST_KEYS,
    "Search": SEARCH_KEYS,
    "Questions": CONFIRM_KEYS[1:],
}


INBOX_GROUPS = {
    "Everywhere": APP_KEYS,
    "Inbox": INBOX_KEYS,
    "Prompt": PROMPT_KEYS,
    "Answers (tab goes there)": TRANSCRIPT_KEYS,
    "Search, ready replies": SEARCH_KEYS,
}
"""Of `kefu inbox`."""


def known_ids() -> frozenset[str]:
    return frozenset(
        binding.id for keys in (*GROUPS.values(), INBOX_KEYS) for binding in keys if binding.id
    )


def unknown_ids(remapped: Iterable[str]) -> list[str]:
    return sorted(set(remapped) - known_ids())


def actions(bindings: Iterable[Binding], remapped: Mapping[str, str]) -> dict[str, Binding]:
    """By the key that Textual reports."""
    mapped = (replace(one, key=remapped.get(one.id or "", one.key)) for one in bindings)
    return {binding.key: binding for binding in Binding.make_bindings(mapped)}


def effective_keys(binding: Binding, remapped: Mapping[str, str]) -> str:
    """As the settings write them, "ctrl+n" for example; several are set apart by a comma."""
    keys = remapped.get(binding.id or "", binding.key)
    return ", ".join(part.strip() for part in keys.split(",")).replace("question_mark", "?")
