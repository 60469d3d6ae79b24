"""The environment that `stackc run` starts a stack in: its lock, installed, and nothing else."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from stackc.cache import cache_dir
from stackc.lock import Package
from stackc.progress import task
from stackc.requirements import text, uv


class InstallError(Exception):
    """The environment cannot be made; the lines are uv's."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("the environment of the stack cannot be made")
        self.lines = tuple(lines)


def python_of(packages: Sequence[Package]) -> Path:
    """The interpreter of the environment of these packages, made on first use.

    Cached by what is in it, so that stacks with the same lock share one. Raises InstallError.
    """
    requirements = text(packages)
    key = sha256(f"{sys.version}\n{sys.base_prefix}\n{requirements}".encode()).hexdigest()[:32]
    environment = cache_dir() / "environments" / key
    if not environment.is_dir():
        with task("environment of the stack"):
            _make(environment, requirements)
    return environment / "bin" / "python"


def _make(environment: Path, requirements: str) -> None:
    """Makes the environment under another name first, so that a half-made one is never used."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=environment.parent, prefix=".new-") as name:
        new = Path(name) / "environment"
        (Path(name) / "requirements.txt").write_text(requirements, encoding="utf-8")
        _run("venv", "--quiet", "--relocatable", "--python", sys.executable, str(new))
        _run(
            *("pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"),
            *("--python", str(new / "bin" / "python"), str(Path(name) / "requirements.txt")),
        )
        if not environment.is_dir():
            shutil.move(new, environment)


def _run(*arguments: str) -> None:
    result = uv(*arguments)
    if result.returncode:
        raise InstallError(result.stderr.strip().splitlines()[-12:])


def start(python: Path, package: str, folder: Path, arguments: Sequence[str]) -> None:
    """Becomes the stack: the process is replaced, so signals reach it and no memory is held."""
    command = [str(python), "-m", package, *arguments]
    os.execve(python, command, stack_environment(folder))


def stack_environment(folder: Path) -> dict[str, str]:
    """The environment of a stack: the user's, and where its code is."""
    search = os.pathsep.join((str(folder), str(folder / "runtime")))
    return {**os.environ, "PYTHONPATH": search}
