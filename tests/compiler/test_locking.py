"""What `stackc lock` measures and fits, on models so small that it takes a second."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stackc.cache import cache_dir
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.lock import parse
from stackc.measuring import LARGEST, Measurement
from stackc.pipeline import plan_of
from stacks import ROOT

MODELS = ROOT / "tests/cases/models-of-every-kind-compiled-in"
DISTRIBUTION = """
version: 2
image_name: small
providers:
  inference:
  - {provider_id: onnx, provider_type: inline::onnx}
  - {provider_id: openai, provider_type: remote::openai}
registered_resources:
  models:
  - {model_id: writer, provider_id: onnx, source: "file:decoder.gguf"}
  - {model_id: exact, provider_id: onnx, source: "file:decoder.gguf", quantization: fp32}
  - {model_id: finder, provider_id: onnx, source: "file:encoder"}
  - model_id: guard
    provider_id: onnx
    source: file:encoder
    head: {data: "file:texts.csv", text: text, label: kind, positive: bad, names: [good, bad]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution of small models, with the packages of the starter and an empty cache."""
    environments = cache_dir() / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "environments").symlink_to(environments)
    monkeypatch.setenv("STACKC_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    shutil.copy(MODELS / "decoder.gguf", tmp_path)
    shutil.copytree(MODELS / "encoder", tmp_path / "encoder")
    shutil.copy(ROOT / "distributions/starter.lock", tmp_path / "small.lock")
    (tmp_path / "small.yaml").write_text(DISTRIBUTION)
    rows = (f"w{n % 30 + 30 * (n % 2)} w{n % 7},{('good', 'bad')[n % 2]}" for n in range(200))
    (tmp_path / "texts.csv").write_text("\n".join(("text,kind", *rows)) + "\n")
    return tmp_path


def locked(folder: Path) -> dict[str, Any]:
    """The model entries of a new lock, by type and quantization."""
    assert main(["lock", "small.yaml"]) == 0
    models = json.loads((folder / "small.lock").read_text())["models"]
    return {f"{each['model_type']} {each['quantization']}": each for each in models}


def test_losses_and_heads_are_pinned(folder: Path) -> None:
    models = locked(folder)
    loss = models["llm int8"]["loss"]
    assert 1e-6 < loss["kl"] < 1e-2
    assert loss["perplexity"] == pytest.approx(loss["reference_perplexity"], rel=0.02)
    assert models["llm fp32"]["loss"] is None
    assert 0.999 < models["embedding int8"]["loss"]["cosine"] < 1
    head = models["classifier int8"]["head"]
    assert len(head["weights"]) == 32
    assert head["figures"]["texts"] == len(set((folder / "texts.csv").read_text().split("\n"))) - 2
    assert head["figures"]["accuracy"] > 0.7


def test_the_same_again_with_and_without_the_cache(folder: Path) -> None:
    locked(folder)
    first = (folder / "small.lock").read_bytes()
    locked(folder)
    assert (folder / "small.lock").read_bytes() == first
    for kind in ("losses", "heads", "models"):
        shutil.rmtree(folder / "cache" / kind)
    locked(folder)
    assert (folder / "small.lock").read_bytes() == first


def test_a_model_whose_reference_would_not_fit_is_not_measured(folder: Path) -> None:
    locked(folder)
    model = parse((folder / "small.lock").read_text()).models[0]
    large = replace(model, parameters=LARGEST + 1, loss=None)
    measurement = Measurement("large", {}, None, lambda: folder)  # neither files nor interpreter
    assert measurement.with_loss(large) == large


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('decoder.gguf"}', 'decoder.gguf", quantization: int4}', "`file:decoder.gguf` in int4"),
        ("positive: bad", "positive: good", "with a head on `file:texts.csv`"),
        ("names: [good, bad]", "threshold: 0.9", "with a head on `file:texts.csv`"),
    ],
)
def test_a_lock_that_was_measured_for_something_else_is_stale(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, told: str
) -> None:
    locked(folder)
    assert main(["check", "small.yaml"]) == 0
    (folder / "small.yaml").write_text(DISTRIBUTION.replace(before, after))
    capsys.readouterr()
    assert main(["check", "small.yaml"]) == 1
    shown = capsys.readouterr().err
    assert "error[stale-lock]" in shown
    assert "not in the lock: the model" in shown
    assert told in shown


def test_a_build_needs_no_table_and_measures_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked(folder)
    (folder / "texts.csv").unlink()
    for kind in ("losses", "heads"):
        shutil.rmtree(folder / "cache" / kind)
    planned = plan_of(folder / "small.yaml", Catalog())
    head = next(model.head for model in planned.models if model.folder == "guard")
    assert head is not None
    assert head.names == ("good", "bad")
    pins = parse((folder / "small.lock").read_text())
    assert planned.lock == pins
    assert not (folder / "cache" / "losses").exists()


def test_pins_stay_where_they_fit_whatever_the_version_of_the_lock(folder: Path) -> None:
    """Of the starter's lock, made for another distribution, and said to be of another version."""
    path = folder / "small.lock"
    old = json.loads(path.read_text())
    path.write_text(json.dumps({**old, "lock": 1}))
    locked(folder)
    assert json.loads(path.read_text())["packages"] == old["packages"]
