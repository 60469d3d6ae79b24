"""Trials: how long a stack takes to start, and what memory it holds when idle."""

import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from stackc.virtualenv import stack_environment

LONGEST_START = 120.0
"""Seconds after which a stack is given up."""

SETTLING = 0.5
"""Seconds that a stack is left alone before its memory is read."""


class StartError(Exception):
    """The stack did not start; the lines are what it said last."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("the stack did not start")
        self.lines = tuple(lines)


@dataclass(frozen=True)
class Trial:
    """One start: milliseconds to the first answer, and megabytes held afterwards."""

    start_ms: float
    rss_mb: float


@dataclass(frozen=True)
class Measured:
    """The trials of a stack."""

    trials: tuple[Trial, ...]

    @property
    def start_ms(self) -> float:
        """The median of the starts."""
        return median(each.start_ms for each in self.trials)

    @property
    def rss_mb(self) -> float:
        """The median of the memory."""
        return median(each.rss_mb for each in self.trials)


def measure(python: Path, package: str, folder: Path, times: int) -> Measured:
    """Starts a built stack again and again, one at a time; raises StartError.

    The first start, which writes bytecode and fills the caches of the disk, does not count.
    """
    trials = [_trial(python, package, folder) for _ in range(times + 1)]
    return Measured(tuple(trials[1:]))


def _trial(python: Path, package: str, folder: Path) -> Trial:
    port = _free_port()
    command = [str(python), "-m", package, "--host=127.0.0.1", f"--port={port}"]
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=stack_environment(folder), stdout=output, stderr=output
        )
        try:
            if not _answers(port, process, begun):
                output.seek(0)
                raise StartError(output.read().decode(errors="replace").splitlines()[-12:])
            start_ms = (time.perf_counter() - begun) * 1000
            time.sleep(SETTLING)
            return Trial(start_ms, _resident(process.pid) / 1e6)
        finally:
            process.terminate()
            process.wait()


def _answers(port: int, process: "subprocess.Popen[bytes]", begun: float) -> bool:
    """Waits for the first 200 of `/v1/health`; False where the process ends or takes too long."""
    while process.poll() is None and time.perf_counter() - begun < LONGEST_START:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health", timeout=5):
                return True
        except OSError:
            time.sleep(0.005)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _resident(pid: int) -> int:
    """The bytes of a process that are in memory."""
    status = Path(f"/proc/{pid}/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True)
    return int(told.stdout) * 1024
