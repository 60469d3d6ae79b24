"""Late binding: whatever a variable is bound to, the code that comes out passes `mypy --strict`."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from stackc import lock
from stackc.catalog import Catalog
from stackc.check import check
from stackc.diagnostics.report import CompileError
from stackc.emit import emit
from stackc.load import read
from stackc.lock import Lock, LockedModel
from stackc.plan import plan
from stackc.resolve import Stack, resolve

ROOT = Path(__file__).parent.parent.parent
STARTER = ROOT / "distributions" / "starter.yaml"
CATALOG = Catalog()
STACKS = 40

VALUES = (
    *("${env.X}", "${env.X:=1}", "${env.X:=}", "${env.X:+5}", "${env.X:+on}", "a${env.X}b"),
    *("${env.A}${env.B:=c}", "${env.OLLAMA_URL:=http://x}", "${env.VLLM_URL:+http://v}"),
    *("${env.OPENAI_API_KEY}", "$$X", "true", "http://x", "'\"{}\\", "日本"),
)
PORTS = ("${env.PORT}", "${env.PORT:=9}", "${env.PORT:=}", "${env.PORT:+9}", 80)

TEMPLATES = '''\
from typing import Any


def smollm2_135m_instruct(messages: Any, *, tools: Any, add_generation_prompt: bool) -> str:
    return ""
'''


def varied(chance: random.Random) -> dict[str, Any]:
    """The starter, with other values in its configurations and its models."""
    data = YAML(typ="safe", pure=True).load(STARTER.read_text())
    for provider in data["providers"]["inference"]:
        config = provider.setdefault("config", {})
        type_ = CATALOG.provider("inference", provider["provider_type"])
        assert type_
        for key in type_.config["properties"]:
            if chance.random() < 0.3:
                config[key] = chance.choice(VALUES)
            elif chance.random() < 0.1:
                config.pop(key, None)
    models = data["registered_resources"]["models"]
    for model in models:
        if chance.random() < 0.3:
            model["metadata"] = {"note": chance.choice(VALUES), "number": 1.5}
    model = {"model_id": chance.choice(VALUES), "provider_id": chance.choice(["vllm", "openai"])}
    model |= {"provider_model_id": chance.choice(VALUES)} if chance.random() < 0.5 else {}
    models.append(model)
    if chance.random() < 0.5:
        data["server"] = {"port": chance.choice(PORTS), "host": chance.choice(VALUES)}
    return dict(data)


def stacks() -> list[Stack]:
    """Stacks that resolve, each under a name of its own."""
    chance = random.Random(8321)
    found: list[Stack] = []
    while len(found) < STACKS:
        data = {**varied(chance), "image_name": f"stack{len(found)}"}
        try:
            document = read(STARTER, json.dumps(data, ensure_ascii=False))
            found.append(resolve(check(document, CATALOG), CATALOG))
        except CompileError:
            continue
    return found


def write(stack: Stack, folder: Path) -> None:
    models = tuple(
        LockedModel(source, "llm", "llama", 8192, None, ())
        if "smollm2" in source
        else LockedModel(source, "embedding", "bert", 256, 384, ())
        for source in lock.sources(stack)
    )
    pins = Lock(stack.packages, stack.excluded_packages, (), models)
    for path, data in emit(plan(stack, pins, CATALOG), TEMPLATES).items():
        if path.endswith(".py"):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def test_code_of_any_late_binding_is_typed(tmp_path: Path) -> None:
    for stack in stacks():
        write(stack, tmp_path)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11"),
            *("--cache-dir", str(ROOT / ".mypy_cache" / "tests")),
            *sorted(path.name for path in tmp_path.iterdir()),
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "runtime")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
