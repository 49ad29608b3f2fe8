"""How long commands take from nothing: `python -m tests.bench.bench_start`.

Wall time of whole new processes, the median of a few; the home holds the sample help pages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

KEFU = str(Path(sys.executable).with_name("kefu"))
TIMES = 5
QUESTION = "How long do I have to return shoes?"


def seconds(*arguments: str) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([KEFU, *arguments], capture_output=True, text=True, check=True)
    return time.perf_counter() - began, done.stdout


def first_token(*arguments: str) -> float:
    """Seconds from the start of the process to the first character of the reply."""
    began = time.perf_counter()
    with subprocess.Popen([KEFU, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1)
        elapsed = time.perf_counter() - began
        process.stdout.read()
    return elapsed


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["KEFU_HOME"] = home
        indexing, _ = seconds("ask", QUESTION)
        help_ = median(seconds("--help")[0] for _ in range(TIMES))
        token = median(first_token("ask", QUESTION) for _ in range(TIMES))
        answers = [json.loads(seconds("ask", QUESTION, "--json")[1]) for _ in range(TIMES)]
        inside = median(answer["timing"]["first_token_ms"] for answer in answers)
        print("| start | |\n|---|---:|")
        print(f"| `kefu --help` | {help_:.2f} s |")
        print(f"| `kefu ask`, process start to first token | {token:.2f} s |")
        print(f"| of it, message received to first token | {inside / 1000:.2f} s |")
        print(f"| the first `kefu ask` of all, sample pages read in | {indexing:.1f} s |")


if __name__ == "__main__":
    main()
