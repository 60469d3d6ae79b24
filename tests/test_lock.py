"""The lock is exactly what the generated imports reach, in both directions, in its own environment."""

import json
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from stackc.lock import parse
from stackc.virtualenv import python_of
from stacks import DISTRIBUTIONS, ROOT, SERVING, distribution_name, environment, running

PROBE = """
import importlib.metadata, json, sys
from {package}.app import build
from {package}.settings import Settings
from stackrt import serve
from stackrt.settings import read
app = build(read(Settings, {{}}))
tops = {{name.partition(".")[0] for name in sys.modules}}
owners = importlib.metadata.packages_distributions()
print(json.dumps(sorted({{owner for top in tops for owner in owners.get(top, [])}})))
"""
"""What a stack imports on its way to serving."""


def locked(name: str) -> set[str]:
    """The names of the lock's packages that this platform installs."""
    lock = parse((ROOT / f"distributions/{name}.lock").read_text())
    requirements = [Requirement(package.requirement) for package in lock.packages]
    return {
        distribution_name(each.name)
        for each in requirements
        if each.marker is None or each.marker.evaluate()
    }


@pytest.mark.parametrize("name", SERVING)
def test_lock_is_what_the_stack_imports(name: str, built: dict[str, Path]) -> None:
    """Every locked package is imported by a stack that serves, and nothing else is installed."""
    lock = parse((ROOT / f"distributions/{name}.lock").read_text())
    python = python_of(lock.packages)
    folder, package = built[name], name.replace("-", "_")
    code = PROBE.format(package=package)
    result = subprocess.run(
        [python, "-c", code], env=environment(folder), cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    imported = {distribution_name(each) for each in json.loads(result.stdout.splitlines()[-1])}
    assert imported == locked(name)


@pytest.mark.parametrize("name", SERVING)
def test_serves_in_its_own_environment(name: str, built: dict[str, Path]) -> None:
    """What the lock installs is enough: the stack answers with nothing else on the machine."""
    lock = parse((ROOT / f"distributions/{name}.lock").read_text())
    python = python_of(lock.packages)
    with running(built[name], name.replace("-", "_"), python=str(python)) as stack:
        assert stack.process.poll() is None


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_lock_names_no_host_and_no_path(name: str) -> None:
    text = (ROOT / f"distributions/{name}.lock").read_text()
    assert "://" not in text
    assert "/home/" not in text and str(ROOT) not in text
