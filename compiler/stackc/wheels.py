"""The wheels of an image: what the lock pins, for the image's platform, verified by hash."""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from packaging.requirements import Requirement

from stackc.cache import cache_dir
from stackc.lock import Package
from stackc.progress import task
from stackc.requirements import PYTHON, text

GLIBC = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35", "2_36")
"""The manylinux levels that Debian 12, which the image's base is at least, can load."""


class DownloadError(Exception):
    """The wheels cannot be had; the lines are pip's."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("the wheels of the image cannot be downloaded")
        self.lines = tuple(lines)


class NoWheelError(Exception):
    """A package has no wheel for the image's platform."""

    def __init__(self, requirement: str, machine: str) -> None:
        super().__init__(f"{requirement} has no wheel for {machine}")
        self.requirement, self.machine = requirement, machine


def wheels(packages: Sequence[Package], machine: str | None = None) -> dict[str, Path]:
    """The wheels by file name, from the cache or, on first use, by pip.

    `machine` is an architecture as wheels call it, by default this machine's. Raises DownloadError,
    NoWheelError.
    """
    machine = machine or _machine()
    wanted = for_platform(packages, machine)
    if not wanted:
        return {}
    requirements = text(wanted)
    folder = _folder(requirements, machine)
    if not folder.is_dir():
        with task("wheels of the image"):
            _download(folder, requirements, machine)
    return _in(folder)


def cached_wheels(packages: Sequence[Package]) -> dict[str, Path] | None:
    """The wheels by file name where the cache has them, else None."""
    machine = _machine()
    wanted = for_platform(packages, machine)
    if not wanted:
        return {}
    folder = _folder(text(wanted), machine)
    return _in(folder) if folder.is_dir() else None


def _folder(requirements: str, machine: str) -> Path:
    key = sha256(f"{machine}\n{PYTHON}\n{requirements}".encode()).hexdigest()[:32]
    return cache_dir() / "wheels" / key


def _in(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir())}


def for_platform(packages: Sequence[Package], machine: str) -> tuple[Package, ...]:
    """The packages that an image of this machine installs, without their markers."""
    environment = _environment(machine)
    chosen = []
    for package in packages:
        requirement = Requirement(package.requirement)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            pin = f"{requirement.name}{requirement.specifier}"
            chosen.append(Package(pin, package.hashes))
    return tuple(chosen)


def _machine() -> str:
    return "aarch64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def _environment(machine: str) -> Mapping[str, str]:
    """The environment of the image, as markers see it (PEP 508)."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{PYTHON}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{PYTHON}.0",
        "python_version": PYTHON,
        "sys_platform": "linux",
    }


def _download(folder: Path, requirements: str, machine: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as name:
        listing, new = Path(name) / "requirements.txt", Path(name) / "wheels"
        listing.write_text(requirements, encoding="utf-8")
        new.mkdir()
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--require-hashes", "--only-binary=:all:", "--disable-pip-version-check"),
                *("--python-version", PYTHON, "--implementation", "cp"),
                *(f"--platform=manylinux_{level}_{machine}" for level in GLIBC),
                *(f"--platform=manylinux2014_{machine}", "--dest", str(new)),
                *("--requirement", str(listing)),
            ],
            capture_output=True,
            text=True,
        )
        if result.returncode:
            _stop_without_wheel(result.stderr, machine)
            raise DownloadError(result.stderr.strip().splitlines()[-12:])
        if not folder.is_dir():
            shutil.move(new, folder)


def _stop_without_wheel(said: str, machine: str) -> None:
    """Raises NoWheelError where that is what pip says, and not that it cannot reach an index."""
    missing = re.search(r"No matching distribution found for (\S+)", said)
    if missing and "Retrying" not in said:
        raise NoWheelError(missing[1], machine)
