"""Running the hand-written stack, and talking to it byte by byte."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks import free_port

GATEWAY = Path(__file__).with_name("gateway.py")
KEY = "sk-a-very-secret-key"


@dataclass
class Served:
    """A stack that serves on a port of 127.0.0.1."""

    port: int
    process: subprocess.Popen[str]

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept alive."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def socket(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request on a connection of its own; `body` is JSON unless it is bytes."""
        with closing(self.connect()) as connection:
            return ask(connection, method, path, body)

    def chat(self, model: str, content: object = "hi", **more: object) -> Answer:
        """A chat completion."""
        return self.ask("POST", "/v1/chat/completions", chat(model, content, **more))

    def stop(self) -> tuple[int, str]:
        """Ends it; returns its exit code, and its output."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output


@dataclass
class Answer:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, which has OpenAI's shape."""
        assert self.json.keys() == {"error"}
        error: dict[str, Any] = self.json["error"]
        assert error.keys() == {"message", "type", "code", "param"}
        assert self.headers["content-type"] == "application/json"
        return error

    @property
    def events(self) -> list[Any]:
        """The events of a stream: decoded JSON, and "[DONE]" as it is."""
        assert self.headers["content-type"].startswith("text/event-stream")
        found = [part.removeprefix("data: ") for part in self.body.decode().split("\n\n") if part]
        return [part if part == "[DONE]" else json.loads(part) for part in found]


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> Answer:
    """One request on `connection`."""
    data: Any = body
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body, ensure_ascii=False).encode()
    connection.request(method, path, data)
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


def chat(model: str, content: object = "hi", **more: object) -> dict[str, object]:
    """The body of a chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


@contextmanager
def serving(**variables: str) -> Iterator[Served]:
    """The stack in a process of its own, with these variables and no others of its own."""
    process = start("--port", str(port := free_port()), **variables)
    stack = Served(port, process)
    try:
        _wait(stack)
        yield stack
    finally:
        process.kill()
        process.communicate()


def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    """The process of the stack; its output comes through a pipe."""
    return subprocess.Popen(
        [sys.executable, str(GATEWAY), *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait(stack: Served) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and stack.process.poll() is None:
        try:
            assert stack.ask("GET", "/v1/health").status == 200
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the stack did not start")
