"""From a folder of texts to a file that llama.cpp runs, also when it is cut off on the way."""

from __future__ import annotations

import json
import lzma
import shutil
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np
import pytest
import torch
from filelock import FileLock

from bot.cli.main import main
from bot.engine.loading import read_metadata
from bot.errors import UsageError
from models.training import pack, recipe, tokenizer, train
from models.training.export import TYPES, Exported
from models.training.log import Line
from models.training.plan import TASKS, Plan, Record
from models.training.recipe import Recipe

STEPS = 6
SENTENCE = "parcels travel by ferry and arrive twice a week behind the old harbour office"


class Cut(Exception):
    """As a kill: nothing is tidied up."""


class Watched:
    """Notes what it is told, and cuts at a place such as `train 3`."""

    def __init__(self, cut: str = "") -> None:
        self.told: list[str] = []
        self._cut = cut

    def _tell(self, place: str) -> None:
        self.told.append(place)
        if place == self._cut:
            raise Cut

    def packing(self, name: str, done: int, of: int) -> None:
        self._tell(f"pack {name} {done}")

    def training(self, line: Line) -> None:
        self._tell(f"train {line['step']}")

    def exporting(self, file: Exported) -> None:
        self._tell(f"export {file.kind}")


def write_data(data: Path) -> None:
    rng = np.random.default_rng(4)
    words = SENTENCE.split()
    texts = [f"{' '.join(rng.permutation(words))}. Note {n} is here." for n in range(1500)]
    records: dict[str, list[dict[str, Any]]] = {task: [] for task in TASKS}
    records["text"] = [{"text": text, "title": "Post"} for text in texts]
    records["faq"] = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(9)]
    for task, found in records.items():
        (data / task).mkdir(parents=True)
        with lzma.open(data / task / "made.jsonl.xz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(record) + "\n" for record in found)


def quick_tokenizer(plain: object, data: Path, out: Path, seed: int) -> None:
    texts = [SENTENCE, "Note What is here. It is 0123456789?"] * 3
    pack.train_tokenizer(texts).save(str(out / "tokenizer.json"))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def make_small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tokenizer, "VOCABULARY", 400)
    patch.setattr(pack, "SHARD", 6)
    patch.setattr(pack, "make_tokenizer", quick_tokenizer)
    patch.setattr(pack, "UNSEEN", 6)
    for name in ("BATCH_TOKENS", "MICRO_TOKENS"):
        patch.setattr(train, name, {"cpu": 512})
    for name in ("VALIDATED", "VALIDATED_MEANWHILE"):
        patch.setattr(train, name, {"cpu": 1})
    patch.setattr(train, "REPORT_EVERY", 1)
    patch.setattr(train, "CHECKPOINT_SECONDS", 0)
    patch.setattr(train, "COOLING_FROM", 0.2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Watched]:
    """A run from beginning to end."""
    folder = tmp_path_factory.mktemp("trained")
    write_data(folder / "data")
    plan = Plan(
        folder / "data",
        folder / "run",
        depth=1,
        tokens=512.0 * STEPS,
        conversations=6,
        processes=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        watch = Watched()
        Recipe(plan, Record(plan), watch).run()
    return plan, watch


@pytest.fixture
def again(trained: tuple[Plan, Watched], tmp_path: Path) -> Plan:
    """The same run, in a folder of its own that is empty yet."""
    return replace(trained[0], out=tmp_path / "run")


@pytest.fixture
def packed(trained: tuple[Plan, Watched], again: Plan) -> Plan:
    """The same, with its first step done."""
    shutil.copytree(trained[0].out, again.out)
    for pattern in ("*.pt", "*.gguf", "log.jsonl", "curve.svg"):
        for file in again.out.glob(pattern):
            file.unlink()
    record = json.loads((again.out / "run.json").read_text())
    record["steps"] = {"pack": record["steps"]["pack"]}
    (again.out / "run.json").write_text(json.dumps(record))
    return again


def go(plan: Plan, cut: str = "") -> Watched:
    watch = Watched(cut)
    run = Recipe(plan, Record(plan), watch).run
    if cut:
        with pytest.raises(Cut):
            run()
    else:
        run()
    return watch


def log_of(plan: Plan) -> list[Line]:
    return [json.loads(line) for line in (plan.out / "log.jsonl").read_text().splitlines()]


def record_of(plan: Plan) -> dict[str, Any]:
    return dict(json.loads((plan.out / "run.json").read_text()))


def test_the_record_tells_all(trained: tuple[Plan, Watched]) -> None:
    plan, _ = trained
    record = record_of(plan)
    assert set(record["steps"]) == {"pack", "train", "export"}
    assert all(step["done"] and step["seconds"] > 0 for step in record["steps"].values())
    assert record["arguments"]["pack"]["data"] == str(plan.data)
    assert record["versions"]["torch"] == torch.__version__
    assert record["machine"]["cores"] >= 1
    for name, tokens in record["steps"]["pack"]["tokens"].items():
        assert tokens == len(np.load(plan.out / f"{name}.tokens.npy"))
    assert record["steps"]["train"]["tokens"] == 512 * STEPS
    assert record["steps"]["export"]["step"] == record["steps"]["train"]["best"]["step"]
    files = [Exported(**each) for each in record["steps"]["export"]["files"]]
    assert [one.kind for one in files] == list(TYPES)
    assert [(plan.out / one.file).stat().st_size for one in files] == [one.bytes for one in files]
    assert [line["step"] for line in log_of(plan)] == [*range(1, STEPS + 1), STEPS]
    assert "validation: replies" in (plan.out / "curve.svg").read_text()
    assert go(plan).told == []


def test_llama_cpp_runs_what_comes_out(trained: tuple[Plan, Watched]) -> None:
    plan, _ = trained
    file = plan.out / record_of(plan)["steps"]["export"]["file"]
    assert read_metadata(file)["kefu.reads"] == "false"
    model = llama_cpp.Llama(str(file), n_ctx=256, n_threads=1, verbose=False)
    prompt = "<|im_start|>user\nWhat is 4?<|im_end|>\n<|im_start|>assistant\n"
    asked = model.tokenize(prompt.encode(), add_bos=False, special=True)
    said = list(islice(model.generate(asked, temp=0.0), 8))
    model.close()
    vocabulary = tokenizer.load_tokenizer(plan.out)
    assert asked == vocabulary.encode(prompt).ids
    assert len(said) == 8
    assert max(said) < vocabulary.get_vocab_size()


def test_cut_off_in_packing(again: Plan) -> None:
    cut = go(again, cut="pack service 9")
    assert "pack plain 8" in cut.told
    whole = again.out / "plain.tokens.npy"
    before = whole.stat().st_mtime_ns
    (again.out / "service.tokens.new").write_bytes(b"half of an array")
    told = go(again, cut="train 1").told
    assert [place for place in told if "plain" in place or "tokenizer" in place] == []
    assert "pack service 1" in told
    assert whole.stat().st_mtime_ns == before
    tokens = record_of(again)["steps"]["pack"]["tokens"]
    assert tokens["service"] == len(np.load(again.out / "service.tokens.npy")) > 0


def test_what_was_cut_off_in_packing_is_the_same(
    again: Plan, trained: tuple[Plan, Watched]
) -> None:
    go(again, cut="pack service 3")
    go(again, cut="train 1")
    for name in pack.ARRAYS:
        for kind in ("tokens", "learn"):
            one, other = (p.out / f"{name}.{kind}.npy" for p in (again, trained[0]))
            assert one.read_bytes() == other.read_bytes()


def test_cut_off_in_training(packed: Plan, trained: tuple[Plan, Watched]) -> None:
    go(packed, cut="train 4")
    assert not record_of(packed)["steps"]["train"].get("done")
    told = go(packed, cut="export f16").told
    assert told[0] == "train 4"  # the checkpoint is of the step before
    unbroken = [line.get("loss") for line in log_of(trained[0])]
    assert [line.get("loss") for line in log_of(packed)] == pytest.approx(unbroken, abs=1e-3)


def test_the_best_weights_are_exported_and_what_was_exported_stays(
    packed: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([9.0, 9.0, 2.0, 1.0, 3.0, 4.0])
    with monkeypatch.context() as patch:
        patch.setattr(train, "validation", lambda *_, **__: {"plain": 1.0, "service": next(found)})
        go(packed, cut="export f16")
    best = torch.load(packed.out / "best.pt")
    assert best["step"] == record_of(packed)["steps"]["export"]["step"] == 4
    first = packed.out / "own-f16.gguf"
    (stored,) = [t for t in gguf.GGUFReader(first).tensors if t.name == "token_embd.weight"]
    assert np.array_equal(stored.data, best["model"]["embedding.weight"].half().numpy())
    before = first.stat().st_mtime_ns
    assert go(packed).told == [f"export {kind}" for kind in TYPES[1:]]
    assert first.stat().st_mtime_ns == before


def test_a_folder_is_of_one_run(trained: tuple[Plan, Watched], tmp_path: Path) -> None:
    plan, _ = trained
    for other, told in (
        (replace(plan, depth=2), "was begun with --depth 1, not --depth 2"),
        (replace(plan, seed=7), "was begun with --seed 1, not --seed 7"),
        (replace(plan, optimizer="adamw"), "--optimizer muon, not --optimizer adamw"),
        (replace(plan, tokens=0.0, seconds=90.0), "not --tokens 0"),
        (replace(plan, data=tmp_path), f"not --data {tmp_path}"),
    ):
        with pytest.raises(UsageError, match=told):
            Record(other)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(UsageError, match="no record of a run"):
        Record(replace(plan, out=tmp_path))
    (tmp_path / "run.json").rename(tmp_path / "letters.txt")
    with pytest.raises(UsageError, match="holds other files"):
        Record(replace(plan, out=tmp_path))


def test_the_files_can_be_made_again_under_another_name(
    trained: tuple[Plan, Watched], again: Plan
) -> None:
    shutil.copytree(trained[0].out, again.out)
    other = replace(again, name="mine", quantisation="q8_0")
    assert go(other).told == [f"export {kind}" for kind in TYPES]
    assert record_of(other)["steps"]["export"]["file"] == "mine-q8_0.gguf"


def test_two_runs_do_not_share_a_folder(again: Plan) -> None:
    again.out.mkdir()
    record = Record(again)
    with (
        FileLock(again.out / ".lock"),
        pytest.raises(UsageError, match="another run is at work"),
    ):
        Recipe(again, record, Watched()).run()


def test_a_set_that_breaks_off_is_named(again: Plan, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_data(data)
    broken = data / "text" / "made.jsonl.xz"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(UsageError, match=r"made\.jsonl\.xz cannot be read behind line"):
        Recipe(replace(again, data=data), Record(again), Watched()).run()


def test_too_few_texts(again: Plan, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_data(data)
    with lzma.open(data / "text" / "made.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"text": "One text.", "title": "Post"}) + "\n")
    with pytest.raises(UsageError, match="tokens, and 258 are wanted"):
        Recipe(replace(again, data=data), Record(again), Watched()).run()


def test_the_command_tells_what_came_of_it(
    trained: tuple[Plan, Watched],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, _ = trained
    out_folder = tmp_path / "a run"
    out_folder.symlink_to(plan.out)
    length = ("--depth", "1", "--tokens", str(plan.tokens), "--conversations", "6")
    places = ("--data", str(plan.data), "--out", str(out_folder), "--device", "cpu")
    monkeypatch.setattr(sys, "argv", ["kefu", "models", "train", *places, *length, "--json"])
    main()
    told = json.loads(capsys.readouterr().out)
    file = out_folder / told["steps"]["export"]["file"]
    assert told["path"] == str(file)
    monkeypatch.setattr(sys, "argv", ["kefu", "models", "train", *places, *length])
    main()
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"to let it answer: kefu models use '{file}'"
    assert [line.split()[0] for line in out.splitlines()[: len(TYPES)]] == list(TYPES)
    assert "done: pack, train, export" in err
    monkeypatch.setattr(sys, "argv", ["kefu", "models", "train", *places, *length, "--seed", "2"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "was begun with --seed 1, not --seed 2" in capsys.readouterr().err


def test_the_time_is_reckoned_from_real_steps(
    again: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < recipe.seconds_of_training(replace(again, tokens=1e4), tmp_path) < 3600
    assert list(tmp_path.iterdir()) == []
    assert recipe.seconds_of_training(replace(again, seconds=90.0), tmp_path) == 90.0
    steps = iter([1.0, 2.0])  # of text, of rows
    monkeypatch.setattr(recipe, "_seconds_of_step", lambda *_: next(steps))
    reading, tuning = 0.6 * 1 + 0.4 * 2, 0.08 * 1 + 0.92 * 2
    wanted = 1000 * (0.3 * reading + 0.7 * tuning)
    found = recipe.seconds_of_training(replace(again, tokens=512.0 * 1000), tmp_path)
    assert found == pytest.approx(wanted)
