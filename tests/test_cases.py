"""Every folder of tests/cases: what the command line says of a distribution, and what it builds.

A case holds `distribution.yaml` and what is wanted of it: `want.stdout` and `want.stderr` (nothing
where the file is missing), `want.concise`, `want.json`, `want.sarif` and `want.github` (the
diagnostics in that format), `want.exit` (else 1 where there are diagnostics, and 0), `want.yaml` (the
distribution, where the command changes it) and `want/` (the generated folders). It may hold `command`
(else `check distribution.yaml`), the lock, model files, and `schemas/`, which is laid over the catalog.
`pytest --update` rewrites what is wanted and fails if that changes anything.
"""

import ast
import re
import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from stackc import diagnostics, progress, resources
from stackc.cli import main
from stackc.diagnostics.render import FORMATS, MACHINE
from stackc.package import CONTEXT

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
ORIGINAL = resources.folder


@dataclass(frozen=True)
class Outcome:
    """What one run of the command line gave."""

    exit: int
    stdout: str
    stderr: str


class Case:
    """A case's folder, a copy of it to run in, and what comes out."""

    def __init__(self, folder: Path, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._copy = copy
        self._capsys = capsys

    def run(self, *more: str) -> Outcome:
        command = self.folder / "command"
        text = command.read_text() if command.is_file() else "check distribution.yaml"
        try:
            code = main([*text.split(), *more])
        except SystemExit as error:  # argparse: wrong usage
            code = int(error.code or 0)
        return Outcome(code, *self._capsys.readouterr())

    def actual(self) -> dict[str, str | None]:
        """What every file that says what is wanted should hold; None: it should not be there."""
        outcome = self.run()
        usual = 1 if outcome.stderr else 0
        return {
            "want.stdout": outcome.stdout or None,
            "want.stderr": outcome.stderr or None,
            "want.exit": None if outcome.exit == usual else f"{outcome.exit}\n",
            "want.yaml": self._changed(),
            **self._formats(),
            **self._generated(),
        }

    def _changed(self) -> str | None:
        one, other = (folder / "distribution.yaml" for folder in (self.folder, self._copy))
        if not one.is_file() or one.read_bytes() == other.read_bytes():
            return None
        return _read(other)

    def _formats(self) -> dict[str, str | None]:
        wanted = [form for form in FORMATS if (self.folder / f"want.{form}").exists()]
        outcomes = {form: self.run("--format", form) for form in wanted}
        return {
            f"want.{form}": outcome.stdout if form in MACHINE else outcome.stderr
            for form, outcome in outcomes.items()
        }

    def _generated(self) -> dict[str, str | None]:
        if not (self.folder / "want").is_dir():
            return {}
        made = _files(self._copy / "generated")
        wanted = _files(self.folder / "want")
        return {f"want/{path}": made.get(path) for path in sorted({*made, *wanted})}


@pytest.fixture
def case(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Case:
    folder: Path = request.param
    copy = tmp_path / "case"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("want*", "schemas"))
    monkeypatch.chdir(copy)
    if not (folder / "want").is_dir():  # what is built needs wheels, which the cache keeps
        monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(progress, "_shown", lambda description: nullcontext(lambda *_: None))
    if (folder / "schemas").is_dir():
        catalog = tmp_path / "schemas"
        shutil.copytree(ORIGINAL("schemas"), catalog)
        shutil.copytree(folder / "schemas", catalog, dirs_exist_ok=True)
        chosen = {"schemas": catalog}
        monkeypatch.setattr(resources, "folder", lambda name: chosen.get(name) or ORIGINAL(name))
    return Case(folder, copy, capsys)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name, indirect=True)
def test_case(case: Case, request: pytest.FixtureRequest) -> None:
    actual = case.actual()
    wanted = {name: _read(case.folder / name) for name in actual}
    if request.config.getoption("--update"):
        for name, text in actual.items():
            _write(case.folder / name, text)
    assert actual == wanted


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_a_case_shows_no_path_of_this_machine(folder: Path) -> None:
    for path in folder.glob("want.*"):
        assert not re.search(r"/(tmp|home|root|usr)\b", path.read_text()), path


ELSEWHERE = {
    "bad-base": "needs images: tests/test_image.py",
    "base-for-other-platform": "needs images: tests/test_image.py",
    "environment-failed": "needs a package index: tests/compiler/test_outside.py",
    "lock-failed": "needs a package index: tests/compiler/test_outside.py",
    "no-wheel": "needs a package index: tests/test_image.py",
    "output-is-no-image": "needs images: tests/test_image.py",
    "registry-denied": "needs a registry: tests/test_image.py",
    "registry-failed": "needs a registry: tests/test_image.py",
    "start-failed": "needs a stack that runs: tests/test_supply.py",
}
"""Codes that no case can reach."""


def codes() -> set[str]:
    """Every code that a function of the compiler gives, read from the syntax trees."""
    modules = Path(diagnostics.__file__).parent.glob("*.py")
    return {
        str(node.args[0].value)
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Diagnostic"
        and isinstance(node.args[0], ast.Constant)
    }


def test_every_error_has_a_page() -> None:
    assert {path.stem for path in resources.folder("errors").glob("*.md")} == codes()


def test_every_error_has_a_case() -> None:
    shown = (_read(folder / "want.stderr") or "" for folder in CASES)
    reached = {
        code
        for text in shown
        for code in re.findall(r"(?m)^(?:error|warning|note)\[([a-z-]+)\]", text)
    }
    assert reached == codes() - ELSEWHERE.keys()


def _files(folder: Path) -> dict[str, str]:
    """The files of generated folders that are committed, by path."""
    paths = ((path, path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    return {
        relative.as_posix(): path.read_text()
        for path, relative in paths
        if path.is_file() and relative.parts[1] not in CONTEXT
    }


def _read(path: Path) -> str | None:
    """The text of a file with its line ends as they are, or None."""
    return path.read_bytes().decode() if path.is_file() else None


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
