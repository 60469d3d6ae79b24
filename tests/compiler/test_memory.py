"""The memory that a plan tells, against what the runtime asks for and what a process holds."""

from dataclasses import replace
from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.memory import memory_of
from stackc.models.facts import QUANTIZATIONS
from stackc.pipeline import plan_of
from stackc.planned_models import PlannedModel
from stackrt.engine.artifact import read_decoder
from stackrt.engine.cache import HostCache
from stacks import ROOT, running

STARTER = ROOT / "distributions/starter.yaml"


@pytest.fixture
def models() -> tuple[PlannedModel, ...]:
    return plan_of(STARTER, Catalog()).models


def test_the_cache_is_what_the_runtime_makes_room_for(
    models: tuple[PlannedModel, ...], built: dict[str, Path]
) -> None:
    artifact = read_decoder(built["starter"] / "models" / models[0].folder)
    cache = HostCache(artifact, slots=models[0].slots)
    assert memory_of(models).models[0].cache == sum(each.nbytes for each in cache._buffers.values())


def test_memory_at_the_start_is_what_the_process_holds(built: dict[str, Path]) -> None:
    for name in ("gateway", "starter"):
        told = plan_of(ROOT / f"distributions/{name}.yaml", Catalog()).memory.start
        with running(built[name], name) as stack:
            status = Path(f"/proc/{stack.process.pid}/status").read_text()
        held = int(status.partition("VmRSS:")[2].split()[0]) * 1024
        assert told == pytest.approx(held, rel=0.25), name


def test_smaller_formats_take_less(models: tuple[PlannedModel, ...]) -> None:
    def start(quantization: str) -> int:
        locked = replace(models[0].locked, quantization=quantization)
        return memory_of([replace(models[0], locked=locked)]).start

    assert start("int4") < start("int8") < start("fp16") <= start("fp32")
    assert {start(quantization) for quantization in QUANTIZATIONS}


def test_a_model_on_the_gpu_takes_its_cache_there(models: tuple[PlannedModel, ...]) -> None:
    on_host = memory_of(models)
    told = memory_of([replace(model, device="cuda") for model in models])
    assert on_host.gpu == 0
    assert told.full == told.start < on_host.start
    assert told.gpu > on_host.models[0].cache / 2
    assert "of the GPU" in told.summary
