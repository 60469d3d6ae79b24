"""Models of a hub: what is pinned, what is fetched and how, and what a hub may answer instead."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from encoder_checkpoints import Checkpoint
from huggingface_hub import constants
from stackc.cache import cache_dir
from stackc.lock import Lock, LockedModel, dumps, parse
from stackc.models.errors import (
    ChecksumMismatchError,
    FetchError,
    InvalidSourceError,
    ModelError,
    UnsupportedError,
    WriteError,
)
from stackc.models.sources.source import (
    LockedFile,
    ModelSource,
    commit_of,
    lock_source,
    materialise,
    parse_source,
)
from stackc.supply.model_licences import licence_of_model
from stacks import stackc

from .conftest import quiet
from .hub_server import Hub, serving, sha256

TOKEN = "hf_SecretSecretSecret"
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB
FILES = {
    ".gitattributes": b"*.safetensors filter=lfs",
    "1_Pooling/config.json": b'{"a": 1}',
    "README.md": b"not needed",
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": WEIGHTS,
    "modeling_own.py": b"raise SystemExit",
    "modules.json": b"[]",
    "onnx/model.onnx": b"not needed",
    "pytorch_model.bin": b"a pickle",
    "tokenizer.json": b"{}",
}
NEEDED = ["1_Pooling/config.json", "config.json", "model.safetensors", "modules.json"]
NEEDED += ["tokenizer.json"]
NAME = "org/small"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The only hub that the tests know, asked by somebody without a token."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    with serving() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def locked_at(
    text: str, cache: Path, progress: Callable[[int, int], None] = quiet
) -> tuple[ModelSource, tuple[LockedFile, ...]]:
    """A source at the commit that it is now, and its files."""
    source = parse_source(text)
    pinned = source.at(commit_of(source))
    return pinned, lock_source(pinned, Path("/nowhere"), cache, progress)


def fetched(source: ModelSource, locked: tuple[LockedFile, ...], cache: Path) -> dict[str, bytes]:
    found = materialise(source, locked, Path("/nowhere"), cache, quiet)
    return {path: file.read_bytes() for path, file in found.items()}


def begun(cache: Path, digest: str) -> Path:
    """Where a download of the file with this hash goes on."""
    return cache / "partial" / sha256(digest.encode())


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("hf:org/name", ModelSource("hf", "", repository="org/name", revision="main")),
        ("hf:o-r_g/n.a-m_e@v1.0", ModelSource("hf", "", "", "", "o-r_g/n.a-m_e", "v1.0")),
        ("hf:o/n@refs/pr/1#a/b.gguf", ModelSource("hf", "a/b.gguf", "", "", "o/n", "refs/pr/1")),
        ("hf:o/n#folder with space", ModelSource("hf", "folder with space", "", "", "o/n", "main")),
    ],
)
def test_syntax(text: str, want: ModelSource) -> None:
    assert parse_source(text) == want
    assert str(want) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:name",
        "hf:org/name/more",
        "hf:/name",
        "hf:org/",
        "hf:org/name@",
        "hf:org/name#",
        "hf:org/name@a b",
        "hf:org/name@a..b",
        "hf:org/name@-x",
        "hf:org/name@main/",
        "hf:org/../name",
        "hf:org/na--me",
        "hf:org/name.git",
        "hf:.org/name",
        "hf:org/name-",
        "hf:org/name?x=1",
        "hf:org/name\n",
        f"hf:org/{'n' * 93}",
        "hf:org/name#/etc/passwd",
        "hf:org/name#../other/model.gguf",
        "hf://org/name",
        "hf:https://huggingface.co/org/name",
    ],
)
def test_wrong_syntax(text: str) -> None:
    with pytest.raises(InvalidSourceError) as caught:
        parse_source(text)
    assert caught.value.text == text
    assert "\n" not in str(caught.value)


def test_the_server_speaks_as_a_hub(hub: Hub, tmp_path: Path) -> None:
    """The official client, on its own, gets from it what was put there."""
    commit = hub.add(NAME, FILES).branches["main"]
    for name in ("config.json", "model.safetensors"):
        path = huggingface_hub.hf_hub_download(
            NAME, name, endpoint=hub.address, local_dir=tmp_path / "own"
        )
        assert Path(path).read_bytes() == FILES[name]
    info = huggingface_hub.HfApi(endpoint=hub.address).model_info(NAME, revision="main")
    assert info.sha == commit


def test_a_repository(hub: Hub, cache: Path) -> None:
    """The lock holds the commit and only what a model needs: no code, no pickles."""
    repository = hub.add(NAME, FILES)
    steps: list[tuple[int, int]] = []
    source, locked = locked_at(f"hf:{NAME}", cache, lambda *step: steps.append(step))
    assert source.revision == repository.branches["main"]
    assert locked == tuple(
        LockedFile(path, sha256(FILES[path]), len(FILES[path])) for path in NEEDED
    )
    whole = sum(entry.size for entry in locked)
    assert steps[-1] == (whole, whole)
    assert steps == sorted(steps)
    before = len(hub.requests)
    assert fetched(source, locked, cache) == {path: FILES[path] for path in NEEDED}
    assert len(hub.requests) == before
    assert list((cache / "partial").iterdir()) == []


def test_what_a_hub_is_told(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is asked for once; no telemetry is sent, and the store sees no token."""
    hub.add(NAME, FILES)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    locked_at(f"hf:{NAME}", cache)
    paths = [request.path.partition("?")[0] for request in hub.requests]
    assert sorted(path for path in paths if "/resolve/" in path) == sorted(
        f"/{NAME}/resolve/{hub.repositories[NAME].branches['main']}/{path}" for path in NEEDED
    )
    assert all(path.startswith((f"/api/models/{NAME}/", f"/{NAME}/")) for path in paths)
    assert {request.authorization for request in hub.requests} == {f"Bearer {TOKEN}"}
    assert [request.authorization for request in hub.stored] == [None]
    assert all((request.agent or "").startswith("stackc/") for request in hub.requests)


def test_a_large_file_in_the_cache_is_not_fetched_again(hub: Hub, cache: Path) -> None:
    repository = hub.add(NAME, FILES)
    locked_at(f"hf:{NAME}", cache)
    repository.commit(FILES | {"config.json": b'{"model_type": "roberta"}'})
    locked_at(f"hf:{NAME}", cache)
    assert len(hub.stored) == 1


def test_a_branch_that_moves_after_the_lock(hub: Hub, cache: Path, tmp_path: Path) -> None:
    repository = hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    new = repository.commit(FILES | {"config.json": b"{}", "model.safetensors": b"new"})
    assert commit_of(parse_source(f"hf:{NAME}")) == new != source.revision
    empty = tmp_path / "empty"
    assert fetched(source, locked, empty) == {path: FILES[path] for path in NEEDED}
    assert all(source.revision in request.path for request in hub.requests[-len(NEEDED) :])


def test_only_what_the_cache_lacks_is_fetched(hub: Hub, cache: Path) -> None:
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    (cache / "blobs" / sha256(b"{}")).unlink()
    before = len(hub.requests)
    assert fetched(source, locked, cache)["tokenizer.json"] == b"{}"
    assert [request.path for request in hub.requests[before:]] == [
        f"/{NAME}/resolve/{source.revision}/tokenizer.json"
    ]


@pytest.mark.parametrize(
    ("path", "want"),
    [
        (
            "",
            ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        ("whole", ["config.json", "model.safetensors"]),
        ("gguf/b.gguf", ["b.gguf"]),
        ("one", ["model.gguf"]),
        ("table.csv", ["table.csv"]),
    ],
)
@pytest.mark.parametrize("revision", ["", "@v1", "@refs/pr/2"])
def test_paths_and_revisions(
    hub: Hub, cache: Path, tmp_path: Path, path: str, want: list[str], revision: str
) -> None:
    shards = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    index = "model.safetensors.index.json"
    names = ["config.json", *shards, index, "gguf/a.gguf", "gguf/b.gguf", "one/model.gguf"]
    names += ["one/README.md", "whole/config.json", "whole/model.safetensors", "table.csv"]
    names += [f"whole/{each}" for each in (*shards, index)]
    content = {name: name.encode() for name in names}
    repository = hub.add(NAME, content if not revision else {"README.md": b""})
    repository.commit(content, revision.removeprefix("@") or "main")
    source, locked = locked_at(f"hf:{NAME}{revision}{f'#{path}' if path else ''}", cache)
    found = fetched(source, locked, tmp_path / "empty")
    if not path:
        want = [*want, index, "whole/config.json"]
    assert sorted(found) == sorted(want)
    for part, read in found.items():
        assert read.decode() in {part, f"{path}/{part}", path}


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (["config.json", "pytorch_model.bin"], "", "pickles.*`pytorch_model.bin`"),
        (["config.json", "model.pt", "a.py"], "", "pickles.*`model.pt`"),
        (["config.json", "pytorch_model.bin"], "#pytorch_model.bin", "pickles"),
        (["a.Q4.gguf", "b.Q8.gguf"], "", "several GGUF files.*`a.Q4.gguf`, `b.Q8.gguf`"),
        (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], "", "one part of a GGUF file"),
        (["a-00001-of-00002.gguf"], "#a-00001-of-00002.gguf", "one part of a GGUF file"),
        (["adapter_config.json", "model.safetensors"], "", "not the `config.json`"),
        (["config.json", "README.md"], "", "no weights"),
        (["README.md"], "#missing.gguf", "nothing at that path"),
        (["README.md"], "#READ", "nothing at that path"),
        ([], "", "nothing at that path"),
    ],
)
def test_repositories_without_a_model(
    hub: Hub, cache: Path, names: list[str], path: str, message: str
) -> None:
    """Nothing is downloaded to find that out."""
    hub.add(NAME, dict.fromkeys(names, b"x"))
    with pytest.raises((FetchError, UnsupportedError), match=message):
        locked_at(f"hf:{NAME}{path}", cache)
    assert not any("/resolve/" in request.path for request in hub.requests)


def test_a_connection_that_breaks_off_is_taken_up(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer goes on where the last one broke off; what never moves on is given up."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add(NAME, FILES)
    hub.drops["model.safetensors"] = [300_000, 200_000, 0, 0]
    source, locked = locked_at(f"hf:{NAME}", cache)
    assert [request.range for request in hub.stored] == [
        None,
        "bytes=300000-",
        "bytes=500000-",
        "bytes=500000-",
        "bytes=500000-",
    ]
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS


def test_trouble_loses_no_part(
    hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    begun(cache, sha256(WEIGHTS)).parent.mkdir(parents=True)
    begun(cache, sha256(WEIGHTS)).write_bytes(WEIGHTS[:700_000])
    monkeypatch.setattr(time, "sleep", lambda seconds: hub.statuses.clear())
    weights = tuple(entry for entry in locked if entry.path == "model.safetensors")
    hub.statuses = [503]
    assert fetched(source, weights, cache) == {"model.safetensors": WEIGHTS}
    assert hub.stored[-1].range == "bytes=700000-"


def test_a_part_that_is_longer_than_what_is_there(
    hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    begun(cache, sha256(WEIGHTS)).parent.mkdir(parents=True)
    begun(cache, sha256(WEIGHTS)).write_bytes(WEIGHTS[:700_000])
    hub.tampered["model.safetensors"] = b"short"
    with pytest.raises(ChecksumMismatchError) as caught:
        fetched(source, locked, cache)
    assert caught.value.got == sha256(b"short")


def test_a_hub_that_always_breaks_off(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ranges every answer begins anew: what comes no further is given up."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add(NAME, FILES)
    hub.knows_ranges = False
    hub.drops["model.safetensors"] = [900 - 7 * each for each in range(50)]
    with pytest.raises(FetchError, match="broke off"):
        locked_at(f"hf:{NAME}", cache)
    assert len(hub.stored) == 5


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_goes_on_in_another_run(
    hub: Hub,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    knows_ranges: bool,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    hub.drops["model.safetensors"] = [700_000, 0, 0, 0, 0]
    hub.stored.clear()
    with pytest.raises(FetchError, match="broke off"):
        fetched(source, locked, cache)
    hub.knows_ranges = knows_ranges
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS
    assert hub.stored[-1].range == "bytes=700000-"


def test_a_run_that_is_killed_loses_nothing(hub: Hub, cache: Path, tmp_path: Path) -> None:
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    hub.stored.clear()
    hub.drops["model.safetensors"] = [700_000]
    entry = next(each for each in locked if each.path == "model.safetensors")
    partial = begun(cache, entry.sha256)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from stackc.models.sources.source import LockedFile, materialise, parse_source\n"
        "def progress(done, whole):\n"
        "    if done >= 600_000: os.kill(os.getpid(), signal.SIGKILL)\n"
        "text, path, sha256, size, cache = sys.argv[1:]\n"
        "locked = [LockedFile(path, sha256, int(size))]\n"
        "materialise(parse_source(text), locked, Path(), Path(cache), progress)\n"
    )
    arguments = [str(source), entry.path, entry.sha256, str(entry.size), str(cache)]
    done = subprocess.run([sys.executable, "-c", script, *arguments])
    assert done.returncode == -signal.SIGKILL
    had = partial.stat().st_size
    assert had > 500_000
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS
    assert hub.stored[-1].range == f"bytes={had}-"


def test_what_is_left_of_a_small_file_is_not_gone_on_with(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock learns its hash from the bytes, so they all have to be of one answer."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    text = b"0123456789" * 100
    hub.add(NAME, FILES | {"tokenizer.json": text})
    hub.drops["tokenizer.json"] = [500, 0, 0, 0, 0]
    with pytest.raises(FetchError, match="broke off"):
        locked_at(f"hf:{NAME}", cache)
    (left,) = (cache / "partial").iterdir()
    left.write_bytes(b"x" * 500)
    source, locked = locked_at(f"hf:{NAME}", cache)
    assert fetched(source, locked, cache)["tokenizer.json"] == text


@pytest.mark.parametrize("length", [len(WEIGHTS), len(WEIGHTS) + 9, 1000])
def test_a_damaged_part_is_found_and_not_kept(
    hub: Hub, cache: Path, tmp_path: Path, length: int
) -> None:
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    partial = begun(cache, sha256(WEIGHTS))
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * length)
    if length <= len(WEIGHTS):
        with pytest.raises(ChecksumMismatchError):
            fetched(source, locked, cache)
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize("content", [b"{}", b"", b"[" * 3000])
def test_a_file_that_changed_behind_its_commit(
    hub: Hub, cache: Path, tmp_path: Path, content: bytes
) -> None:
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    hub.tampered["config.json"] = content
    with pytest.raises(ChecksumMismatchError) as caught:
        fetched(source, locked, tmp_path / "empty")
    assert caught.value.path == "config.json"
    assert caught.value.want == sha256(FILES["config.json"])
    assert caught.value.got == sha256(content)


def test_a_locked_file_that_is_gone(hub: Hub, cache: Path, tmp_path: Path) -> None:
    repository = hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    del repository.commits[source.revision]["tokenizer.json"]
    with pytest.raises(FetchError, match=r"no file `tokenizer.json`"):
        fetched(source, locked, tmp_path / "empty")
    assert list((tmp_path / "empty" / "partial").iterdir()) == []


def test_a_store_that_gives_something_else(hub: Hub, cache: Path) -> None:
    """What the hub says of a large file is checked before the lock pins it."""
    hub.add(NAME, FILES)
    hub.tampered["model.safetensors"] = bytes(len(WEIGHTS))
    with pytest.raises(FetchError, match=r"`model.safetensors` is not what the hub says"):
        locked_at(f"hf:{NAME}", cache)


def test_a_small_file_that_comes_in_part(hub: Hub, cache: Path) -> None:
    hub.add(NAME, FILES)
    hub.tampered["config.json"] = b"{}"
    with pytest.raises(FetchError, match=r"2 bytes of `config.json`, and says that it has 22"):
        locked_at(f"hf:{NAME}", cache)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hf:org/none", "no such repository, or it is private and needs `HF_TOKEN`"),
        (f"hf:{NAME}@v9", "no revision `v9`"),
        ("hf:org/gated", "gated: accept its conditions.*`HF_TOKEN`"),
        ("hf:org/private", "private and needs `HF_TOKEN`"),
    ],
)
def test_what_the_hub_does_not_give(hub: Hub, cache: Path, text: str, message: str) -> None:
    hub.add(NAME, FILES)
    hub.add("org/gated", FILES, token=TOKEN, gated=True)
    hub.add("org/private", FILES, token=TOKEN)
    with pytest.raises(FetchError, match=message) as caught:
        locked_at(text, cache)
    assert caught.value.source == text
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["HF_TOKEN", "file"])
def test_a_token(
    hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    hub.add("org/gated", FILES, token=TOKEN, gated=True)
    if place == "file":
        (tmp_path / "token").write_text(f"{TOKEN}\n")
    else:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    source, locked = locked_at("hf:org/gated", cache)
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS
    assert {request.authorization for request in hub.stored} == {None}


def test_a_token_that_cannot_be_read(hub: Hub, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(FetchError, match=r"the token of `hf auth login` cannot be read"):
        locked_at(f"hf:{NAME}", cache)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("hf_WrongWrongWrong", "valid token"),
        ("hf_Wrong\x0bWrong", "characters that no token has"),
        ("hf_Wr\u00f6ngWrong", "characters that no token has"),
    ],
)
def test_a_token_is_never_shown(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch, token: str, message: str
) -> None:
    hub.add("org/private", FILES, token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(FetchError, match=message) as caught:
        locked_at("hf:org/private", cache)
    assert "HF_TOKEN" in str(caught.value)
    assert "Wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        ([403], "403"),
        ([429], "too many requests"),
        ([500], "status 500"),
        ([503], "status 503"),
        ([418], "status 418"),
        ([204], "does not answer as a hub does"),
    ],
)
def test_what_a_hub_answers_in_trouble(
    hub: Hub, cache: Path, statuses: list[int], message: str
) -> None:
    hub.add(NAME, FILES)
    hub.statuses = statuses
    with pytest.raises(FetchError, match=message):
        locked_at(f"hf:{NAME}", cache)


def test_a_hub_in_trouble_for_a_moment(
    hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    hub.statuses = [503, 429, 500]
    assert sorted(fetched(source, locked, tmp_path / "empty")) == NEEDED


def info(**content: object) -> bytes:
    return json.dumps({"id": NAME, "sha": "0" * 40, **content}).encode()


@pytest.mark.parametrize(
    ("content", "want"),
    [
        ({"cardData": {"license": "apache-2.0"}}, ("Apache-2.0", "repository")),
        ({"cardData": {"license": "llama3.2"}}, ("LicenseRef-llama3.2", "repository")),
        ({"cardData": {"license": ["mit", "zlib"]}}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_licence_of_a_repository(
    hub: Hub, content: dict[str, object], want: tuple[str | None, str | None]
) -> None:
    hub.info = info(**content)
    assert licence_of_model(parse_source(f"hf:{NAME}"), {}) == want


def test_a_hub_that_does_not_tell_the_licence_stops_nothing(hub: Hub) -> None:
    hub.info = b"[]"
    assert licence_of_model(parse_source(f"hf:{NAME}"), {}) == (None, None)


LFS = {"size": 1, "sha256": "../a", "pointerSize": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"x"',
        b"{}",
        b"\xff",
        info(sha="../.."),
        info(sha=1),
        info(),
        info(siblings=[1]),
        info(siblings=[{"rfilename": 1}]),
        info(siblings=[{"rfilename": "a", "size": "b"}]),
        info(siblings=[{"rfilename": "a", "lfs": LFS}]),
    ],
)
def test_an_answer_that_no_hub_gives(hub: Hub, cache: Path, body: bytes) -> None:
    hub.add(NAME, FILES)
    hub.info = body
    with pytest.raises(FetchError, match="does not answer as a hub does"):
        locked_at(f"hf:{NAME}", cache)


def test_a_silent_hub(hub: Hub, cache: Path) -> None:
    hub.add(NAME, FILES)
    hub.silent = threading.Event()
    started = time.monotonic()
    with pytest.raises(FetchError, match="did not answer within 1 seconds"):
        locked_at(f"hf:{NAME}", cache)
    assert time.monotonic() - started < 10


def test_a_hub_that_falls_silent_in_a_download(
    hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked four times, and given up."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    hub.silent = threading.Event()
    before = len(hub.requests)
    with pytest.raises(FetchError, match="did not answer"):
        fetched(source, locked, tmp_path / "empty")
    assert len(hub.requests) - before == 4
    assert sum(waits) < 10


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://user:hunter2@127.0.0.1:9", "127.0.0.1 cannot be reached"),
        ("http://no-such-host.invalid", "no-such-host.invalid cannot be reached"),
        ("no address", "`HF_ENDPOINT` is not the address of a hub"),
        ("ftp://127.0.0.1", "`HF_ENDPOINT` is not the address of a hub"),
        ("http://host:x", "`HF_ENDPOINT` is not the address of a hub"),
    ],
)
def test_an_endpoint_without_a_hub(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, message: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(FetchError, match=re.escape(message)) as caught:
        locked_at(f"hf:{NAME}", cache)
    assert "hunter2" not in str(caught.value)


def test_offline(hub: Hub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full cache needs no hub; an empty one says why nothing comes."""
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", cache)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    assert sorted(fetched(source, locked, cache)) == NEEDED
    for act in (
        lambda: commit_of(parse_source(f"hf:{NAME}")),
        lambda: fetched(source, locked, tmp_path / "empty"),
    ):
        with pytest.raises(FetchError, match=r"`HF_HUB_OFFLINE` is set"):
            act()
    assert len(hub.requests) == before


def test_a_disk_that_is_full(hub: Hub, cache: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for it: the same call fails, with another number."""
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(WriteError, match="too large"):
            fetched(source, locked, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert fetched(source, locked, cache)["model.safetensors"] == WEIGHTS


def test_two_runs_at_once(hub: Hub, cache: Path, tmp_path: Path) -> None:
    """They do not write into one another's file."""
    hub.add(NAME, FILES)
    source, locked = locked_at(f"hf:{NAME}", tmp_path / "other")
    found: list[dict[str, bytes] | ModelError] = []

    def run() -> None:
        try:
            found.append(fetched(source, locked, cache))
        except ModelError as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{path: FILES[path] for path in NEEDED}] * 4


def test_parts_of_last_week_go(hub: Hub, cache: Path) -> None:
    hub.add(NAME, FILES)
    for name, days in (("old", 8), ("new", 6)):
        path = cache / "partial" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        past = time.time() - days * 24 * 3600
        os.utime(path, (past, past))
    locked_at(f"hf:{NAME}", cache)
    assert [path.name for path in (cache / "partial").iterdir()] == ["new"]


@pytest.mark.parametrize("commit", [None, "main", "0" * 39, 7])
def test_a_lock_without_the_commit_is_none(commit: object) -> None:
    """A build of it would fetch what the branch is by then."""
    model = LockedModel(
        source=f"hf:{NAME}",
        quantization="fp32",
        model_type="embedding",
        architecture="bert",
        context_length=40,
        embedding_dimension=32,
        parameters=20576,
        layers=2,
        hidden_size=32,
        vocab_size=65,
        kv_heads=None,
        head_dim=None,
        files=(),
        commit="0" * 40,
    )
    lock = Lock((), (), (), (model,))
    assert parse(dumps(lock)) == lock
    data = json.loads(dumps(lock))
    data["models"][0]["commit"] = commit
    with pytest.raises((ValueError, TypeError)):
        parse(json.dumps(data))


DISTRIBUTION = """\
version: 2
image_name: example
apis: [inference]
providers:
  inference:
  - provider_id: onnx
    provider_type: inline::onnx
registered_resources:
  models:
  - model_id: small
    provider_id: onnx
    source: hf:org/small
    quantization: fp32
"""


def test_from_the_command_line(hub: Hub, tmp_path: Path) -> None:
    """The lock pins the commit, the build fetches that one, and with a full cache none is asked."""
    (tmp_path / "example.yaml").write_text(DISTRIBUTION)
    checkpoint = Checkpoint(tmp_path / "checkpoint", "bert")
    files = {name: path.read_bytes() for name, path in checkpoint.files.items()}
    repository = hub.add(NAME, files, token=TOKEN, gated=True)

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        home = {"HF_HOME": str(tmp_path / "home"), "STACKC_CACHE": str(tmp_path / "first")}
        command = *arguments, "example.yaml"
        done = stackc(*command, cwd=tmp_path, env={**os.environ, **home, **variables})
        assert TOKEN not in done.stdout + done.stderr
        return done

    refused = run("lock")
    assert refused.returncode == 1
    assert "error[fetch-failed]: cannot fetch `hf:org/small`: it is gated" in refused.stderr
    assert "example.yaml:12:13" in refused.stderr
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text(TOKEN)
    locking = run("lock")
    assert locking.returncode == 0, locking.stderr
    (model,) = parse((tmp_path / "example.lock").read_text()).models
    assert model.commit == repository.branches["main"]
    assert "%" not in locking.stderr  # no bars but those of stackc

    (tmp_path / "second").mkdir()
    wheels = cache_dir() / "wheels"  # those of the package index are not what is tested here
    wheels.mkdir(parents=True, exist_ok=True)
    (tmp_path / "second" / "wheels").symlink_to(wheels)
    repository.commit({"config.json": b"{}", "model.safetensors": b"another"})
    asked = len(hub.requests)
    build = run("build", STACKC_CACHE=str(tmp_path / "second"), HF_TOKEN=TOKEN)
    assert build.returncode == 0, build.stderr
    assert {request.path.split("/")[4] for request in hub.requests[asked:]} == {model.commit}
    plan = json.loads((tmp_path / "generated" / "example" / "plan.json").read_text())
    assert plan["compiled_models"][0]["source"] == f"hf:org/small@{model.commit}"

    asked = len(hub.requests)
    again = run("build", STACKC_CACHE=str(tmp_path / "second"), HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    offline = run("build", STACKC_CACHE=str(tmp_path / "third"), HF_HUB_OFFLINE="1")
    assert "`HF_HUB_OFFLINE` is set, and the cache does not have it" in offline.stderr
    assert len(hub.requests) == asked


def test_the_library_is_imported_only_for_the_hub() -> None:
    script = (
        "import sys, stackc.cli, stackc.locking, stackc.artifacts\n"
        "from stackc.models.sources.source import parse_source, commit_of\n"
        "commit_of(parse_source('file:x')); parse_source('hf:a/b')\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"huggingface_hub", "httpx2"} & set(eval(done.stdout))
