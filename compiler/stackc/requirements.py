"""Python packages: resolved by uv into pins with hashes, and written as a requirements file."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stackc.lock import Package

PYTHON = "3.11"
"""The oldest Python that a stack runs on, and the one of its image."""


class ResolutionError(Exception):
    """uv found no set of packages; the lines say why."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("the packages cannot be resolved")
        self.lines = tuple(lines)


def resolve(
    requires: Sequence[str], excludes: Sequence[str], pinned: Sequence[Package]
) -> tuple[Package, ...]:
    """Pins for every platform; pins that still fit stay as they are. Raises ResolutionError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("\n".join(requires) + "\n", encoding="utf-8")
        (folder / "excludes.txt").write_text("\n".join(excludes) + "\n", encoding="utf-8")
        output = folder / "requirements.txt"
        output.write_text(text(pinned), encoding="utf-8")
        options = ["--universal", "--generate-hashes", "--python-version", PYTHON, "--quiet"]
        options += ["--no-header", "--annotation-style", "split", "--no-emit-index-url"]
        options += ["--excludes", "excludes.txt", "--output-file", output.name]
        result = uv("pip", "compile", *options, "requirements.in", folder=folder)
        if result.returncode:
            raise ResolutionError(result.stderr.strip().splitlines()[-12:])
        return parse(output.read_text(encoding="utf-8"))


def parse(requirements: str) -> tuple[Package, ...]:
    """The packages of a requirements file with hashes, in which uv says who asks for each."""
    joined = re.sub(r"\s#", "\n#", re.sub(r"\\\n\s*", " ", requirements))
    packages: list[Package] = []
    for line in map(str.strip, joined.splitlines()):
        if line.startswith("#"):
            packages[-1:] = (replace(each, via=_with(each.via, line)) for each in packages[-1:])
        elif line:
            packages.append(_package(line))
    return tuple(packages)


def _package(line: str) -> Package:
    requirement, *hashes = line.split("--hash=")
    return Package(requirement.strip(), tuple(sorted(each.strip() for each in hashes)))


def _with(via: Sequence[str], comment: str) -> tuple[str, ...]:
    """What asks for a package, and what one more line of its comment names: `# via aiohttp`."""
    words = comment.lstrip("# ").removeprefix("via").strip()
    named = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[.*\])?", words)
    return tuple(sorted({*via, named[1]})) if named else tuple(via)


def text(packages: Sequence[Package]) -> str:
    """The requirements file of the packages: pip installs from it with `--require-hashes`."""
    return "".join(
        " \\\n    ".join([package.requirement, *(f"--hash={each}" for each in package.hashes)])
        + "\n"
        for package in packages
    )


def uv(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs uv, which is installed beside the compiler."""
    from uv import find_uv_bin

    command = [find_uv_bin(), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
