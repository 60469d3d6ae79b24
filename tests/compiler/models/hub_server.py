"""A hub on this machine: the part of huggingface.co's protocol that serves the files of models."""

import hashlib
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_INFO = re.compile(r"/api/models/([^/]+/[^/]+)/revision/([^/]+)")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_STORE = re.compile(r"/store/(.+)")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repository:
    """Files by commit, commits by branch, and who may read them."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Moves a branch to these files; returns the commit."""
        names = json.dumps([len(self.commits), *files])
        commit = hashlib.sha1(names.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.branches[branch] = commit
        return commit


@dataclass(frozen=True)
class Request:
    """What was asked: the method, the path, and the headers that matter here."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    agent: str | None


@dataclass
class Hub:
    """Two servers, the hub and the store of large files, and what they were asked.

    A file of `drops` breaks off after so many bytes of an answer, once for each number. What is
    `tampered` with is served as if the commit had it. `statuses` are answered before anything else,
    and `info` instead of what a repository has. `silent` answers nothing until it is set.
    """

    address: str = ""
    store: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    stored: list[Request] = field(default_factory=list)
    drops: dict[str, list[int]] = field(default_factory=dict)
    tampered: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    info: bytes | None = None
    silent: threading.Event | None = None
    knows_ranges: bool = True
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, name: str, files: dict[str, bytes], **options: Any) -> Repository:
        repository = self.repositories[name] = Repository(**options)
        repository.commit(files)
        return repository


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub without repositories, until the block ends."""
    hub = Hub()
    servers = [_server(hub, handler) for handler in (_HubHandler, _StoreHandler)]
    hub.address, hub.store = [f"http://127.0.0.1:{server.server_port}" for server in servers]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        if hub.silent:
            hub.silent.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _server(hub: Hub, handler: type["_Handler"]) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler, ABC):
    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for an acknowledgement of its head

    def do_GET(self) -> None:
        self.log()
        if self.hub.silent:
            self.hub.silent.wait()
            self.close_connection = True
        elif self.hub.statuses:
            self.answer(self.hub.statuses.pop(0), b"")
        else:
            self.route(urlsplit(unquote(self.path)).path)

    do_HEAD = do_GET  # noqa: N815

    @abstractmethod
    def route(self, path: str) -> None:
        """Answers for a path."""

    @abstractmethod
    def log(self) -> None:
        """Notes what was asked for."""

    @property
    def request_seen(self) -> Request:
        headers = self.headers
        return Request(
            self.command,
            self.path,
            headers["range"],
            headers["authorization"],
            headers["user-agent"],
        )

    def log_message(self, *_: object) -> None:
        """Writes nothing."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str = "") -> None:
        self.answer(status, b"", X_Error_Code=code, X_Error_Message=message or code)

    def send_content(self, name: str, content: bytes, **headers: str) -> None:
        """The content or, as RFC 9110 says, the part of it that is asked for."""
        start = re.fullmatch(r"bytes=(\d+)-", self.headers["range"] or "")
        status, body = 200, content
        if start and self.hub.knows_ranges:
            first = int(start[1])
            if first >= len(content):
                self.answer(416, b"", Content_Range=f"bytes */{len(content)}")
                return
            status, body = 206, content[first:]
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        drops = self.hub.drops.get(name)
        if self.command == "GET" and drops:
            self.break_off(status, body, drops.pop(0), headers)
        else:
            self.answer(status, body, **headers)

    def break_off(self, status: int, body: bytes, after: int, headers: dict[str, str]) -> None:
        """Promises the whole body, and closes the connection in the middle of it."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:after])
        self.wfile.flush()
        self.close_connection = True


class _HubHandler(_Handler):
    def log(self) -> None:
        self.hub.requests.append(self.request_seen)

    def route(self, path: str) -> None:
        if info := _INFO.fullmatch(urlsplit(self.path).path):
            self.send_info(info[1], unquote(info[2]))
        elif resolve := _RESOLVE.fullmatch(urlsplit(self.path).path):
            self.send_file(resolve[1], unquote(resolve[2]), unquote(resolve[3]))
        else:
            self.answer(404, b"")

    def found(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The commit and its files; answers the refusal where there is none."""
        repository = self.hub.repositories.get(name)
        asked = self.headers["authorization"]
        if repository is None:
            self.refuse(404, "RepoNotFound", "Repository not found")
        elif repository.gated and asked != f"Bearer {repository.token}":
            self.refuse(403 if asked else 401, "GatedRepo", "Access to this model is restricted")
        elif repository.token and asked is None:
            self.refuse(401, "RepoNotFound", "Repository not found")
        elif repository.token and asked != f"Bearer {repository.token}":
            self.refuse(401, "", "Invalid credentials in Authorization header")
        else:
            commit = repository.branches.get(revision, revision)
            if commit in repository.commits:
                return commit, repository.commits[commit]
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

    def send_info(self, name: str, revision: str) -> None:
        if self.hub.info is not None:
            self.answer(200, self.hub.info, Content_Type="application/json")
        elif found := self.found(name, revision):
            commit, files = found
            siblings = [_sibling(file, content) for file, content in files.items()]
            content = {"id": name, "sha": commit, "siblings": siblings}
            self.answer(200, json.dumps(content).encode(), Content_Type="application/json")

    def send_file(self, name: str, revision: str, file: str) -> None:
        found = self.found(name, revision)
        if found is None:
            return
        commit, files = found
        if file not in files:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        content, headers = files[file], {"X_Repo_Commit": commit}
        if not _is_large(file):
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            served = self.hub.tampered.get(file, content)
            self.send_content(file, served, ETag=f'"{etag}"', **headers)
            return
        self.hub.blobs[sha256(content)] = file, self.hub.tampered.get(file, content)
        headers |= {
            "X_Linked_Etag": f'"{sha256(content)}"',
            "X_Linked_Size": str(len(content)),
            "Location": f"{self.hub.store}/store/{sha256(content)}?signed=yes",
        }
        self.answer(302, b"Found", **headers)


class _StoreHandler(_Handler):
    """The store of large files, on another origin: it is never to see a token."""

    def log(self) -> None:
        self.hub.stored.append(self.request_seen)

    def route(self, path: str) -> None:
        found = _STORE.fullmatch(path)
        if found and found[1] in self.hub.blobs:
            self.send_content(*self.hub.blobs[found[1]])
        else:
            self.answer(403, b"")


def _is_large(file: str) -> bool:
    return file.endswith((".safetensors", ".gguf", ".bin"))


def _sibling(file: str, content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"rfilename": file, "size": len(content), "blobId": "0" * 40}
    if _is_large(file):
        found["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 130}
    return found
