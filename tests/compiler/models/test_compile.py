"""Results are the same bytes every time, appear whole or not at all, and are found again."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stackc.models.compile import CompiledModel, ModelOptions, compile_model
from stackc.models.errors import UnsupportedError, WriteError
from stackc.models.facts import ModelFacts, facts_of
from stackc.models.graphs import graph

from .conftest import Files, quiet
from .gguf_files import write_gguf, write_llama

SCRIPT = """
import sys
from pathlib import Path
from stackc.models.compile import ModelOptions, compile_model
path, cache = Path(sys.argv[1]), Path(sys.argv[2])
progress = lambda done, whole: print(done, whole, flush=True)
compile_model("m", {path.name: path}, ModelOptions(), cache, progress)
"""


def digests(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def compiled(path: Path, cache: Path, options: ModelOptions | None = None) -> CompiledModel:
    return compile_model("m", {path.name: path}, options or ModelOptions(), cache, quiet)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "model.gguf", kind="Q4_1", tied=False)


def test_same_bytes_under_every_hash_seed(tmp_path: Path, model: Path) -> None:
    found = []
    for seed in ("0", "1", "12345"):
        cache = tmp_path / seed
        variables = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SCRIPT, str(model), str(cache)]
        subprocess.run(command, env=variables, check=True, capture_output=True)
        found.append(digests(cache / "models"))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4


def test_same_bytes_of_published_models(
    tmp_path: Path, smollm2: Files, smollm2_int8: Path, minilm: Files
) -> None:
    again = compile_model("other", smollm2, ModelOptions(), tmp_path / "a", quiet).folder
    assert digests(again) == digests(smollm2_int8)
    first = compile_model("m", minilm, ModelOptions(), tmp_path / "b", quiet).folder
    second = compile_model("m", minilm, ModelOptions(), tmp_path / "c", quiet).folder
    assert digests(first) == digests(second)


def test_found_again(tmp_path: Path, model: Path) -> None:
    folder = compiled(model, tmp_path / "cache").folder
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert compiled(model, tmp_path / "cache").folder == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_what_matters_makes_another_result(tmp_path: Path, model: Path) -> None:
    cache = tmp_path / "cache"
    other = write_llama(tmp_path / "other.gguf", kind="Q4_1", tied=False, seed=1)
    folders = {
        compiled(model, cache).folder,
        compiled(other, cache).folder,
        compiled(model, cache, ModelOptions("fp32")).folder,
        compiled(model, cache, ModelOptions("int8", 32)).folder,
    }
    assert len(folders) == 4


def test_progress(tmp_path: Path, model: Path) -> None:
    steps: list[tuple[int, int]] = []
    compile_model(
        "m",
        {"model.gguf": model},
        ModelOptions(),
        tmp_path / "cache",
        lambda done, whole: steps.append((done, whole)),
    )
    assert steps == [(1, 2), (2, 2)]


def test_killed_in_the_middle(tmp_path: Path, smollm2: Files) -> None:
    """Killed without warning, it leaves nothing that a later run takes for a result."""
    (path,) = smollm2.values()
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", SCRIPT, str(path), str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"1 30\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (cache / "models").exists()
    assert len(list((cache / "tmp").iterdir())) == 1


def test_full_disk(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(graph.Graph, "_store", full)
    cache = tmp_path / "cache"
    with pytest.raises(WriteError, match="no space left on device"):
        compiled(model, cache)
    assert list((cache / "tmp").iterdir()) == []
    assert not (cache / "models").exists()
    monkeypatch.undo()
    assert len(list(compiled(model, cache).folder.iterdir())) == 4


def test_two_at_once(tmp_path: Path, model: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", SCRIPT, str(model), str(cache)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(list((cache / "models").iterdir())) == 1
    assert list((cache / "tmp").iterdir()) == []


def test_decoder_facts(smollm2: Files) -> None:
    assert facts_of(smollm2) == ModelFacts(
        kind="decoder",
        architecture="llama",
        context_length=8192,
        embedding_dimension=None,
        parameters=134515008,
        layers=30,
        hidden_size=576,
        vocab_size=49152,
        kv_heads=3,
        head_dim=64,
        quantizations=("int8", "fp32", "fp16", "int4"),
    )


@pytest.mark.parametrize("names", [[], ["a.txt", "b.txt"]])
def test_files_that_are_no_model(tmp_path: Path, names: list[str]) -> None:
    files = {name: write_gguf(tmp_path / name, {}) for name in names}
    with pytest.raises(UnsupportedError, match=r"a model is one GGUF file or has `config.json`"):
        facts_of(files)
