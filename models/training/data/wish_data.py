"""What the head for wishes learns from: messages made from phrases, and ordinary ones.

A wish is that a person takes over, answers or calls, in whatever words ("put your manager on",
"I won't talk to a machine"). None: to mention people ("the driver spoke to my neighbour"), to ask
for a telephone number or an opening hour, to ask whether this is a bot, to be angry.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.training.data.businesses import draw_business, load_trades
from models.training.data.sentiment_data import made_messages, read, roughen

PIECES = Path(__file__).parent / "wishes"
LANGUAGES = ("en", "zh", "de", "es", "fr")
AROUND = 0.3
"""Messages of which something else stands before what they are made from."""
SPEAKS_OF_PEOPLE = re.compile(
    r"\b(?:agents?|person|human|people|representative|someone|somebody|anyone|manager|supervisor"
    r"|speak|talk|call(?:ed|ing)?|phone|contact|bots?|robots?|customer service|support|escalat\w*)"
    r"\b|人工|真人|客服|机器人|自动回复|经理|主管|有人|没人|人接|打电话",
    re.IGNORECASE,
)
"""Of a set in which nobody marked wishes, such a message is left out: it may be one."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Said:
    text: str
    language: str
    wish: bool
    source: str


def made(language: str, each: int, seed: int) -> list[Said]:
    """Distinct messages, `each` of every pattern in `wishes/LANGUAGE.toml` at the most."""
    pieces = tomllib.loads((PIECES / f"{language}.toml").read_text("utf-8"))
    (around,) = pieces["around"]["patterns"]
    found: dict[str, Said] = {}
    for kind in ("wish", "other"):
        for pattern in pieces[kind]["patterns"]:
            dice = random.Random(f"{seed} {pattern}")
            for _ in range(each):
                text = filled(pattern, pieces["slots"], dice)
                if dice.random() < AROUND:
                    text = filled(around, {}, dice) + ("" if language == "zh" else " ") + text
                text = roughen(text, dice) if dice.random() < 0.5 else text
                found.setdefault(text, Said(text, language, kind == "wish", f"made {language}"))
    return list(found.values())


def filled(pattern: str, slots: dict[str, list[str]], dice: random.Random) -> str:
    """A choice first, so that of slots only those that are left are filled."""
    text = pattern
    while match := _CHOICE.search(text) or _SLOT.search(text):
        chosen = dice.choice(slots[match[1]] if match[0][0] == "{" else match[1].split("|"))
        text = text[: match.start()] + chosen + text[match.end() :]
    joined = "" if re.search("[\u4e00-\u9fff]", text) else " "
    return joined.join(text.split())


def of_trades(language: str, count: int, seed: int) -> Iterator[Said]:
    """Questions to invented businesses."""
    dice = random.Random(f"questions {language} {seed}")
    trades = load_trades(language, held_out=False)
    for _ in range(count):
        business = draw_business(dice.choice(trades), language, dice)
        told = dice.choice(dice.choice(business.pages).facts)
        asked = dice.choice(told.fact.ask)
        text = roughen(business.values.fill(asked), dice)
        yield Said(text, language, wish=False, source=f"trades {language}")


def of_moods(language: str, count: int, seed: int) -> Iterator[Said]:
    """Complaints, thanks and requests: anger is no wish."""
    for one in made_messages(language, count, seed):
        if not SPEAKS_OF_PEOPLE.search(one.text):
            yield Said(one.text, language, False, f"moods {language}")


def of_sets(folder: Path, names: Iterable[str], language: str) -> Iterator[Said]:
    """Requests of a set of intents that speak of no person."""
    for name in names:
        for text in dict.fromkeys(row["text"] for row in read(folder / f"{name}.jsonl.xz")):
            if not SPEAKS_OF_PEOPLE.search(text):
                yield Said(text, language, False, name)
