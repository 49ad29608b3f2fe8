"""A real Matrix homeserver, Synapse, on this machine: `make test-matrix` installs it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = Path(__file__).parents[2] / "build" / "synapse" / "bin" / "python"
PATIENCE = 120
_SECRET = "only for tests"
_OFTEN = {"per_second": 10_000, "burst_count": 10_000}


@dataclass(frozen=True)
class Account:
    user_id: str
    password: str
    token: str


class Synapse:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """With all that it held before."""
        if not (config := self._folder / "homeserver.yaml").exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            (self._folder / "signing.key").write_text(f"ed25519 a_test {seed}\n")
            config.write_text(json.dumps(self._config()))  # all JSON is YAML
        python = os.environ.get("SYNAPSE_PYTHON", str(PYTHON))
        assert Path(python).exists(), f"{python} is missing; make test-matrix installs Synapse"
        command = [python, "-m", "synapse.app.homeserver", "--config-path", str(config)]
        with (self._folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=output, stderr=output
            )
        self._wait_until_up()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def register(self, name: str) -> Account:
        path = "/_synapse/admin/v1/register"
        nonce = self._call(path)["nonce"]
        signed = "\0".join([nonce, name, password := secrets.token_hex(8), "notadmin"])
        mac = hmac.new(_SECRET.encode(), signed.encode(), hashlib.sha1).hexdigest()
        account = {"nonce": nonce, "username": name, "password": password, "mac": mac}
        answer = self._call(path, account)
        return Account(answer["user_id"], password, answer["access_token"])

    def _call(self, path: str, data: object = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def _wait_until_up(self) -> None:
        assert self._process is not None
        end = time.monotonic() + PATIENCE
        while True:
            said = (self._folder / "output.log").read_text()[-2_000:]
            assert self._process.poll() is None, f"Synapse ended: {said}"
            assert time.monotonic() < end, f"Synapse did not start: {said}"
            try:
                self._call("/_matrix/client/versions")
            except OSError:
                time.sleep(0.05)
            else:
                return

    def _config(self) -> dict[str, Any]:
        folder = self._folder
        database = {"database": str(folder / "homeserver.db")}
        listener = {"port": self._port, "type": "http", "bind_addresses": ["127.0.0.1"]}
        return {
            "server_name": "localhost",
            "pid_file": str(folder / "homeserver.pid"),
            "signing_key_path": str(folder / "signing.key"),
            "media_store_path": str(folder / "media"),
            "database": {"name": "sqlite3", "args": database},
            "listeners": [{**listener, "resources": [{"names": ["client"]}]}],
            "registration_shared_secret": _SECRET,
            "macaroon_secret_key": _SECRET,
            "form_secret": _SECRET,
            "report_stats": False,
            "trusted_key_servers": [],
            "bcrypt_rounds": 4,
            "rc_message": _OFTEN,
            "rc_registration": _OFTEN,
            "rc_room_creation": _OFTEN,
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _OFTEN),
            "rc_joins": dict.fromkeys(("local", "remote"), _OFTEN),
            "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _OFTEN),
        }


@contextmanager
def synapse(folder: Path) -> Iterator[Synapse]:
    server = Synapse(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
