"""What the measures ask of an encoder."""

from __future__ import annotations

from typing import Protocol


class Encodes(Protocol):
    """Vectors of length 1."""

    @property
    def languages(self) -> frozenset[str]: ...

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]: ...

    async def aembed_query(self, text: str) -> list[float]: ...
