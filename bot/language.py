"""Which language a text is in: the script where it decides, else py3langid."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SCRIPTS = {
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+"),
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]"),
    "kana": re.compile(r"[\u3041-\u30ff]"),
    "hangul": re.compile(r"[\u1100-\u11ff\uac00-\ud7af]+"),
    "cyrillic": re.compile(r"[\u0400-\u052f]+"),
    "arabic": re.compile(r"[\u0600-\u06ff\u0750-\u077f]+"),
    "hebrew": re.compile(r"[\u0590-\u05ff]+"),
    "greek": re.compile(r"[\u0370-\u03ff]+"),
    "devanagari": re.compile(r"[\u0900-\u097f]+"),
    "thai": re.compile(r"[\u0e00-\u0e7f]{1,5}"),
}
"""What counts as one word of each script: a run of letters, a character, a few Thai ones."""

LANGUAGES = {
    "han": ("zh",),
    "kana": ("ja",),
    "hangul": ("ko",),
    "cyrillic": ("ru", "uk", "bg", "sr", "be", "mk"),
    "arabic": ("ar", "fa", "ur"),
    "hebrew": ("he",),
    "greek": ("el",),
    "devanagari": ("hi", "mr", "ne"),
    "thai": ("th",),
    "latin": (
        *("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "sk"),
        *("hu", "ro", "tr", "vi", "id", "hr", "sl", "et", "lv", "lt"),
    ),
}
"""The languages written in each script, the likeliest first."""
_SCRIPT_OF = {language: script for script, many in LANGUAGES.items() for language in many}

ENGLISH = {
    *("the", "how", "what", "where", "when", "why", "my", "you", "your", "i", "i'm", "it's"),
    *("can", "have", "for", "with", "and", "this", "that", "are", "to", "there", "which", "does"),
}
"""Two of these make a text English at once: loading py3langid takes half a second."""

READ = 4_000
"""Characters that are looked at; more do not change the answer."""
SHORT = 12
"""Letters. Of 4,000 English requests py3langid took 69 % of those below it for another language,
and none of the others with a probability above SURE."""
SURE = 0.7


def same_script(one: str, other: str) -> bool:
    """Whether who writes the one can at least spell the other."""
    return _SCRIPT_OF.get(one) == _SCRIPT_OF.get(other)


def detect_language(text: str, *, default: str = "en") -> str:
    """ISO 639-1. `default` where the text is too short or too unclear to tell."""
    text = text[:READ]
    script = _script(text)
    if script is None:
        return default
    if len(LANGUAGES[script]) == 1:
        return LANGUAGES[script][0]
    if script == "latin" and _is_plain_english(text):
        return "en"
    return _likeliest(text, script) or (default if script == "latin" else LANGUAGES[script][0])


def _script(text: str) -> str | None:
    """The script with most words. A Han character counts twice: "iPhone 15 Pro Max 怎么退"."""
    words = {script: len(pattern.findall(text)) for script, pattern in SCRIPTS.items()}
    stray = 1 if words["han"] else 0  # Chinese signs and brands have a の of their own
    if words["kana"] > stray and words["kana"] * 10 > words["han"]:
        words["kana"] += words.pop("han")
        words["kana"] *= 2
    else:
        words["han"] = 2 * words["han"] + words.pop("kana")
    script = max(words, key=lambda name: words[name])
    return script if words[script] else None


def _is_plain_english(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text.lower())
    found = [word for word in words if word in ENGLISH]
    return len(set(found)) >= 2 and len(found) * 5 >= len(words)


def _likeliest(text: str, script: str) -> str | None:
    words = SCRIPTS[script].findall(text)
    if sum(map(len, words)) < SHORT:
        return None
    candidates = LANGUAGES[script]
    ranked = [
        (language, share)
        for language, share in _identifier().rank(" ".join(words).lower())
        if language in candidates
    ]
    language, share = ranked[0]
    total = sum(other for _, other in ranked)
    return str(language) if total and share / total >= SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([name for names in LANGUAGES.values() for name in names])
    return identifier
