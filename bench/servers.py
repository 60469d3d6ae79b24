"""Starting and stopping the processes that are measured."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

# The static answer that upstreams give.
ANSWER = (PROGRAMS / "answer.json").read_text().strip()


class MissingError(Exception):
    """A program that a measurement needs is not installed."""


@dataclass(frozen=True)
class Server:
    """How to start something that serves; it listens on the port that `command` ends with.

    `folder` is where it runs.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    path: str = "/v1/health"
    folder: Path | None = None


@dataclass(frozen=True)
class Running:
    """A process that answers on a port of 127.0.0.1."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def resident_megabytes(self) -> float:
        """The resident set size of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def stack(folder: Path, python: str, **variables: str) -> Server:
    """A generated stack: a folder with a package of its name, and the runtime beside it."""
    path = f"{folder}{os.pathsep}{folder / 'runtime'}"
    command = (python, "-m", folder.name, "--host", "127.0.0.1", "--port")
    return Server(folder.name, command, {"PYTHONPATH": path, **variables})


def program(name: str, file: str, *arguments: str) -> Server:
    """One of the small servers in `programs`."""
    return Server(name, (sys.executable, str(PROGRAMS / file), *arguments))


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """The server, ready, until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [*server.command, str(port)],
        env={**os.environ, **server.environ},
        cwd=server.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = Running(server.name, port, process)
        wait_until_ready(started, server.path)
        yield started
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(server: Running, path: str) -> None:
    """Returns as soon as `path` gives 200."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.002)
        finally:
            connection.close()
        if server.process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with {server.process.returncode}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def need(name: str, package: str) -> str:
    """The path of a program. Raises MissingError."""
    path = shutil.which(name)
    if path is None:
        raise MissingError(f"{name} is not installed: apt-get install {package}")
    return path
