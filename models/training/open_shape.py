"""What a GGUF file says of a decoder's shape, for the architectures that can be tuned.

llama.cpp runs many more. A file of another architecture, or with a part that is not named here, is
refused: a decoder that computes nearly the same would be tuned into another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ModelFileError

DEFAULT_BASE = 10_000.0


@dataclass(frozen=True)
class Family:
    """How an architecture's layers differ from those of the others, as llama.cpp runs them."""

    pairs: bool = False
    """Positions turn neighbouring values of queries and keys; else one half against the other."""
    gelu: bool = False
    """In the feed-forward part; else SiLU."""
    local_of: int = 0
    """Of so many layers all but the last look back no further than the sliding window."""
    positionless: int = 0
    """Each so many-th layer knows no positions."""


FAMILIES = {
    "gemma3": Family(gelu=True, local_of=6),
    "granite": Family(pairs=True),
    "llama": Family(pairs=True),
    "phi3": Family(),
    "qwen2": Family(),
    "qwen3": Family(),
    "smollm3": Family(pairs=True, positionless=4),
}
_LARGEST_GEMMA = 62
"""Layers of the one Gemma 3 (27B) whose attention is scaled by its width over its heads."""


@dataclass(frozen=True)
class Positions:
    """How a layer turns queries and keys."""

    base: float
    scale: float = 1.0
    """What a position is multiplied by."""


@dataclass(frozen=True)
class Shape:
    architecture: str
    depth: int
    width: int
    heads: int
    key_heads: int
    key_size: int
    value_size: int
    rotary_size: int
    """Values of a head that are turned; the rest know no position."""
    epsilon: float
    context: int
    """Tokens that the model was trained with."""
    original_context: int
    """Tokens before it was stretched; 0 where the file does not say."""
    positions: tuple[Positions | None, ...]
    """Of each layer."""
    windows: tuple[int, ...]
    """How far each layer looks back; 0: to the beginning."""
    attention_scale: float
    attention_factor: float = 1.0
    """What cosines and sines are multiplied by, where positions were stretched."""
    embedding_scale: float = 1.0
    residual_scale: float = 1.0
    logit_scale: float = 1.0
    """What logits are divided by."""

    @property
    def family(self) -> Family:
        return FAMILIES[self.architecture]


class Metadata:
    """Of a GGUF file; values of the model's own architecture by their short names."""

    def __init__(self, fields: Mapping[str, Any], path: Path) -> None:
        self._fields, self._path = fields, path
        self.architecture = str(self.value("general.architecture") or "")
        if self.architecture not in FAMILIES:
            raise ModelFileError(
                f"{path} is of the architecture {self.architecture!r}, which cannot be tuned here; "
                f"those that can are {', '.join(FAMILIES)}"
            )

    def value(self, key: str) -> Any:
        field = self._fields.get(key)
        return None if field is None else field.contents()

    def get(self, key: str, default: float | None = None) -> float:
        """Raise ModelFileError where the file does not say, and for a value for each layer, which
        none of the known models has."""
        found = self.value(f"{self.architecture}.{key}")
        if isinstance(found, list):
            found = found[0] if len(set(found)) == 1 else None
        if found is None and default is None:
            raise ModelFileError(f"{self._path} does not say its {key}; choose another file")
        return float(found) if found is not None else float(default or 0.0)

    def text(self, key: str) -> str:
        return str(self.value(f"{self.architecture}.{key}") or "")

    def refuse(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self._path} {what}, which cannot be tuned here; choose another")


def shape_of(fields: Mapping[str, Any], path: Path) -> Shape:
    told = Metadata(fields, path)
    depth, width = int(told.get("block_count")), int(told.get("embedding_length"))
    heads = int(told.get("attention.head_count"))
    key_size = int(told.get("attention.key_length", width // heads))
    return Shape(
        architecture=told.architecture,
        depth=depth,
        width=width,
        heads=heads,
        key_heads=int(told.get("attention.head_count_kv", heads)),
        key_size=key_size,
        value_size=int(told.get("attention.value_length", width // heads)),
        rotary_size=int(told.get("rope.dimension_count", key_size)),
        epsilon=told.get("attention.layer_norm_rms_epsilon"),
        context=int(told.get("context_length")),
        original_context=int(told.get("rope.scaling.original_context_length", 0)),
        positions=_positions(told, depth),
        windows=_windows(told, depth),
        attention_factor=told.get("rope.scaling.attn_factor", 1.0),
        **_scales(told, depth, width, heads, key_size),
    )


def _scales(told: Metadata, depth: int, width: int, heads: int, key_size: int) -> dict[str, float]:
    attention = key_size**-0.5
    if told.architecture == "granite":
        return {
            "embedding_scale": told.get("embedding_scale", 0.0) or 1.0,
            "residual_scale": told.get("residual_scale", 0.0) or 1.0,
            "logit_scale": told.get("logit_scale", 0.0) or 1.0,
            "attention_scale": told.get("attention.scale", 0.0) or attention,
        }
    if told.architecture == "gemma3":
        largest = depth == _LARGEST_GEMMA
        scale = (width // heads) ** -0.5 if largest else attention
        return {"embedding_scale": width**0.5, "attention_scale": scale}
    return {"attention_scale": attention}


def _positions(told: Metadata, depth: int) -> tuple[Positions | None, ...]:
    kind = told.text("rope.scaling.type")
    if kind not in ("", "none", "linear", "longrope"):
        raise told.refuse(f"stretches its positions by {kind}")
    factor = 1.0 if kind == "none" else told.get("rope.scaling.factor", 1.0)
    everywhere = Positions(told.get("rope.freq_base", DEFAULT_BASE), 1 / (factor or 1.0))
    family = FAMILIES[told.architecture]
    if family.positionless:
        step = family.positionless
        return tuple(None if (n + 1) % step == 0 else everywhere for n in range(depth))
    if any(_windows(told, depth)):
        near = Positions(told.get("rope.freq_base_swa", DEFAULT_BASE))
        return tuple(near if window else everywhere for window in _windows(told, depth))
    return (everywhere,) * depth


def _windows(told: Metadata, depth: int) -> tuple[int, ...]:
    step = FAMILIES[told.architecture].local_of
    window = int(told.get("attention.sliding_window", 0)) if step else 0
    return tuple(window if step and n % step < step - 1 else 0 for n in range(depth))
