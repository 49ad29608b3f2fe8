"""One dial, `depth`, sets the size of the decoder and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_SIZE = 64
VOCABULARY = 16_384
CONTEXT = 2_048
"""Longest sequence seen in training, in tokens; also the context window in the GGUF."""


@dataclass(frozen=True)
class Dial:
    depth: int = 6
    """Layers. 6 is 13 million parameters for two CPU cores, 12 is 46 million for a GPU."""

    vocabulary: int = VOCABULARY

    @property
    def heads(self) -> int:
        return max(5, round(self.depth * 0.625))

    @property
    def width(self) -> int:
        return self.heads * HEAD_SIZE

    @property
    def feed_forward(self) -> int:
        return 32 * round(self.width * 8 / 3 / 32 + 0.25)

    @property
    def muon_rate(self) -> float:
        return 0.02

    @property
    def adamw_rate(self) -> float:
        """Of the matrices, where AdamW trains them in Muon's place; of 1e-3 and 3e-3 the better."""
        return float(1e-3 * (320 / self.width) ** 0.5)

    @property
    def embedding_rate(self) -> float:
        # wider models want smaller steps for their embeddings (width^-1/2, 320 the reference)
        return float(3e-3 * (320 / self.width) ** 0.5)

    @property
    def parameters(self) -> int:
        layer = 4 * self.width**2 + 3 * self.width * self.feed_forward
        return self.vocabulary * self.width + self.depth * layer
