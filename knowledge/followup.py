"""A question that only makes sense with the one before it: "and for shoes?", "那鞋子呢？"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.terms import content_terms

LEADS_ON = re.compile(
    r"(?:(?:ok(?:ay)?|so|then|yes|no|thanks?|great|ja|nein|danke|s[ií]|gracias|oui|non|merci|好的?|嗯)"
    r"\b[\s,.!，。！]*)*"
    r"(?:[¿¡]?(?:and|or|but|also|(?:what|how) about|what if|same for|even|only|except|in that case"
    r"|und|oder|aber|auch|was ist mit|wie (?:ist es|sieht es aus) (?:mit|bei|für)|gilt das auch"
    r"|y|o|pero|tambi[eé]n|qu[eé] (?:hay|pasa) (?:con|de|si)|lo mismo"
    r"|et|mais|aussi|m[eê]me chose)\b"
    r"|那么?(?![个些里边])|还有|另外|如果是|要是|换成|同样|或者)",
    re.IGNORECASE,
)
PRONOUN = re.compile(
    r"\b(?:it|they|them|those|these|ones?)\b"
    r"|\b(?:is|does|was|will|can|about|with|of|for) (?:that|this)\b|\b(?:that|this)\W*$"
    r"|它|[这那][个些](?=[可能要多有是也还呢吗怎会需]|\W|$)",
    re.IGNORECASE,
)
EMPTY_PRONOUN = re.compile(r"\bis it (?:possible|ok(?:ay)?|allowed|safe|true)\b", re.IGNORECASE)
QUESTION_WORD = re.compile("什么|怎|哪|多少|多久|吗|如何|几|能不能|是否|可以")
FRAGMENT = re.compile(
    r"(?:for|to|in|with|without|from|by|on|at|für|nach|mit|ohne|bei|aus|para|con|sin|desde|pour|avec"
    r"|sans|depuis)\b|(?:how|why|when|where|who|which)\b(?=\W*\w*\W*$)",
    re.IGNORECASE,
)
MOST = 4
"""Terms of its own from which a question stands by itself, whatever it begins with."""


def fold(query: str, context: Sequence[str]) -> str:
    """The query with the questions it leans on, `context` oldest first; else the query alone."""
    leaned_on: list[str] = []
    if is_follow_up(query):
        for earlier in reversed(context):
            if content_terms(earlier):
                leaned_on.insert(0, earlier)
                if not is_follow_up(earlier):
                    break
    return " ".join([*leaned_on[-3:], query])


def is_follow_up(query: str) -> bool:
    query = query.strip()[:500]
    terms = len(content_terms(query))
    if terms > MOST:
        return False
    if LEADS_ON.match(query) or terms == 0 or _is_bare(query, terms):
        return True
    return _points_back(query, terms)


def _is_bare(query: str, terms: int) -> bool:
    """ "shoes?", "to Germany?", "how long?", "鞋子呢？" """
    if re.search(r"呢\W*$", query) and not QUESTION_WORD.search(query):
        return True
    if terms == 1 and len(re.findall(r"\w+", query)) == 1 and not QUESTION_WORD.search(query):
        return True
    return terms <= 2 and bool(FRAGMENT.match(query))


def _points_back(query: str, terms: int) -> bool:
    """A pronoun with nothing of its own before it that it could stand for."""
    found = PRONOUN.search(EMPTY_PRONOUN.sub("", query))
    if found is None or terms >= MOST:
        return False
    return len(content_terms(found.string[: found.start()])) <= 1
