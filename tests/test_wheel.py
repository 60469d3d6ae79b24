"""An installed wheel does what a checkout does: schemas, templates and pages are in it."""

import subprocess
import sys
from pathlib import Path

import pytest
from stacks import DISTRIBUTIONS, ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project as an installer unpacks it from its wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True)
    return target


def stackc(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); import stackc.cli as c; "
    code += f"assert c.__file__.startswith({str(installed)!r}); sys.exit(c.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_makes_the_same_files(installed: Path, name: str) -> None:
    result = stackc(installed, "build", "--check", f"distributions/{name}.yaml")
    assert result.returncode == 0, result.stderr


def test_has_the_runtime(installed: Path, tmp_path: Path) -> None:
    result = stackc(installed, "build", "distributions/gateway.yaml", "--out", str(tmp_path / "g"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "g" / "runtime" / "stackrt" / "serve.py").is_file()


def test_has_the_pages_of_errors(installed: Path) -> None:
    result = stackc(installed, "explain", "unknown-provider")
    assert result.returncode == 0
    assert result.stdout.startswith("# unknown-provider")


def test_has_the_templates_of_every_command(installed: Path, tmp_path: Path) -> None:
    result = stackc(installed, "docs", "--check")
    assert result.returncode == 0, result.stderr
    path = tmp_path / "mine.yaml"
    result = stackc(installed, "init", "--yes", str(path))
    assert result.returncode == 0, result.stderr
    assert path.is_file()
    own = {path.name for path in (ROOT / "compiler/stackc/scaffold").glob("*.jinja")}
    assert {path.name for path in (installed / "stackc/scaffold").glob("*.jinja")} == own


def test_has_what_measures_a_quantisation(installed: Path) -> None:
    models = installed / "stackc" / "models"
    assert (models / "loss.py").is_file()
    assert len((models / "sample.txt").read_text(encoding="utf-8").split()) > 400
