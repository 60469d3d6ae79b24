"""Generated code is code: typed, linted, formatted, without dynamic loading, and it serves."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from stackc.external.rules import loads_dynamically
from stacks import DISTRIBUTIONS, ROOT, SERVING, running

WANTED = sorted((ROOT / "tests" / "cases").glob("*/want/*/"))
FOLDERS = [*(ROOT / "generated" / name for name in DISTRIBUTIONS), *WANTED]
RUNTIME = ROOT / "runtime" / "stackrt"


def package_of(folder: Path) -> Path:
    """The Python package in a generated folder."""
    return next(path.parent for path in sorted(folder.glob("*/app.py")))


def ids(folder: Path) -> str:
    return folder.name


def run(*command: object, **variables: str) -> None:
    arguments = [sys.executable, "-m", *map(str, command)]
    environment = {**os.environ, **variables}
    result = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_there_is_something_to_test() -> None:
    assert len(DISTRIBUTIONS) >= 2
    assert WANTED


def test_types() -> None:
    """One run over all packages: their names differ."""
    packages = [package_of(folder) for folder in FOLDERS]
    parents = os.pathsep.join(str(package.parent) for package in packages)
    run("mypy", "--strict", *packages, MYPYPATH=parents)


def test_lint_and_format() -> None:
    config = ["--config", ROOT / "generated" / "ruff.toml"]
    run("ruff", "check", *config, *FOLDERS)
    run("ruff", "format", "--check", *config, *FOLDERS)


@pytest.mark.parametrize("folder", [RUNTIME, *FOLDERS], ids=ids)
def test_no_dynamic_loading(folder: Path) -> None:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not loads_dynamically(node), f"{path}:{getattr(node, 'lineno', 0)}"


@pytest.mark.parametrize(
    "code",
    [
        "import importlib",
        "from importlib import x",
        "__import__('x')",
        "getattr(x, name)",
        "eval(x)",
    ],
)
def test_dynamic_loading_is_noticed(code: str) -> None:
    assert any(loads_dynamically(node) for node in ast.walk(ast.parse(code)))


def test_runtime_never_imports_the_compiler() -> None:
    forbidden = {"stackc", "jinja2", "ruamel", "yaml", "rich", "jsonschema", "onnx"}
    for path in sorted(RUNTIME.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not forbidden & {name.split(".")[0] for name in names}, path


@pytest.mark.parametrize("name", SERVING)
def test_serves(name: str, built: dict[str, Path]) -> None:
    folder = built[name]
    with running(folder, package_of(folder).name) as stack:
        import urllib.request

        with urllib.request.urlopen(f"{stack.url}/v1/health") as answer:
            assert answer.status == 200
            assert answer.read() == b'{"status":"OK"}'


@pytest.mark.parametrize("name", SERVING)
def test_routes_are_the_openapi_document(name: str, built: dict[str, Path]) -> None:
    import json
    import urllib.request

    from openapi_spec_validator import validate

    folder = built[name]
    with running(folder, package_of(folder).name) as stack:
        with urllib.request.urlopen(f"{stack.url}/openapi.json") as answer:
            document = json.load(answer)
        with urllib.request.urlopen(f"{stack.url}/v1/inspect/routes") as answer:
            routes = json.load(answer)["data"]
    validate(document)
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    served = {(each["method"], each["route"].replace(":path}", "}")) for each in routes}
    assert described == served


def test_version_is_one() -> None:
    from stackc.version import VERSION as COMPILER
    from stackrt.version import VERSION as LIBRARY

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == COMPILER == LIBRARY
