import json
from pathlib import Path

from tests.cli.conftest import Kefu


def test_lines_in_lines_out(kefu: Kefu, tmp_path: Path) -> None:
    texts = ["I love it, thank you so much!", "This is a disgrace, I want my money back", "你好"]
    lines = [json.dumps({"id": n, "text": text}) for n, text in enumerate(texts)]
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join(lines) + "\n\n")
    for ran in (kefu("sentiment", str(file)), kefu("sentiment", given="\n".join(lines))):
        assert ran.status == 0
        good, bad, hello = ran.lines
        assert good["label"] == "positive"
        assert bad["label"] == "negative"
        assert hello["id"] == 2
        assert -1 <= bad["score"] < 0 < good["score"] <= 1
        assert 0 <= hello["confidence"] <= 1


def test_bad_lines(kefu: Kefu) -> None:
    ran = kefu("sentiment", given='{"text": "fine"}\n[1]')
    assert ran.status == 2
    assert "line 2" in ran.err
