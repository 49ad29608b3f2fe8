"""The vectors of the sample help pages that come along: `python -m tests.bench.prepare_sample`."""

from __future__ import annotations

from bot.engine import Encoder, EngineThread, LlamaEmbeddings
from bot.settings import EngineSettings
from knowledge import prepared
from knowledge.embedding import told_passage
from knowledge.index import SAMPLE
from knowledge.loaders import load
from knowledge.pages import Page
from knowledge.splitter import split
from models.catalogue import find


def sample_texts() -> list[str]:
    pages = [page for page in load([SAMPLE]) if isinstance(page, Page)]
    return [told_passage(passage) for page in pages for passage in split(page)]


def main() -> None:
    texts = sample_texts()
    with EngineThread() as thread:
        encoder = LlamaEmbeddings(Encoder.load(find("kefu-encoder"), thread, EngineSettings()))
        made = encoder.embed_documents(texts)
        prepared.keep(encoder.revision, dict(zip(texts, made, strict=True)))
    print(f"{len(texts)} vectors, {prepared.FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
