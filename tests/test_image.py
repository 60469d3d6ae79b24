"""`stackc image`: the same bytes everywhere, whole or not at all, and the stack runs from it."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import images
import pytest
from registries import Misbehaving, docker_registry, misbehaving
from stackc import wheels
from stackc.cache import cache_dir
from stackc.cli import main
from stackc.image import exchange, layers
from stackc.image.errors import DeniedError, RegistryError
from stackc.image.image import Image, Manifest, image_of
from stackc.image.layers import layer_of
from stackc.image.oci import CONFIG, MANIFEST, Platform, describe, digest_of, encoded
from stackc.image.reference import Repository, parse
from stackc.image.registry import push
from stackc.image.tar import Entry
from stackc.requirements import PYTHON, uv
from stacks import ROOT, distribution_name, free_port, stackc, wait_for

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def tiny(folder: Path, *platforms: str, **config: Any) -> Path:
    """A base with next to nothing in it, for what is not run."""
    layer = BytesIO()
    layers.write([Entry("etc/base", b"base\n")], layer, lambda done, whole: None)
    return images.layout(folder, dict.fromkeys(platforms, layer.getvalue()), **config)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base") / "base", "linux/amd64", "linux/arm64")


def image(
    output: object, base: object, *options: str, name: str = "gateway", **run: Any
) -> subprocess.CompletedProcess[str]:
    """Runs the command for linux/amd64, or the platforms among the options."""
    chosen = options if "--platform" in options else (*options, "--platform", "linux/amd64")
    distribution = name if name.endswith(".yaml") else f"distributions/{name}.yaml"
    where = ("--base", str(base), "--output", str(output))
    return stackc("image", distribution, *where, *chosen, **run)


def made(folder: Path, base: Path, *options: str, **run: Any) -> Path:
    """An image in the OCI layout."""
    result = image(f"oci:{folder}", f"oci:{base}", *options, **run)
    assert result.returncode == 0, result.stderr
    return folder


def own_cache(folder: Path) -> dict[str, str]:
    """The environment of a run with a cache of its own, which shares only what was downloaded."""
    folder.mkdir()
    wheels_ = cache_dir() / "wheels"
    wheels_.mkdir(parents=True, exist_ok=True)
    (folder / "wheels").symlink_to(wheels_)
    return {**os.environ, "STACKC_CACHE": str(folder)}


def root_digest(folder: Path) -> str:
    (root,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    return str(root["digest"])


def entries(layer: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=BytesIO(layer)) as tar:
        return tar.getmembers()


def inside(tar: tarfile.TarFile, name: str) -> bytes:
    """A file of a tar."""
    file = tar.extractfile(name)
    assert file
    return file.read()


def test_the_layout_is_what_the_specification_says(tmp_path: Path, base: Path) -> None:
    folder = made(tmp_path / "image", base)
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (manifest,) = images.manifests(folder)
    assert manifest["mediaType"] == MANIFEST
    assert manifest["config"]["mediaType"] == CONFIG
    found = [blob.name for blob in (folder / "blobs" / "sha256").iterdir()]
    named = [each["digest"][7:] for each in (manifest["config"], *manifest["layers"])]
    assert sorted(found) == sorted([*named, root_digest(folder)[7:]])
    _, packages, runtime, code = map(entries, images.tars(folder, manifest))
    for member in (*packages, *runtime, *code):
        assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
        assert member.mode in ((0o755,) if member.isdir() else (0o644, 0o755))
    names = [member.name for member in packages]
    files = [member.name for member in packages if member.isfile()]
    assert files == sorted({*files})
    assert len(names) == len({*names})
    assert not [name for name in names if name.endswith(".pyc") or "/bin/" in name]
    assert {member.name for member in code} >= {"stack/openapi.json", "stack/gateway/app.py"}


def test_the_config_says_what_the_dockerfile_says(tmp_path: Path, base: Path) -> None:
    folder = made(tmp_path / "image", base)
    (manifest,) = images.manifests(folder)
    config = json.loads(images.blob(folder, manifest["config"]))
    dockerfile = (ROOT / "generated" / "gateway" / "Dockerfile").read_text()
    run = config["config"]
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert f"USER {run['User']}\n" in dockerfile
    assert f"WORKDIR {run['WorkingDir']}\n" in dockerfile
    assert f"CMD {json.dumps(run['Cmd'])}\n" in dockerfile
    assert f"CMD {json.dumps(run['Healthcheck']['Test'][1:])}\n" in dockerfile
    assert run["ExposedPorts"] == {"8321/tcp": {}}
    assert all(
        f"LABEL {key}={json.dumps(run['Labels'][key])}\n" in dockerfile for key in run["Labels"]
    )
    own = [each for each in run["Env"] if each.partition("=")[0] not in ("PATH", "PYTHON_VERSION")]
    assert own
    assert all(f"ENV {variable}\n" in dockerfile for variable in own)


def test_records_list_what_is_there(tmp_path: Path, base: Path) -> None:
    folder = made(tmp_path / "image", base)
    (manifest,) = images.manifests(folder)
    with tarfile.open(fileobj=BytesIO(images.tars(folder, manifest)[1])) as tar:
        there = {member.name for member in tar.getmembers()}
        records = [name for name in there if name.endswith(".dist-info/RECORD")]
        assert len(records) > 5
        for name in records:
            top = name.rsplit("/", 2)[0]
            for line in inside(tar, name).decode().splitlines():
                assert f"{top}/{line.rsplit(',', 2)[0]}" in there


def test_same_bytes_in_other_folders(tmp_path: Path, base: Path) -> None:
    digests = set()
    for number in (1, 2):
        folder = tmp_path / f"checkout-{number}"
        (folder / "distributions").mkdir(parents=True)
        for suffix in ("yaml", "lock"):
            shutil.copy(ROOT / "distributions" / f"gateway.{suffix}", folder / "distributions")
        environment = {
            **own_cache(tmp_path / f"cache-{number}"),
            "PYTHONHASHSEED": str(number),
            "TZ": f"UTC-{number}",
        }
        umask = {"umask": 0o077 if number == 1 else 0o002}
        output = made(tmp_path / f"image-{number}", base, cwd=folder, env=environment, **umask)
        digests.add(root_digest(output))
    assert len(digests) == 1


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_same_bytes_by_other_pythons(version: str, tmp_path: Path, base: Path) -> None:
    """The whole command in each Python that is here; none is downloaded."""
    found = interpreter(version)
    if not found:
        pytest.skip(f"there is no Python {version} on this machine")
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    python = tmp_path / "environment" / "bin" / "python"
    for command in (
        ("venv", "--quiet", "--no-project", "--python", found, str(tmp_path / "environment")),
        ("pip", "install", "--quiet", "--python", str(python), *needs),
    ):
        result = uv(*command)
        assert result.returncode == 0, result.stderr
    environment = own_cache(tmp_path / "cache")
    environment["PYTHONPATH"] = f"{ROOT / 'compiler'}:{ROOT / 'runtime'}"
    command = [str(python), "-m", "stackc.cli", "image", "distributions/gateway.yaml"]
    command += [f"--base=oci:{base}", f"--output=oci:{tmp_path / 'other'}"]
    command += ["--platform=linux/amd64"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert root_digest(tmp_path / "other") == root_digest(made(tmp_path / "image", base))


def interpreter(version: str) -> str | None:
    """A Python of this version: one that uv finds, or one that pyenv has and not chosen."""
    known = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    if known:
        return str(known[-1])
    told = uv("python", "find", "--no-python-downloads", version)
    return None if told.returncode else told.stdout.strip()


def test_one_line_of_yaml_changes_the_last_layer(tmp_path: Path, base: Path) -> None:
    before = made(tmp_path / "before", base)
    for suffix in ("yaml", "lock"):
        shutil.copy(ROOT / "distributions" / f"gateway.{suffix}", tmp_path)
    path = tmp_path / "gateway.yaml"
    path.write_text(path.read_text().replace("port: 8321", "port: 9000"))
    after = made(tmp_path / "after", base, name=str(path))
    (old,), (new,) = images.manifests(before), images.manifests(after)
    assert old["layers"][:-1] == new["layers"][:-1]
    assert old["layers"][-1] != new["layers"][-1]
    assert new["layers"][-1]["size"] < 100_000


def test_several_platforms_are_an_index(tmp_path: Path, base: Path) -> None:
    both = ("--platform", "linux/arm64", "--platform", "linux/amd64")
    folder = made(tmp_path / "image", base, *both)
    (root,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    index = json.loads(images.blob(folder, root))
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    amd, arm = images.manifests(folder)
    native = [
        [name for name in (member.name for member in entries(tars[1])) if name.endswith(".so")]
        for tars in (images.tars(folder, amd), images.tars(folder, arm))
    ]
    assert all(native)
    assert not [name for name in native[0] if "aarch64" in name]
    assert not [name for name in native[1] if "x86_64" in name]
    assert amd["layers"][-2:] == arm["layers"][-2:], "the runtime and the code are the same"


def test_a_base_for_another_platform(tmp_path: Path) -> None:
    base = tiny(tmp_path / "base", "linux/arm64")
    result = image(f"oci:{tmp_path / 'image'}", f"oci:{base}")
    assert result.returncode == 1
    assert "error[base-for-other-platform]" in result.stderr
    assert "it is for: `linux/arm64`" in result.stderr
    assert not (tmp_path / "image").exists()


def test_a_package_without_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))
    package = wheels.Package("uvloop==0.21.0", ("sha256:" + "0" * 64,))
    said = "ERROR: No matching distribution found for uvloop==0.21.0"
    with pytest.raises(wheels.NoWheelError, match=r"uvloop==0\.21\.0 has no wheel for aarch64"):
        wheels._stop_without_wheel(said, "aarch64")
    wheels._stop_without_wheel(f"WARNING: Retrying (Retry(total=4\n{said}", "aarch64")
    with pytest.raises((wheels.NoWheelError, wheels.DownloadError)):
        wheels.wheels((package,), "aarch64")
    assert not list((tmp_path / "cache" / "wheels").glob("[!.]*"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda base: shutil.rmtree(base), "there is no image at"),
        (lambda base: (base / "index.json").write_text("[]"), "no JSON object"),
        (lambda base: (base / "index.json").write_text("{}"), "no list of manifests"),
        (lambda base: largest(base).write_bytes(b"other"), "is damaged"),
        (lambda base: largest(base).unlink(), "lacks the blob"),
    ],
)
def test_a_bad_base(damage: Any, told: str, tmp_path: Path) -> None:
    base = tiny(tmp_path / "base", "linux/amd64")
    damage(base)
    result = image(f"oci:{tmp_path / 'image'}", f"oci:{base}")
    assert result.returncode == 1
    assert "error[bad-base]" in result.stderr
    assert told in result.stderr


def largest(base: Path) -> Path:
    """A blob that every image of this base needs."""
    return max((base / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def test_a_base_of_another_python(tmp_path: Path) -> None:
    base = tiny(tmp_path / "base", "linux/amd64", Env=["PYTHON_VERSION=3.13.1"])
    result = image(f"oci:{tmp_path / 'image'}", f"oci:{base}")
    assert "has Python 3.13.1, and the stack is for 3.11" in result.stderr


def test_archives(tmp_path: Path, base: Path) -> None:
    """A `docker-archive` is written, and both kinds of archives are read."""
    file = tmp_path / "image.tar"
    assert image(f"docker-archive:{file}", f"oci:{base}").returncode == 0
    with tarfile.open(file) as tar:
        (saved,) = json.loads(inside(tar, "manifest.json"))
        assert saved["RepoTags"] == ["gateway:latest"]
        config = json.loads(inside(tar, saved["Config"]))
        digests = [digest_of(inside(tar, name)) for name in saved["Layers"]]
    assert config["config"]["Healthcheck"]["Interval"] == 30 * 10**9
    assert digests == config["rootfs"]["diff_ids"]
    again = image(f"oci:{tmp_path / 'again'}", f"docker-archive:{file}")
    assert again.returncode == 0, again.stderr
    with tarfile.open(tmp_path / "base.tar", "w") as tar:
        tar.add(base, arcname=".")
    other = image(f"oci:{tmp_path / 'other'}", f"oci-archive:{tmp_path / 'base.tar'}")
    assert other.returncode == 0, other.stderr
    assert root_digest(tmp_path / "other") == root_digest(made(tmp_path / "image", base))
    none = image(f"oci:{tmp_path / 'none'}", f"oci-archive:{tmp_path / 'image' / 'index.json'}")
    assert "error[bad-base]" in none.stderr


def test_a_folder_with_something_else_stays(tmp_path: Path, base: Path) -> None:
    (tmp_path / "thesis").write_text("years")
    result = image(f"oci:{tmp_path}", f"oci:{base}")
    assert result.returncode == 1
    assert "error[output-is-no-image]" in result.stderr
    assert (tmp_path / "thesis").read_text() == "years"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--output=oci-archive:x",), "write `docker-archive`"),
        (("--output=oci:x", "--platform=linux/riscv64"), "no image is made for `linux/riscv64`"),
        (("--output=registry:Not A Name",), "names no image"),
        (
            ("--output=docker-archive:x", "--platform=linux/amd64", "--platform=linux/arm64"),
            "one platform",
        ),
    ],
)
def test_misuse(options: tuple[str, ...], told: str) -> None:
    result = stackc("image", "distributions/gateway.yaml", *options)
    assert result.returncode == 2
    assert told in result.stderr


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_layer_that_breaks_off_is_not_kept(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path))

    def broken(*arguments: object) -> int:
        raise error

    with pytest.raises(type(error)):
        layers.kept("packages", ("a",), broken)
    assert list((tmp_path / "layers").iterdir()) == []
    layer = layer_of("packages", [Entry("a", b"a")])
    assert layer_of("packages", [Entry("a", b"a")]) == layer


def test_two_runs_at_once(tmp_path: Path) -> None:
    """The first to finish a layer wins; a folder that cannot be named is an error."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "layer.json").write_text(name)
    layers.settle(tmp_path / "first", tmp_path / "layer")
    layers.settle(tmp_path / "second", tmp_path / "layer")
    assert (tmp_path / "layer" / "layer.json").read_text() == "first"
    with pytest.raises(OSError, match="No such file"):
        layers.settle(tmp_path / "third", tmp_path / "other")


def test_a_full_disk(tmp_path: Path, base: Path) -> None:
    """The files that may be written end before the image does: what was there stays."""
    file = tmp_path / "out" / "image.tar"
    file.parent.mkdir()
    file.write_text("what was there")
    image(f"oci:{tmp_path / 'warm'}", f"oci:{base}")
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    limit += "import sys; from stackc.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", limit, "image", "distributions/gateway.yaml"]
    command += [f"--base=oci:{base}", f"--output=docker-archive:{file}", "--platform=linux/amd64"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "error[write-failed]" in result.stderr
    assert file.read_text() == "what was there"
    assert list(file.parent.iterdir()) == [file]


def test_sizes(tmp_path: Path, base: Path) -> None:
    """What an image may hold above its base; packages are counted as they are installed."""
    for name, packages, size in (("gateway", 26, 60e6), ("starter", 45, 420e6)):
        folder = made(tmp_path / name, base, name=name)
        (manifest,) = images.manifests(folder)
        members = [each for tar in images.tars(folder, manifest)[1:] for each in entries(tar)]
        installed = [each for each in members if each.name.endswith(".dist-info/METADATA")]
        assert len(installed) < packages
        assert sum(member.size for member in members) < size
        top = {each.name.split("/")[5].removesuffix(".py") for each in members if _is_module(each)}
        assert not top & sys.stdlib_module_names, "they would stand before those of the base"
        assert distribution_name("uvloop") in {
            each.name.split("/")[5].split("-")[0] for each in installed
        }


def _is_module(member: tarfile.TarInfo) -> bool:
    return member.name.startswith("opt/stack/lib/") and member.name.count("/") >= 5


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_and_umoci_read_it(tmp_path: Path, base: Path) -> None:
    folder = made(tmp_path / "image", base)
    told = subprocess.run(["skopeo", "inspect", f"oci:{folder}"], capture_output=True, check=True)
    assert json.loads(told.stdout)["Digest"] == root_digest(folder)
    copy = ["skopeo", "--insecure-policy", "copy", f"oci:{folder}", f"oci:{tmp_path / 'copy'}:a"]
    subprocess.run(copy, capture_output=True, check=True)
    assert root_digest(tmp_path / "copy") == root_digest(folder)
    if shutil.which("umoci"):
        stat = ["umoci", "stat", "--image", f"{folder}:latest"]
        assert b"stackc: packages" in subprocess.run(stat, capture_output=True, check=True).stdout


# What is in it runs.


@contextmanager
def serving(root: Path, name: str, **variables: str) -> Iterator[str]:
    """The stack in an unpacked image as its config says, on a port; ends it with SIGTERM.

    Only the new mount namespace sees /proc below the root, so removing the folder is safe.
    """
    port = free_port()
    mounted = 'mount -t proc proc "$0/proc" && exec "$@"'
    (root / "proc").mkdir()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, str(root)]
    command += ["/usr/sbin/chroot", "--userspec=10001:10001", str(root)]
    command += ["/usr/local/bin/python", "-m", name, "--host", "127.0.0.1", "--port", str(port)]
    search = f"/stack:/stack/runtime:/opt/stack/lib/python{PYTHON}/site-packages"
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], "PYTHONPATH": search, **variables}
    )
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        assert process.wait(30) == 0


RUNS = pytest.mark.skipif(
    not images.IS_IMAGE_PYTHON or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="needs root, unshare and the Python of the image",
)


@pytest.fixture(scope="module")
def interpreter_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.base(tmp_path_factory.mktemp("base") / "base")


@RUNS
def test_the_gateway_answers_from_its_image(tmp_path: Path, interpreter_base: Path) -> None:
    root = images.unpacked(made(tmp_path / "image", interpreter_base), tmp_path / "root")
    with upstream() as address, serving(root, "gateway", OPENAI_BASE_URL=address) as url:
        assert httpx2.get(f"{url}/health").json() == {"status": "OK"}
        asked = {"model": "openai/some", "messages": [{"role": "user", "content": "hello"}]}
        answer = httpx2.post(f"{url}/chat/completions", json=asked, timeout=30)
        assert answer.json()["choices"][0]["message"]["content"] == "from upstream"


@RUNS
def test_the_starter_answers_from_its_image(tmp_path: Path, interpreter_base: Path) -> None:
    folder = made(tmp_path / "image", interpreter_base, name="starter")
    with serving(images.unpacked(folder, tmp_path / "root"), "starter") as url:
        asked = {"model": "onnx/all-minilm-l6-v2", "input": "a text"}
        answer = httpx2.post(f"{url}/embeddings", json=asked, timeout=60)
        assert len(answer.json()["data"][0]["embedding"]) == 384


@contextmanager
def upstream() -> Iterator[str]:
    """A server that speaks as much of OpenAI's protocol as one chat takes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = {"role": "assistant", "content": "from upstream"}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            whole = {"id": "1", "object": "chat.completion", "created": 0, "choices": [choice]}
            data = json.dumps({**whole, "model": asked["model"]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


# Registries.


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """An image of two platforms with a layer of 3 MB, not of a stack."""
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))
    noise = b"".join(layers.sha256(str(each).encode()).digest() for each in range(100_000))
    layer = layer_of("code", [Entry("noise", noise)])
    config = {"rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}}

    def manifest(platform: Platform) -> Manifest:
        facts = encoded({"architecture": platform.architecture, "os": "linux", **config})
        data = encoded(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": describe(CONFIG, facts).as_json(),
                "layers": [layer.descriptor.as_json()],
            }
        )
        return Manifest(describe(MANIFEST, data, platform), data, facts, (layer,), (layer,))

    return image_of(map(manifest, (AMD64, ARM64)))


@pytest.fixture
def wayward(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Misbehaving]:
    monkeypatch.setattr(exchange, "PAUSE", 0.01)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with misbehaving() as state:
        yield state


def repository(address: str) -> Repository:
    place = parse(f"registry:{address}/some/app:1")
    assert isinstance(place, Repository)
    return place


def test_a_push_is_whole(small: Image, wayward: Misbehaving) -> None:
    pushed = push(small, repository(wayward.address))
    assert (pushed.sent, pushed.there) == (3, 0)
    assert wayward.manifests["1"] == small.index
    assert len(wayward.manifests) == 3
    assert wayward.seen[-1].startswith("PUT /v2/some/app/manifests/1"), "the tag is the last"
    again = push(small, repository(wayward.address))
    assert (again.sent, again.there) == (0, 3)


@pytest.mark.parametrize(
    "faults",
    [
        [("HEAD", 429), ("HEAD", 503)],
        [("POST", 500)],
        [("PUT", "half"), ("PUT", 502)],
    ],
)
def test_what_passes_is_tried_again(
    faults: list[tuple[str, int | str]], small: Image, wayward: Misbehaving
) -> None:
    wayward.faults = list(faults)
    push(small, repository(wayward.address))
    assert wayward.faults == []
    assert wayward.manifests["1"] == small.index


def test_what_does_not_pass_leaves_no_tag(small: Image, wayward: Misbehaving) -> None:
    wayward.faults = [("PUT", "half")] * exchange.ATTEMPTS
    with pytest.raises(RegistryError, match=r"answers 500|cannot be reached"):
        push(small, repository(wayward.address))
    assert wayward.manifests == {}
    push(small, repository(wayward.address))
    assert wayward.manifests["1"] == small.index


@pytest.mark.parametrize("fault", [404, 418])
def test_what_is_refused_is_no_success(fault: int, small: Image, wayward: Misbehaving) -> None:
    for known in (False, True):  # at an upload, at a manifest
        wayward.faults = [("PUT", fault)]
        wayward.blobs.update(dict.fromkeys(_blobs(small) if known else (), b""))
        with pytest.raises(RegistryError, match=f"answers {fault}"):
            push(small, repository(wayward.address))
        assert wayward.manifests == {}


def _blobs(image: Image) -> Iterator[str]:
    for manifest in image.manifests:
        data = json.loads(manifest.data)
        yield from (each["digest"] for each in (data["config"], *data["layers"]))


def test_a_login(small: Image, wayward: Misbehaving, tmp_path: Path) -> None:
    wayward.login = "T"
    with pytest.raises(DeniedError, match=f"the registry `{wayward.address}` refuses"):
        push(small, repository(wayward.address))
    assert wayward.manifests == {}
    (tmp_path / "docker").mkdir()
    logins = {"auths": {wayward.address: {"auth": "bWU6c2VjcmV0"}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(logins))
    push(small, repository(wayward.address))
    assert wayward.manifests["1"] == small.index


def test_diagnostics_name_the_registry(
    tmp_path: Path, base: Path, wayward: Misbehaving, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(output: str, below: str) -> str:
        options = ["--output", output, "--base", below, "--platform", "linux/amd64"]
        assert main(["image", str(ROOT / "distributions" / "gateway.yaml"), *options]) == 1
        return capsys.readouterr().err

    wayward.login = "T"
    denied = told(f"registry:{wayward.address}/some/app:1", f"oci:{base}")
    assert "error[registry-denied]" in denied
    assert f"docker login {wayward.address}" in denied
    nobody = told("registry:127.0.0.1:1/some/app:1", f"oci:{base}")
    assert "error[registry-failed]: the registry `127.0.0.1:1` cannot be reached" in nobody
    absent = told(f"oci:{tmp_path / 'image'}", "registry:127.0.0.1:1/some/base:1")
    assert "error[registry-failed]" in absent


@pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed")
def test_debians_registry(tmp_path: Path, base: Path) -> None:
    with docker_registry(tmp_path) as address:
        both = ("--platform", "linux/amd64", "--platform", "linux/arm64")
        place = f"registry:{address}/stacks/gateway:1"
        first, second = (image(place, f"oci:{base}", *both) for _ in range(2))
        assert first.returncode == 0, first.stderr
        assert "0 were there" in first.stdout
        assert "pushed: 0 blobs sent" in second.stdout
        folder = made(tmp_path / "image", base, *both)
        assert f"digest: {root_digest(folder)}" in first.stdout
        pulled = image(f"oci:{tmp_path / 'on-top'}", place, env=own_cache(tmp_path / "cache"))
        assert pulled.returncode == 0, pulled.stderr
        none = image(f"oci:{tmp_path / 'none'}", f"{place}-other")
        assert "error[bad-base]: there is no image" in none.stderr


def test_names() -> None:
    hub = parse("python:3.11-slim")
    assert isinstance(hub, Repository)
    assert (hub.host, hub.name, hub.tag) == ("registry-1.docker.io", "library/python", "3.11-slim")
    assert hub.url == "https://registry-1.docker.io/v2/"
    local = repository("localhost:5000")
    assert local.url == "http://localhost:5000/v2/"
    assert PYTHON in hub.tag
