"""Late binding: whatever a variable is bound to, the code that comes out passes `mypy --strict`."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from stackc.catalog import Catalog
from stackc.check import check
from stackc.diagnostics.report import CompileError
from stackc.emit import emit
from stackc.load import read
from stackc.lock import Lock
from stackc.plan import plan
from stackc.resolve import resolve
from stackc.stack import Stack

ROOT = Path(__file__).parent.parent.parent
CATALOG = Catalog()
PROVIDERS = 100

VALUES = (
    *("${env.X}", "${env.X:=1}", "${env.X:=}", "${env.X:+5}", "${env.X:+on}", "a${env.X}b"),
    *("${env.E}", "${env.E:=http://e}", "${env.E:=}", "${env.E:+6}", "${env.E:+http://e}"),
    *(
        "${env.A}${env.B:=c}",
        "a${env.E}b",
        "${env.S}",
        "$$X",
        "true",
        "http://x",
        "'\"{}\\",
        "日本",
    ),
)
TYPES = [name for name in CATALOG.built_types("inference") if name.startswith("remote::")]


def resolved(providers: list[Any], models: list[Any]) -> Stack:
    """The stack of some providers and models; raises CompileError."""
    data = {
        "version": 2,
        "image_name": "late",
        "providers": {"inference": providers},
        "registered_resources": {"models": models},
        "server": {"port": "${env.PORT:=}", "host": "${env.HOST:+localhost}"},
    }
    document = read(Path("late.yaml"), json.dumps(data, ensure_ascii=False))
    return resolve(check(document, CATALOG), CATALOG)


def provider(chance: random.Random, id_: str) -> tuple[Any, Any]:
    """A provider of any type with any values, and a model of it."""
    type_ = CATALOG.provider("inference", chance.choice(TYPES))
    assert type_
    fields = type_.config["properties"].items()
    built = [key for key, schema in fields if "x-planned" not in schema and "items" not in schema]
    keys = [key for key in built if chance.random() < 0.6]
    config = {key: chance.choice(VALUES) for key in keys}
    enabled = chance.choice([id_, f"${{env.E:+{id_}}}"])
    model = {"model_id": chance.choice(VALUES), "provider_id": id_}
    if chance.random() < 0.5:
        model["provider_model_id"] = chance.choice(VALUES)
    metadata = {
        "metadata": {"note": chance.choice(VALUES), "context_length": chance.choice(VALUES)}
    }
    found = {"provider_id": enabled, "provider_type": type_.type, "config": config}
    return found, model | (metadata if chance.random() < 0.5 else {})


def own(value: Any, number: int) -> Any:
    """The value with variables that no other provider reads."""
    text = json.dumps(value, ensure_ascii=False)
    for name in "XEABS":
        text = text.replace(f"${{env.{name}", f"${{env.{name}{number}")
    return json.loads(text)


def stack() -> Stack:
    """One stack of many providers, each of which resolves alone."""
    chance = random.Random(8321)
    providers: list[Any] = []
    models: list[Any] = []
    while len(providers) < PROVIDERS:
        number = len(providers)
        found, model = own(provider(chance, f"p{number}"), number)
        try:
            resolved([found], [model])
        except CompileError:
            continue
        providers.append(found)
        models.append(model)
    return resolved(providers, models)


def test_code_of_any_late_binding_is_typed(tmp_path: Path) -> None:
    late = stack()
    planned = plan(late, Lock(late.packages.required, (), (), ()), CATALOG)
    for path, data in emit(planned, None).items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11"]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "tests"), "late/app.py"]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "runtime")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
