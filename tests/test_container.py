"""The container context: everything that the Dockerfile copies is there, and installs offline."""

import json
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from stackc.requirements import PYTHON
from stacks import DISTRIBUTIONS, SERVING, environment, running


def instructions(folder: Path) -> list[list[str]]:
    """The Dockerfile's instructions, each as its words."""
    text = (folder / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split(maxsplit=1) for line in lines]


def site_packages(prefix: Path) -> Path:
    """Where the packages are below a prefix."""
    return prefix / "lib" / f"python{PYTHON}" / "site-packages"


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_dockerfile(name: str, built: dict[str, Path]) -> None:
    folder = built[name]
    assert not (folder / "Dockerfile").read_text().startswith("# syntax"), "it needs a network"
    found = instructions(folder)
    assert found[0][0] == "ARG"
    assert found[0][1].startswith("BASE_IMAGE=")
    by_name = dict(map(tuple, found))
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", by_name["USER"])
    package = name.replace("-", "_")
    assert f'"{package}.health"' in by_name["HEALTHCHECK"]
    assert json.loads(by_name["CMD"]) == ["python", "-m", package]
    for instruction, rest in found:
        if instruction == "COPY" and not rest.startswith("--from"):
            assert (folder / rest.split()[0]).exists(), rest


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_nothing_that_the_stack_does_not_reach(name: str, built: dict[str, Path]) -> None:
    modules = {path.name for path in (built[name] / "runtime").rglob("*.py")}
    assert ("decoder.py" in modules) == name.startswith("starter")
    assert "serve.py" in modules


@pytest.mark.skipif(
    ".".join(map(str, sys.version_info[:2])) != PYTHON,
    reason="the wheels of the image are for its Python",
)
@pytest.mark.parametrize("name", SERVING)
def test_installs_without_an_index_and_serves(
    name: str, built: dict[str, Path], tmp_path: Path
) -> None:
    """The RUN line of the Dockerfile, with its folders put where a container would have them."""
    folder = built[name]
    run = next(rest for instruction, rest in instructions(folder) if instruction == "RUN")
    command = run.partition("target=/wheels")[2].replace("/opt/stack", str(tmp_path / "stack"))
    command = command.replace("=/wheels", f"={folder / 'wheels'}")
    command = command.replace("/tmp/requirements.txt", str(folder / "requirements.txt"))
    result = subprocess.run(
        shlex.split(command), env=environment(folder), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    venv.create(tmp_path / "bare")
    python = str(tmp_path / "bare" / "bin" / "python")
    found = {"PYTHONPATH": f"{folder}:{folder / 'runtime'}:{site_packages(tmp_path / 'stack')}"}
    with running(folder, name, python=python, **found) as stack:
        port = stack.url.rpartition(":")[2]
        code = f"from stackrt.health import check; check(host='127.0.0.1', port={port})"
        broken = code.replace(port, "1")
        healthy = subprocess.run([python, "-c", code], env=environment(folder, **found))
        assert healthy.returncode == 0
        unhealthy = subprocess.run([python, "-c", broken], env=environment(folder, **found))
        assert unhealthy.returncode == 1
