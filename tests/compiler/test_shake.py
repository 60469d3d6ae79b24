"""Tree-shaking: exactly the modules that the imports reach."""

from pathlib import Path

import pytest
from stackc import resources
from stackc.shake import reach


@pytest.fixture
def library(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "",
        "used.py": "import numpy\nfrom lib.inner import deep\n",
        "unused.py": "import torch\n",
        "inner/__init__.py": "import json\n",
        "inner/deep.py": "def f():\n    import yarl.sub\n",
        "inner/other.py": "",
        "typed.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
            "else:\n    import lib.inner.other\n"
        ),
    }
    for name, text in files.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "lib"


def reached(source: str, library: Path) -> tuple[list[str], set[str]]:
    found = reach({"app/main.py": source.encode()}, library)
    return list(found.runtime), set(found.external)


def test_follows_imports(library: Path) -> None:
    modules, external = reached("from lib import used\nimport app.other\n", library)
    assert modules == [
        "lib/__init__.py",
        "lib/inner/__init__.py",
        "lib/inner/deep.py",
        "lib/used.py",
    ]
    assert external == {"numpy", "json", "yarl"}


def test_what_is_only_for_the_type_checker_is_not_reached(library: Path) -> None:
    modules, external = reached("import lib.typed\n", library)
    assert "torch" not in external
    assert "lib/typed.py" in modules
    assert "lib/inner/other.py" in modules, "the other branch runs"


def test_the_gateway_has_no_engine() -> None:
    source = b"from stackrt.providers.inference.openai import OpenAICompatible\n"
    found = reach({"gateway/app.py": source}, resources.runtime())
    assert not [path for path in found.runtime if "engine" in path]
    assert not {"numpy", "onnxruntime", "tokenizers"} & found.external
