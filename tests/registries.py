"""Registries for tests: Debian's, and one that misbehaves as it is told to."""

import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from stackc.image.oci import digest_of
from stacks import free_port


@contextmanager
def docker_registry(folder: Path) -> Iterator[str]:
    """Debian's `docker-registry` on a loopback port; its host and port."""
    address = f"127.0.0.1:{free_port()}"
    settings = folder / "registry.yml"
    settings.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
        f"http: {{addr: '{address}'}}\nlog: {{level: error}}\n"
    )
    command = ["docker-registry", "serve", str(settings)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://{address}/v2/")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the registry did not start")


@dataclass
class Misbehaving:
    """A registry in memory. `faults` are answers to give instead, first come, by method."""

    address: str
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    login: str | None = None

    def fault(self, method: str) -> int | str | None:
        """The next fault, if it is meant for such a request."""
        if self.faults and self.faults[0][0] == method:
            return self.faults.pop(0)[1]
        return None


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    """Serves one on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def answer(self, code: int, data: bytes = b"", **headers: str) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def stopped(self) -> bool:
            """Whether the request has met a fault or lacks a token."""
            state.seen.append(f"{self.command} {self.path}")
            fault = state.fault(self.command)
            if fault == "half":
                self.rfile.read(int(self.headers["Content-Length"]) // 2)
                self.answer(500, Connection="close")
                self.close_connection = True
            elif isinstance(fault, int):
                self.answer(fault, Retry_After="0", Connection="close")
                self.close_connection = True
            elif state.login and self.headers.get("Authorization") != f"Bearer {state.login}":
                realm = f'Bearer realm="http://{state.address}/token",service="s",scope="a:b:c,d"'
                self.answer(401, WWW_Authenticate=realm, Connection="close")
                self.close_connection = True
            else:
                return False
            return True

        def do_HEAD(self) -> None:
            if not self.stopped():
                self.answer(200 if self.path.rpartition("/")[2] in state.blobs else 404)

        def do_GET(self) -> None:
            if self.path.startswith("/token"):
                known = self.headers.get("Authorization") == "Basic bWU6c2VjcmV0"
                self.answer(200, b'{"token": "T"}') if known else self.answer(401)
            elif not self.stopped():
                self.answer(404)

        def do_POST(self) -> None:
            if not self.stopped():
                self.answer(202, Location="/v2/some/app/blobs/uploads/1?state=x")

        def do_PUT(self) -> None:
            if not self.stopped():
                self.answer(*self.taken())

        def taken(self) -> tuple[int, bytes]:
            """Keeps a blob or a manifest; the answer."""
            data = self.rfile.read(int(self.headers["Content-Length"]))
            path = urlsplit(self.path)
            if "/manifests/" in path.path:
                state.manifests[path.path.rpartition("/")[2]] = data
            else:
                (digest,) = parse_qs(path.query)["digest"]
                if digest_of(data) != digest:
                    return 400, b'{"errors": [{"message": "digest invalid"}]}'
                state.blobs[digest] = data
            return 201, b""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Misbehaving(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
