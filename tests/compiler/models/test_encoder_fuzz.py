"""Damaged folders of encoders: a ModelError of one line or an artifact, and nothing else."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from encoder_checkpoints import Checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.errors import ModelError
from stackc.models.facts import facts_of

from .conftest import quiet

FILES = [
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([1 << 31, 1 << 70, 10**400, -(1 << 63), 64, 32, 40]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["bert", "roberta", "distilbert", "relu", "mean", "query", "\ud800", "a\nb"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)
SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=["encoder", "classifier", "reranker"])
def checkpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    folder = tmp_path_factory.mktemp(request.param) / "model"
    if request.param == "encoder":
        made = Checkpoint(folder, "bert")
        made.write("modules.json", [{"path": "1_Pooling", "type": "x.Pooling"}])
        made.write("1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    else:
        made = Checkpoint(folder, "roberta", head=True, num_labels=1 + (request.param[0] == "c"))
    made.write("config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    made.write("sentence_bert_config.json", {"max_seq_length": 20})
    made.write("tokenizer_config.json", {"model_max_length": 20})
    return made


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def attempt(checkpoint: Checkpoint, name: str, content: bytes, work: Path) -> None:
    """Compiles the folder with one file replaced."""
    replaced = work / "replaced.json"
    replaced.write_bytes(content)
    files = {**checkpoint.files, name: replaced}
    try:
        facts_of(files)
        compile_model("m", files, ModelOptions("fp32"), work / "cache", quiet)
    except ModelError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 1000
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(work / "cache")


def entries(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as its container and its key."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [each for key in keys for each in entries(value[key])]


@SETTINGS
@given(name=st.sampled_from(FILES), value=VALUES)
def test_other_content(checkpoint: Checkpoint, work: Path, name: str, value: Any) -> None:
    attempt(checkpoint, name, json.dumps(value).encode(), work)


@SETTINGS
@given(name=st.sampled_from(FILES), data=st.data())
def test_one_entry_changed(
    checkpoint: Checkpoint, work: Path, name: str, data: st.DataObject
) -> None:
    if name not in checkpoint.files:
        return
    content = json.loads(checkpoint.files[name].read_text())
    places = entries(content)
    container, key = places[data.draw(st.integers(0, len(places) - 1))]
    if data.draw(st.booleans()):
        container[key] = data.draw(VALUES)
    else:
        del container[key]
    attempt(checkpoint, name, json.dumps(content).encode(), work)


@SETTINGS
@given(name=st.sampled_from([*FILES, "model.safetensors"]), data=st.data())
def test_damaged_bytes(checkpoint: Checkpoint, work: Path, name: str, data: st.DataObject) -> None:
    if name not in checkpoint.files:
        return
    content = bytearray(checkpoint.files[name].read_bytes())
    place = data.draw(st.integers(0, min(len(content) - 1, 4000)))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] = data.draw(st.integers(0, 255))
    attempt(checkpoint, name, bytes(content), work)
