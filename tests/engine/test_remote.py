"""The remote engine against a small OpenAI-compatible server, its faults included."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from bot.engine.remote import RemoteChatModel, open_remote
from bot.errors import ContextOverflow, KefuError, ModelError
from bot.settings import EngineSettings

PIECES = ["Sixty ", "days, ", "六十天。"]


class Server:
    """`answers` are taken first: a status and a body, or a function that writes to the handler."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [{"id": "reader", "max_model_len": 2048}]
        self.answers: list[tuple[int, str] | Callable[[BaseHTTPRequestHandler], None]] = []
        self.asked: list[dict[str, Any]] = []
        self.pieces = PIECES
        self.keys: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.keys.append(self.headers["Authorization"])
                server._reply(self, 200, json.dumps({"object": "list", "data": server.models}))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append(json.loads(body))
                answer = server.answers.pop(0) if server.answers else server.stream
                if callable(answer):
                    answer(self)
                else:
                    server._reply(self, *answer)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def settings(self, **given: Any) -> EngineSettings:
        return EngineSettings(**{"url": self.url, "timeout": 5, "retries": 0} | given)

    def open(self, **given: Any) -> RemoteChatModel:
        return open_remote(self.settings(**given))

    def stream(self, handler: BaseHTTPRequestHandler, *, whole: bool = True) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for piece in self.pieces:
            self._event(handler, {"choices": [_choice({"content": piece})]})
        if whole:
            self._event(handler, {"choices": [_choice({}, "stop")]})
            usage = {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}
            self._event(handler, {"choices": [], "usage": usage})
            handler.wfile.write(b"data: [DONE]\n\n")

    def _event(self, handler: BaseHTTPRequestHandler, data: dict[str, Any]) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "reader"}
        handler.wfile.write(f"data: {json.dumps(chunk | data)}\n\n".encode())
        handler.wfile.flush()

    def _reply(self, handler: BaseHTTPRequestHandler, status: int, body: str) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())


def _choice(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "code": 1}})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


async def test_a_reply_is_streamed_and_counted(server: Server) -> None:
    model = server.open(temperature=0, max_tokens=7, key="secret")
    messages = [SystemMessage("Be brief."), HumanMessage("How long?")]
    chunks = [chunk async for chunk in model.astream(messages)]
    assert [chunk.text for chunk in chunks if chunk.text] == PIECES
    counted = next(chunk for chunk in chunks if chunk.usage_metadata)
    assert counted.usage_metadata["output_tokens"] == 3
    assert counted.response_metadata["tokens_per_second"] > 0
    (asked,) = server.asked
    assert [one["content"] for one in asked["messages"]] == ["Be brief.", "How long?"]
    assert (asked["model"], asked["temperature"], asked["stream"]) == ("reader", 0, True)
    assert 7 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    assert server.keys == ["Bearer secret"]


def test_plain_threads_have_the_same(server: Server) -> None:
    assert "".join(chunk.text for chunk in server.open().stream("How long?")) == "".join(PIECES)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["<th", "ink>who knows", "</think>", "\n\nSixty ", "days."], "Sixty days."),
        (["Sixty <", "3"], "Sixty <3"),
        (["ends with <"], "ends with <"),
        (["<think>never done"], ""),
    ],
)
async def test_thoughts_that_a_server_leaves_in_are_taken_out(
    server: Server, pieces: list[str], shown: str
) -> None:
    server.pieces = pieces
    model = server.open()
    assert "".join([chunk.text async for chunk in model.astream("hi")]) == shown
    assert "".join(chunk.text for chunk in model.stream("hi")) == shown
    for ask in (model.invoke, model.ainvoke):
        message = {"role": "assistant", "content": "".join(pieces)}
        whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        server.answers.append((200, json.dumps({"id": "1", "model": "reader", **whole})))
        said = ask("hi")
        assert (await said if asyncio.iscoroutine(said) else said).text == shown


def test_another_servers_key_is_not_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-you")
    list(server.open().stream("hello"))
    assert server.keys == ["Bearer none"]


@pytest.mark.parametrize(
    ("described", "given", "window"),
    [
        ({"max_model_len": 2048}, {}, 2048),
        ({"meta": {"n_ctx": 1024}}, {}, 1024),
        ({}, {}, 4096),
        ({"meta": "none"}, {}, 4096),
        ({"max_model_len": 2048}, {"context": 512}, 512),
    ],
)
def test_the_window_is_asked_for(
    server: Server, described: dict[str, Any], given: dict[str, int], window: int
) -> None:
    server.models = [{"id": "reader"} | described]
    assert server.open(**given).context == window


def test_the_model_is_the_one_that_was_set(server: Server) -> None:
    server.models = [{"id": "first"}, {"id": "second"}]
    assert server.open().model_name == "first"
    assert server.open(model="second").model_name == "second"
    with pytest.raises(ModelError, match="has no model 'third', but first, second"):
        server.open(model="third")


def test_what_the_server_did_not_take_is_sent_again(server: Server) -> None:
    server.answers = [(503, _error("loading"))]
    assert "".join(one.text for one in server.open(retries=1).stream("hi")) == "".join(PIECES)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "message", "kind", "shown"),
    [
        (500, "out of memory", ModelError, "failed: .*out of memory"),
        (401, "Invalid API Key", ModelError, r"does not take this key; mend engine\.key"),
        (
            400,
            "the request exceeds the available context size",
            ContextOverflow,
            "cannot hold the prompt",
        ),
        (404, "no such path", ModelError, "failed: .*no such path"),
    ],
)
async def test_its_errors_are_one_line(
    server: Server, status: int, message: str, kind: type[KefuError], shown: str
) -> None:
    async def streamed(model: RemoteChatModel) -> None:
        async for _ in model.astream("hello"):
            pass

    for ask in (lambda model: model.ainvoke("hello"), streamed):
        server.answers = [(status, _error(message))]
        with pytest.raises(kind, match=shown) as raised:
            await ask(server.open())
        assert "\n" not in str(raised.value)
        assert server.url in str(raised.value)


async def test_a_server_that_says_nothing_is_given_up(server: Server) -> None:
    done = threading.Event()
    server.answers = [lambda _: done.wait(10) and None]
    try:
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"said nothing within engine\.timeout"):
            await server.open(timeout=0.2).ainvoke("hello")
        assert time.monotonic() - began < 5
    finally:
        done.set()


def test_a_server_that_is_not_there(server: Server) -> None:
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:1/v1 cannot be reached"):
        open_remote(EngineSettings(url="http://127.0.0.1:1/v1", retries=0))


def test_a_server_of_another_kind(server: Server) -> None:
    server.models = []
    with pytest.raises(ModelError, match="has no model"):
        server.open()


async def test_a_stop_closes_the_connection(server: Server) -> None:
    gone = threading.Event()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        try:
            server.stream(handler, whole=False)
            while True:
                server._event(handler, {"choices": [_choice({"content": "and "})]})
                time.sleep(0.01)
        except OSError:
            gone.set()

    server.answers = [endless]
    chunks = server.open().astream("hello")
    assert (await anext(chunks)).text is not None
    await chunks.aclose()
    assert await asyncio.to_thread(gone.wait, 5)


def test_tokens_are_guessed_by_bytes(server: Server) -> None:
    model = server.open()
    assert model.reads
    assert model.count_tokens([HumanMessage("多久可以退货")]) == 14
    assert model.count_tokens([HumanMessage("abc" * 10)]) == 18
