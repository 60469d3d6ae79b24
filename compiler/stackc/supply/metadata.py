"""Licences of pinned packages: pip reads the metadata of their wheels, without installing any."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stackc.lock import Package
from stackc.progress import task
from stackc.requirements import PYTHON
from stackc.supply.licences import licence_of
from stackc.wheels import GLIBC


class MetadataError(Exception):
    """The metadata cannot be had; the lines are pip's."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("the licences of the packages cannot be read")
        self.lines = tuple(lines)


@dataclass(frozen=True)
class Target:
    """A kind of machine that a package may be pinned for: the image's, or one of another marker."""

    python: str
    system: str
    platforms: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The machine as markers see it (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "nt" if self.system == "win32" else "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_system": _SYSTEMS[self.system],
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": self.system,
        }

    def takes(self, package: Package) -> bool:
        """Whether such a machine installs a package."""
        marker = Requirement(package.requirement).marker
        return marker is None or marker.evaluate(self.environment)


_SYSTEMS = {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}

_PLATFORMS = {
    "linux": (*(f"manylinux_{level}_x86_64" for level in GLIBC), "manylinux2014_x86_64"),
    "win32": ("win_amd64",),
    "darwin": ("macosx_11_0_x86_64", "macosx_12_0_x86_64", "macosx_14_0_x86_64"),
}

TARGETS = tuple(
    Target(python, system, platforms)
    for system, platforms in _PLATFORMS.items()
    for python in (PYTHON, "3.12", "3.13", "3.14")
)
"""The image's machine first."""


def licensed(packages: Sequence[Package], known: Sequence[Package]) -> tuple[Package, ...]:
    """The packages with their licences: those that `known` tells of the same pin, else pip's word.

    Raises MetadataError where a package of the image has no metadata. Of one that only other
    machines install, the licence stays unknown then.
    """
    told = {(each.requirement, each.hashes): each.licence for each in known}
    licences = {each.requirement: told.get((each.requirement, each.hashes)) for each in packages}
    todo = [each for each in packages if licences[each.requirement] is None]
    for target in TARGETS:
        those = [each for each in todo if target.takes(each)]
        todo = [each for each in todo if each not in those]
        if those:
            licences |= _read(those, target, needed=target is TARGETS[0])
    return tuple(replace(each, licence=licences[each.requirement]) for each in packages)


def _read(packages: Sequence[Package], target: Target, *, needed: bool) -> dict[str, str | None]:
    """The licences by requirement."""
    try:
        found = {name: (hashes, licence) for name, hashes, licence in _reported(packages, target)}
    except MetadataError:
        if needed:
            raise
        return {}
    licences: dict[str, str | None] = {}
    for package in packages:
        hashes, licence = found.get(canonicalize_name(package.name), ((), None))
        # What pip looked at must be one of the files that the lock pins.
        if set(hashes) & set(package.hashes):
            licences[package.requirement] = licence
    return licences


def licence_of_release(package: str, version: str) -> str | None:
    """The licence of a release from the user's index; None where the index does not tell."""
    pin = Package(f"{package}=={version}", ())
    try:
        return next((licence for _, _, licence in _reported([pin], TARGETS[0])), None)
    except MetadataError:
        return None


def _reported(
    packages: Sequence[Package], target: Target
) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    """Name, hashes of the file that was looked at, and licence of each package."""
    for each in _report(packages, target)["install"]:
        metadata = each["metadata"]
        hashes = each["download_info"].get("archive_info", {}).get("hashes", {})
        named = tuple(f"{algorithm}:{value}" for algorithm, value in hashes.items())
        yield canonicalize_name(metadata["name"]), named, licence_of(metadata)


def _report(packages: Sequence[Package], target: Target) -> Any:
    """pip's installation report: https://pip.pypa.io/en/stable/reference/installation-report/."""
    with tempfile.TemporaryDirectory() as name, task("licences of the packages"):
        listing, report = Path(name) / "requirements.txt", Path(name) / "report.json"
        pins = (re.split(r"\s*;", package.requirement)[0] for package in packages)
        listing.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        # Without hashes: with them pip fetches whole wheels where their metadata is enough (PEP 658).
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-input"),
            *("--ignore-installed", "--no-deps", "--only-binary=:all:"),
            *("--disable-pip-version-check", "--implementation", "cp"),
            *("--python-version", target.python, "--report", str(report)),
            *(f"--platform={platform}" for platform in target.platforms),
            *("--requirement", str(listing)),
        ]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise MetadataError(result.stderr.strip().splitlines()[-12:])
        return json.loads(report.read_text(encoding="utf-8"))
