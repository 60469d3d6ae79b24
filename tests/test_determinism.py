"""The same inputs give the same bytes: under any hash seed, in any folder, in any order of keys."""

import os
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from stacks import DISTRIBUTIONS, ROOT, stackc


def committed(folder: Path) -> dict[str, bytes]:
    """The files of a build that are reviewed, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.relative_to(folder).parts[0] not in ("models", "runtime", "wheels")
    }


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_what_is_committed_is_what_the_compiler_makes(name: str) -> None:
    result = stackc("build", "--check", f"distributions/{name}.yaml")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_hash_seed(name: str, seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    result = stackc("build", "--check", f"distributions/{name}.yaml", env=environment)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_folder_comments_and_key_order(name: str, tmp_path: Path) -> None:
    """A copy elsewhere, its keys turned round and its comments gone, is the same stack."""
    yaml = YAML(typ="safe")
    for path in (ROOT / "distributions").glob("*.yaml"):
        with (tmp_path / path.name).open("w") as file:
            yaml.dump(turned(yaml.load(path.read_text())), file)
    shutil.copy(ROOT / f"distributions/{name}.lock", tmp_path)
    result = stackc("build", tmp_path / f"{name}.yaml", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert committed(tmp_path / "out") == committed(ROOT / "generated" / name)


def turned(value: object) -> object:
    """The value with the keys of every mapping in the opposite order; lists keep theirs."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [turned(item) for item in value]
    return value
