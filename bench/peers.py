"""Installs what is compared with: environments of the benchmark's own, kept in the cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stackc.cache import cache_dir

from bench.servers import MissingError


def python_with(*packages: str) -> str:
    """A Python that has `packages`. Raises MissingError."""

    def install(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *packages)

    return str(_installed(packages, install) / "bin/python")


def node_with(*packages: str) -> Path:
    """A folder with `packages` in `node_modules`. Raises MissingError."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("npm is not installed: apt-get install npm")

    def install(folder: Path) -> None:
        options = ("--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional")
        _run(npm, "install", *options, "--prefix", str(folder), *packages)

    return _installed(packages, install)


def _installed(packages: tuple[str, ...], install: Callable[[Path], None]) -> Path:
    """The folder of these packages; what is half installed does not count."""
    name = hashlib.sha256("\n".join((sys.version, *packages)).encode()).hexdigest()[:16]
    folder = cache_dir() / "bench" / name
    done = folder / "installed"
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        done.touch()
    return folder


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise MissingError(f"{' '.join(command)} failed: {result.stderr.strip()[-300:]}")
