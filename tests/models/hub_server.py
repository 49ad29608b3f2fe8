"""A stand-in for the hub: what its client asks of a file, and the ways in which that goes wrong."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

COMMIT = "c0ffee" * 6 + "cafe"
_PIECE = 1 << 12


@dataclass
class Hub:
    """Answers at `url` as long as it is open: `with Hub() as hub`."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By OWNER/REPOSITORY/FILE."""
    cuts: list[int] = field(default_factory=list)
    """So many bytes of each of the next answers are sent before the connection is closed."""
    checksums: dict[str, str] = field(default_factory=dict)
    """Told in place of the right ones; empty for none."""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Status and X-Error-Code by OWNER/REPOSITORY."""
    no_ranges: bool = False
    """The whole file comes, whatever part of it was asked for."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, and the range."""
    tokens: list[str] = field(default_factory=list)
    """What each of those was authorized with."""

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def store(self) -> str:
        """Where the contents lie: on another host, as the hub's do."""
        return f"http://localhost:{self._server.server_port}/cdn"

    @property
    def ranges(self) -> list[str]:
        """Of the contents that were asked for."""
        return [
            given for method, path, given in self.asked if (method, path[:5]) == ("GET", "/cdn/")
        ]

    def sha256(self, name: str) -> str:
        return self.checksums.get(name, hashlib.sha256(self.files[name]).hexdigest())


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """The client went away: that is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        self.hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        self.hub.tokens.append(self.headers.get("Authorization", ""))
        if self.path.startswith("/api/"):  # the client asks what programs are named
            self._empty(404, {})
            return
        if self.path.startswith("/cdn/"):
            self._content(self.hub.files[self.path.removeprefix("/cdn/")])
            return
        owner, repository, _, revision, file = self.path.strip("/").split("/")
        name = f"{owner}/{repository}/{file}"
        if refusal := self.hub.refusals.get(f"{owner}/{repository}"):
            self._empty(refusal[0], {"X-Error-Code": refusal[1]})
        elif not any(known.startswith(f"{owner}/{repository}/") for known in self.hub.files):
            self._empty(401, {"X-Error-Code": "RepoNotFound"})
        elif name not in self.hub.files:
            self._empty(404, {"X-Error-Code": "EntryNotFound"})
        else:
            assert revision in {"main", COMMIT}
            self._empty(302, self._told(name) | {"Location": f"{self.hub.store}/{name}"})

    def _told(self, name: str) -> dict[str, str]:
        told = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(len(self.hub.files[name]))}
        sha256 = self.hub.sha256(name)
        return told | ({"X-Linked-Etag": f'"{sha256}"'} if sha256 else {})

    def _content(self, content: bytes) -> None:
        start = 0
        if (given := self.headers.get("Range")) and not self.hub.no_ranges:
            start = int(given.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            whole = len(content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        else:
            self.send_response(200)
        part = content[start:]
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        cut = self.hub.cuts.pop(0) if self.hub.cuts else len(part)
        for place in range(0, min(cut, len(part)), _PIECE):
            self.wfile.write(part[place : min(place + _PIECE, cut)])
        self.close_connection = cut < len(part)

    def _empty(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
