"""What the encoder makes of trades, topics and help pages that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

if TYPE_CHECKING:
    from models.training.bert import Bert
    from models.training.encoder_items import Store, Stored
    from models.training.tune_encoder import Heads

    Scored: TypeAlias = tuple[Stored, np.ndarray, np.ndarray]

Figures = dict[str, float]


def measure(model: Bert, heads: Heads, store: Store, device: str) -> Figures:
    from models.training.tune_encoder import vectors_of

    def vectors(rows: list[np.ndarray]) -> np.ndarray:
        found: np.ndarray = vectors_of(model, rows, device).numpy()
        return found

    figures = _sentences(vectors, heads, store)
    figures |= _topics(vectors, heads, store)
    figures |= _search(vectors, store)
    figures |= _feelings(vectors, heads, store)
    return {name: round(float(value), 4) for name, value in figures.items()}


def _scored(vectors, heads: Heads, store: Store, items: Sequence[Stored]) -> Iterator[Scored]:  # type: ignore[no-untyped-def]
    """Of each item's sentences, the right ones first: cosine, and logit when they are read together
    with the question."""
    weight = heads.answers.weight.detach().float().cpu().numpy()[0]
    bias = heads.answers.bias.detach().float().cpu().numpy()[0]
    shown = [[*item.right, *item.wrong] for item in items]
    asked = vectors([store.questions[item.question] for item in items])
    told = vectors([store.texts[text] for texts in shown for text in texts])
    pairs = [
        store.pair_tokens(item.question, text)
        for item, texts in zip(items, shown, strict=True)
        for text in texts
    ]
    read = vectors(pairs) @ weight + bias
    at = 0
    for number, (item, texts) in enumerate(zip(items, shown, strict=True)):
        here = slice(at, at + len(texts))
        yield item, told[here] @ asked[number], read[here]
        at += len(texts)


def _sentences(vectors, heads: Heads, store: Store) -> Figures:  # type: ignore[no-untyped-def]
    """The right sentence first, by the vectors alone and read together; and, with the right one
    taken away, whether the best score tells that it is gone."""
    figures, rows = {}, []
    for item, apart, together in _scored(vectors, heads, store, store.held_out):
        right = len(item.right)
        rows.append(
            (
                item.language,
                np.argmax(apart) < right,
                np.argmax(together) < right,
                apart.max(),
                apart[right:].max(),
                together.max(),
                together[right:].max(),
            )
        )
    for language in ("en", "zh"):
        own = [row[1:] for row in rows if row[0] == language]
        table = np.array(own, float)
        gone = np.r_[np.ones(len(table)), np.zeros(len(table))]
        figures[f"{language} sentence apart"] = table[:, 0].mean()
        figures[f"{language} sentence together"] = table[:, 1].mean()
        figures[f"{language} auc apart"] = roc_auc_score(gone, np.r_[table[:, 2], table[:, 3]])
        figures[f"{language} auc together"] = roc_auc_score(gone, np.r_[table[:, 4], table[:, 5]])
    return figures


def _topics(vectors, heads: Heads, store: Store) -> Figures:  # type: ignore[no-untyped-def]
    """The right sentence first, and whether the best score tells a question that a page answers
    from one that it does not."""
    figures = {}
    rows: dict[str, list[tuple[bool, bool, bool, float, float]]] = {}
    for item, apart, together in _scored(vectors, heads, store, store.topics):
        first = np.argmax(apart) == 0, np.argmax(together) == 0
        rows.setdefault(item.language, []).append(
            (bool(item.right), *first, apart.max(), together.max())
        )
    for language, own in sorted(rows.items()):
        table = np.array(own, float)
        answered = table[:, 0] > 0
        named = f"topics {language}"
        figures[f"{named} sentence apart"] = table[answered, 1].mean()
        figures[f"{named} sentence together"] = table[answered, 2].mean()
        figures[f"{named} auc apart"] = roc_auc_score(answered, table[:, 3])
        figures[f"{named} auc together"] = roc_auc_score(answered, table[:, 4])
    return figures


def _search(vectors, store: Store) -> Figures:  # type: ignore[no-untyped-def]
    figures = {}
    for name in sorted({item.key for item in store.searched}):
        items = [item for item in store.searched if item.key == name]
        if len(items) < 50:
            continue
        asked = vectors([store.questions[i.question] for i in items])
        told = vectors([store.texts[i.right[0]] for i in items])
        scores = asked @ told.T
        place = (scores > scores.diagonal()[:, None]).sum(1)
        figures[f"{name} hit@1"], figures[f"{name} hit@5"] = (place < 1).mean(), (place < 5).mean()
    return figures


def _feelings(vectors, heads: Heads, store: Store) -> Figures:  # type: ignore[no-untyped-def]
    weight = heads.feeling.weight.detach().float().cpu().numpy()
    bias = heads.feeling.bias.detach().float().cpu().numpy()
    held = [i for i, feeling in enumerate(store.feelings) if feeling.part == "test"]
    said = vectors([store.felt[i] for i in held]) @ weight.T + bias
    figures = {}
    for source in sorted({store.feelings[i].source for i in held}):
        own = [n for n, i in enumerate(held) if store.feelings[i].source == source]
        true = [store.feelings[held[n]].label for n in own]
        if len(set(true)) > 1:
            figures[f"feeling {source}"] = f1_score(true, said[own].argmax(1), average="macro")
    return figures
