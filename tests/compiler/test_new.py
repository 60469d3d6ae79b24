"""`stackc new`, in a copy of the checkout: what it writes passes what every change must pass."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands.arguments import FINE, USAGE
from stackc.pipeline import front

ROOT = Path(__file__).parent.parent.parent
COPIED = ("compiler", "distributions", "runtime", "schemas", "templates")

PLANNED = """
type: inline::oracle
api: inference
summary: An oracle.
status: planned
requires: [inference]
# What it takes.
config:
  type: object
  additionalProperties: false
  required: [place, priests, key, tree]
  properties:
    place: {type: string, x-sample: delphi, description: Where it is.}
    priests: {type: integer, minimum: 3, description: How many.}
    mood: {type: string, enum: [calm, wild], default: calm, description: How it is.}
    smoke: {type: boolean, default: true, description: Whether there is any.}
    patience: {type: number, default: 0.5, description: Seconds.}
    key: {type: string, format: password, description: A key.}
    tree: {type: object, description: Anything.}
    words: {type: [array, "null"], items: {type: string}, description: What it says.}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own, to which one of each kind is added."""
    root = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "tests").mkdir()
    for name in ("stacks.py", "conftest.py", "test_catalog.py"):
        shutil.copy(ROOT / "tests" / name, root / "tests")
    (root / "schemas" / "providers" / "inference" / "inline__oracle.yaml").write_text(PLANNED)
    for arguments in (
        ("provider", "inference", "remote::acme"),
        ("provider", "inference", "inline::meta-reference"),
        ("provider", "inference", "inline::oracle"),
        ("api", "echoes"),
        ("target", "helm-chart"),
    ):
        result = python(root, "-m", "stackc.cli", "new", *arguments)
        assert result.returncode == FINE, result.stderr
        assert result.stderr == ""
    return root


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of Python in a checkout, with that checkout's packages."""
    path = os.pathsep.join((f"{root}/compiler", f"{root}/runtime"))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def added(root: Path) -> Iterator[Path]:
    """The Python files that are there and not here."""
    for path in sorted(root.rglob("*.py")):
        if not (ROOT / path.relative_to(root)).exists():
            yield path


def test_one_file_for_each_step(copy: Path) -> None:
    assert [path.relative_to(copy).as_posix() for path in added(copy)] == [
        "runtime/stackrt/apis/echoes.py",
        "runtime/stackrt/providers/inference/acme.py",
        "runtime/stackrt/providers/inference/meta_reference.py",
        "runtime/stackrt/providers/inference/oracle.py",
        "tests/runtime/apis/test_echoes.py",
        "tests/runtime/providers/inference/test_acme.py",
        "tests/runtime/providers/inference/test_meta_reference.py",
        "tests/runtime/providers/inference/test_oracle.py",
    ]


def test_ruff(copy: Path) -> None:
    for command in (("check",), ("format", "--check")):
        result = python(copy, "-m", "ruff", *command, "--no-cache", ".")
        assert result.returncode == 0, result.stdout


def test_types_and_protocols(copy: Path) -> None:
    """The tests are part of it: there each class is used as its Protocol."""
    result = python(copy, "-m", "mypy", "--strict", *map(str, added(copy)))
    assert result.returncode == 0, result.stdout


def test_its_own_tests_and_those_of_the_catalog(copy: Path) -> None:
    result = python(copy, "-m", "pytest", "tests/test_catalog.py", "tests/runtime")
    assert result.returncode == 0, result.stdout


def test_a_planned_type_gets_a_class(copy: Path) -> None:
    entry = (copy / "schemas/providers/inference/inline__oracle.yaml").read_text()
    symbol = "stackrt.providers.inference.oracle:Oracle"
    assert entry == PLANNED.replace("status: planned", f"class: {symbol}")
    source = (copy / "runtime/stackrt/providers/inference/oracle.py").read_text()
    assert "        priests: int,\n" in source
    assert '        mood: str = "calm",\n' in source
    assert "        words: Sequence[str] | None = None,\n" in source


def test_a_distribution_can_name_the_new_ones(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(
        "version: 2\nimage_name: it\napis: [inference, echoes]\nproviders:\n  inference:\n"
        "  - {provider_id: a, provider_type: 'remote::acme', config: {url: 'http://a'}}\n"
    )
    stack = front(path, Catalog(copy / "schemas"))
    assert "echoes" in [api.name for api in stack.apis]


def test_a_target_is_built(copy: Path) -> None:
    arguments = ("build", "--check", "distributions/gateway.yaml", "--target", "helm-chart")
    result = python(copy, "-m", "stackc.cli", *arguments)
    assert "missing: generated/gateway/helm-chart/README.md" in result.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("provider", "inference", "remote::acme"), "remote__acme.yaml` is there already"),
        (("provider", "inference", "inline::openai"), "inference/openai.py` is there already"),
        (("provider", "inference", "acme"), "`acme` is no provider type"),
        (("provider", "inference", "remote::../up"), "`remote::../up` is no provider type"),
        (("provider", "inferense", "remote::a"), "there is no API `inferense`"),
        (("provider", "models", "remote::a"), "names no `protocol`"),
        (("api", "echoes"), "`schemas/apis/echoes.yaml` is there already"),
        (("api", "Echoes"), "`Echoes` cannot name an API"),
        (("api", "import"), "`import` cannot name an API"),
        (("target", "helm-chart"), "`templates/helm-chart` is there already"),
        (("target", "models"), "`models` cannot name a target"),
        (("target", "../up"), "`../up` cannot name a target"),
    ],
)
def test_refusals(
    copy: Path,
    arguments: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(copy / "runtime")
    before = sorted(copy.rglob("*.yaml"))
    assert main(["new", *arguments]) == USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("stackc: ")
    assert told in output.err
    assert sorted(copy.rglob("*.yaml")) == before


def test_outside_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "api", "echoes"]) == USAGE
    told = f"stackc: `{tmp_path}` is not in a checkout of stackc's repository\n"
    assert capsys.readouterr().err == told
