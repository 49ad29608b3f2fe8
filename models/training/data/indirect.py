"""A customer's question as somebody else tells it: "How late may I be?", how late they may be."""

from __future__ import annotations

import re

_DO = r"(?:do|did)"
_MODAL = r"(?:can|could|may|might|must|should|will|would)"
_WH = (
    r"(?:how(?: (?:long|far|early|late|much|many|often|soon|fast|old|big|heavy|high)"
    r"(?: \w+){0,3}?)?|when|where|why|who|whom|what(?: \w+){0,3}?|which(?: \w+){1,3}?"
    r"|(?:until|from|at|on|in|for|after|before|by) (?:when|what|which)(?: \w+){0,2}?)"
)
_WH_DO = re.compile(rf"({_WH}) {_DO} (I|we|you) (.+)", re.IGNORECASE)
_WH_MODAL = re.compile(rf"({_WH}) ({_MODAL}) (I|we|you) (.+)", re.IGNORECASE)
_MODAL_WHETHER = re.compile(rf"({_MODAL}) (I|we|you) (.+)", re.IGNORECASE)
_DO_WHETHER = re.compile(rf"{_DO} (I|we|you) (.+)", re.IGNORECASE)
_THERE = re.compile(r"(is|are) there (.+)", re.IGNORECASE)
_OBJECT = re.compile(
    r"\b(for|to|with|of|from|by|at|give|send|call|tell|charge|lend|offer|bring|reach|contact|"
    r"write|ask|owe|visit|join) (I|you)\b",
    re.IGNORECASE,
)
_OTHERS = {
    "i'm": "they are", "i've": "they have", "i'd": "they would", "i'll": "they will",
    "i": "they", "my": "their", "me": "them", "mine": "theirs", "myself": "themselves",
    "we're": "they are", "we": "they", "our": "their", "us": "them",
    "you're": "we are", "you've": "we have", "you": "we", "your": "our", "yours": "ours",
}  # fmt: skip
_LONGEST_FIRST = "|".join(sorted(_OTHERS, key=len, reverse=True))
_WORD = re.compile(rf"\b(?:{_LONGEST_FIRST})\b", re.IGNORECASE)


def indirect(question: str) -> str:
    """Who tells it belongs to the business. Empty where the question is not of a known make."""
    asked = question.replace("’", "'")
    if not asked.endswith("?") or re.search(r"[.?!,;:] \S", asked[:-1]):
        return ""
    said = _turned(asked[:-1].strip())
    return _by_others(said) if said and not re.search(r"\b(?:am|was)\b", said) else ""


def _turned(asked: str) -> str:
    if found := _WH_DO.fullmatch(asked):
        return f"{found[1].lower()} {found[2]} {found[3]}"
    if found := _WH_MODAL.fullmatch(asked):
        return f"{found[1].lower()} {found[3]} {found[2].lower()} {found[4]}"
    if found := _MODAL_WHETHER.fullmatch(asked):
        return f"whether {found[2]} {found[1].lower()} {found[3]}"
    if found := _DO_WHETHER.fullmatch(asked):
        return f"whether {found[1]} {found[2]}"
    if found := _THERE.fullmatch(asked):
        return f"whether there {found[1].lower()} {found[2]}"
    return ""


def _by_others(said: str) -> str:
    said = _OBJECT.sub(lambda found: f"{found[1]} {'us' if found[2] == 'you' else 'them'}", said)
    protected = re.sub(r"\bus\b", "\0", said)
    return _WORD.sub(lambda found: _OTHERS[found[0].lower()], protected).replace("\0", "us")
