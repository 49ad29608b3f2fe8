"""All benchmarks, printed as tables: `make bench`. On a quiet machine."""

from __future__ import annotations

import asyncio
import sys

from tests.bench import bench_answers, bench_engine, bench_start, bench_terminal

print("## Engine\n", flush=True)
bench_engine.main(bench_engine.DEFAULT)
print("\n## Start\n", flush=True)
bench_start.main()
print("\n## Terminal\n", flush=True)
bench_terminal.main()
print("\n## Answers\n", flush=True)
asyncio.run(bench_answers.main())
sys.stdout.flush()
