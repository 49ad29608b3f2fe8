"""llama-server and llama-bench, as tests/bench/build_llama_cpp.sh builds them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.workload import Messages, Stream

SETTINGS: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "-fa off": ("-fa", "off"),
    "-fa off, KV unified": ("-fa", "off", "--kv-unified"),
    "KV unified": ("--kv-unified",),
}
PATIENCE = 120.0


@contextmanager
def llama_server(
    folder: Path, model: Path, *, parallel: int, context: int, threads: int, extra: Sequence[str]
) -> Iterator[str]:
    """Its address. `context`: tokens of one conversation."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(folder / "llama-server"),
        *("-m", str(model), "-np", str(parallel), "-c", str(parallel * context)),
        *("-t", str(threads), "-tb", str(threads), "--host", "127.0.0.1", "--port", str(port)),
        *("--jinja", "--no-webui", *extra),
    ]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_healthy(address, server)
            yield address
        finally:
            server.terminate()


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None, f"llama-server ended with {server.returncode}"
        try:
            if httpx.get(f"{address}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("llama-server did not become healthy")


def new_client() -> httpx.AsyncClient:
    """A connection for each request: the server closes those that rest."""
    return httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))


def server_stream(client: httpx.AsyncClient, address: str, reply_tokens: int) -> Stream:
    async def stream(name: str, messages: Messages) -> AsyncIterator[str]:
        body = {
            "messages": [{"role": role, "content": text} for role, text in messages],
            "stream": True,
            "max_tokens": reply_tokens,
            "temperature": 0,
            "ignore_eos": True,
            "cache_prompt": True,
            "id_slot": int(name[1:]),
        }
        url = f"{address}/v1/chat/completions"
        async with client.stream("POST", url, json=body, timeout=600) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    choice = json.loads(line[6:])["choices"][0]
                    if text := choice["delta"].get("content"):
                        yield text

    return stream


def llama_bench(folder: Path, model: Path, *, threads: int, tokens: int) -> float:
    """Decode tokens/s of one sequence."""
    command = [
        str(folder / "llama-bench"),
        *("-m", str(model), "-p", "0", "-n", str(tokens), "-t", str(threads), "-r", "3"),
        *("-fa", "0", "-o", "json"),
    ]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)[0]["avg_ts"])
