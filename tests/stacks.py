"""Builds of the repository's distributions, and running them, for the tests that need them whole."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DISTRIBUTIONS = sorted(path.stem for path in (ROOT / "distributions").glob("*.lock"))
"""The distributions that are built; one without a lock waits for parts that are planned."""

SERVING = [name for name in DISTRIBUTIONS if not name.endswith("-gpu")]
"""Those that run on a machine without a GPU."""

PLANNED = sorted(
    path.stem for path in (ROOT / "distributions").glob("*.yaml") if path.stem not in DISTRIBUTIONS
)
"""Those that wait for parts that are not built yet."""


def stackc(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own, in the repository."""
    command = [sys.executable, "-m", "stackc.cli", *map(str, arguments)]
    settings = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 900, **options}
    return subprocess.run(command, **settings)  # type: ignore[call-overload,no-any-return]


def build(name: str, folder: Path) -> Path:
    """Builds a distribution of the repository into a folder; returns the folder."""
    result = stackc("build", f"distributions/{name}.yaml", "--out", folder)
    assert result.returncode == 0, result.stderr
    return folder


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a stack: where its code is, and nothing that switches a provider on."""
    kept = {key: os.environ[key] for key in ("HOME", "PATH", "LANG") if key in os.environ}
    return {**kept, "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'runtime'}", **variables}


@dataclass(frozen=True)
class Running:
    """A stack that serves."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def running(
    folder: Path, package: str, *, python: str = sys.executable, **variables: str
) -> Iterator[Running]:
    """Serves a built stack on a free port until the block ends."""
    port = free_port()
    command = [python, "-m", package, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(folder, **variables), cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield Running(url, process)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when a stack answers; fails where its process ends before."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/v1/health", timeout=5).read()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the stack did not start: exit code {process.poll()}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def distribution_name(requirement: str) -> str:
    """The normalised name of a requirement's distribution."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()
