"""External providers: a stack of them is locked, built, checked, served and asked.

The source is `tests/external/acme`: as a folder, and as a wheel on an index of this machine.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
import pytest
from stackc.lock import parse
from stackc.virtualenv import python_of
from stacks import ROOT, Running, running, stackc

EXAMPLE = ROOT / "tests" / "external"
PYPI = "pypi:acme-stackc==1.2.0#acme_stackc/catalog"
METADATA = b"Metadata-Version: 2.1\nName: acme-stackc\nVersion: 1.2.0\nRequires-Dist: stackc\n"
REACHED = ["__init__.py", "answers.py", "base.py", "echo.py", "provider.py"]


class AcmeServer(BaseHTTPRequestHandler):
    """Acme's protocol: a text in JSON, and its answer in capitals, with the key."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("authorization")
        body = json.dumps({"text": f"{asked['text'].upper()} ({key})"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Writes nothing."""


@pytest.fixture
def acme() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), AcmeServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, with the packages of the gateway's lock where they fit."""
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "distributions/gateway.lock", tmp_path / "example/mine.lock")
    return tmp_path / "example"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return stackc(*arguments, cwd=folder, env=dict(os.environ))


def fine(folder: Path, *arguments: object) -> str:
    result = run(folder, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(folder: Path, *arguments: object) -> str:
    result = run(folder, *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def ask(stack: Running, model: str) -> tuple[str | None, str]:
    """What a model answers at once, and what it answers in a stream."""
    client = openai.OpenAI(base_url=f"{stack.url}/v1", api_key="none")
    messages = [{"role": "user", "content": "hello you"}]
    whole = client.chat.completions.create(model=model, messages=messages)  # type: ignore[arg-type]
    chunks = client.chat.completions.create(model=model, messages=messages, stream=True)  # type: ignore[arg-type]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return whole.choices[0].message.content, text


def lint(folder: Path, code: Path) -> None:
    """Types, with the external code on the path; lint and format as of any generated package."""
    environment = {**os.environ, "MYPYPATH": str(code)}
    config = ["--config", ROOT / "generated" / "ruff.toml"]
    for command in (
        ["mypy", "--strict", folder / "mine"],
        ["ruff", "check", *config, folder / "mine"],
        ["ruff", "format", "--check", *config, folder / "mine"],
    ):
        result = subprocess.run(
            [sys.executable, "-m", *map(str, command)],
            env=environment, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_folder_of_providers_serves(folder: Path, acme: str) -> None:
    fine(folder, "lock", "mine.yaml")
    assert "2 providers" in fine(folder, "check", "mine.yaml")
    fine(folder, "build", "mine.yaml")
    stack = folder / "generated" / "mine"
    assert sorted(path.name for path in (stack / "runtime/acme").iterdir()) == REACHED
    assert (stack / "runtime/stackrt/upstream.py").is_file(), "only the external code imports it"
    plan = json.loads((stack / "plan.json").read_text())
    assert [each["source"] for each in plan["providers"]] == ["file:acme", "file:acme"]
    lint(stack, stack / "runtime")
    shutil.rmtree(folder / "acme")
    python = python_of(parse((folder / "mine.lock").read_text()).packages)
    with running(stack, "mine", python=str(python), ACME_URL=acme, ACME_KEY="secret") as served:
        whole, streamed = ask(served, "acme/talker")
        assert whole == streamed == "HELLO YOU (Bearer secret)"
        assert ask(served, "echo/parrot") == ("echo: hello you", "echo:helloyou")
        with urllib.request.urlopen(f"{served.url}/v1/providers") as answer:
            told = json.load(answer)["data"]
    assert [each["provider_type"] for each in told] == ["remote::acme", "inline::echo"]
    assert told[0]["config"] == {"api_key": "********", "url": "${env.ACME_URL}"}
    assert told[0]["health"] == {"status": "OK"}


def test_the_same_again_in_another_folder(folder: Path, tmp_path: Path) -> None:
    fine(folder, "lock", "mine.yaml")
    fine(folder, "build", "mine.yaml")
    fine(folder, "build", "--check", "mine.yaml")
    shutil.copytree(folder, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("generated"))
    fine(tmp_path, "build", "elsewhere/mine.yaml")
    first = contents(folder / "generated" / "mine")
    assert contents(tmp_path / "generated" / "mine") == first
    lock = (folder / "mine.lock").read_bytes()
    fine(folder, "lock", "mine.yaml")
    assert (folder / "mine.lock").read_bytes() == lock


@pytest.mark.parametrize("file", ["acme/answers.py", "providers/inference/inline__echo.yaml"])
def test_what_changes_makes_the_lock_stale(folder: Path, file: str) -> None:
    fine(folder, "lock", "mine.yaml")
    path = folder / "acme" / file
    path.write_text(path.read_text() + "# changed\n")
    for command in ("check", "build"):
        told = refused(folder, command, "mine.yaml")
        assert "error[stale-lock]" in told
        assert f"changed since then: `{file}` of `file:acme`" in told
        assert "run `stackc lock mine.yaml`" in told
    (folder / "acme/acme/unused.py").write_text("")
    fine(folder, "lock", "mine.yaml")
    fine(folder, "check", "mine.yaml")


def test_the_folder_is_relative_to_the_file_that_names_it(folder: Path) -> None:
    (folder / "over").mkdir()
    overlay = "extends: ../mine.yaml\nimage_name: other\nserver: {port: 9000}\n"
    (folder / "over" / "other.yaml").write_text(overlay)
    shutil.move(folder / "mine.lock", folder / "over" / "other.lock")
    fine(folder, "lock", "over/other.yaml")
    fine(folder / "over", "check", "other.yaml")


def test_questions_about_it(folder: Path) -> None:
    fine(folder, "lock", "mine.yaml")
    told = fine(folder, "why", "mine.yaml", "acme.answers")
    assert "acme.provider imports it" in told
    assert "remote::acme (provider `acme`) is made of it" in told
    assert "acme.provider imports it" in fine(folder, "why", "mine.yaml", "stackrt.upstream")
    assert "url: ${env.ACME_URL}" in fine(folder, "migrate", "mine.yaml", "--output", "-")


def wheel(folder: Path, changed: bytes = b"") -> Path:
    """A wheel of the example, whose catalog stands in a package of its own."""
    info = "acme_stackc-1.2.0.dist-info"
    members = {
        f"{info}/METADATA": METADATA,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "acme_stackc/py.typed": b"",
    }
    for path, data in contents(EXAMPLE / "acme").items():
        if path.startswith("providers/"):
            text = data.replace(b"class: acme.", b"class: acme_stackc.") + changed
            members[f"acme_stackc/catalog/{path}"] = text
        elif not path.endswith("unused.py"):
            text = data.replace(b"from acme", b"from acme_stackc")
            members[path.replace("acme/", "acme_stackc/", 1)] = text
    rows = (f"{path},{_digest(data)},{len(data)}\n" for path, data in members.items())
    members[f"{info}/RECORD"] = "".join((*rows, f"{info}/RECORD,,\n")).encode()
    folder.mkdir(exist_ok=True)
    made = folder / "acme_stackc-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return made


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


@pytest.fixture
def packed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example with its providers in a wheel, which pip and uv find beside their indexes."""
    links = tmp_path / "links"
    wheel(links)
    known = [each for each in [os.environ.get("PIP_FIND_LINKS")] if each]
    monkeypatch.setenv("PIP_FIND_LINKS", " ".join([*known, str(links)]))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(links))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    text = (folder / "mine.yaml").read_text().replace("file:acme", PYPI)
    (folder / "mine.yaml").write_text(text)
    shutil.rmtree(folder / "acme")
    return folder


@contextmanager
def own_cache(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv("STACKC_CACHE", str(cache))
        yield


def test_a_package_of_providers_serves(
    packed: Path, acme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))
    (packed / "mine.lock").rename(packed / "gateway.lock")
    told = refused(packed, "check", "mine.yaml")
    assert "error[missing-lock]" in told and "1 error\n" in told
    (packed / "gateway.lock").rename(packed / "mine.lock")
    fine(packed, "lock", "mine.yaml")
    lock = parse((packed / "mine.lock").read_text())
    (source,) = lock.external_providers
    assert source.source == PYPI
    assert [file.path.rpartition("/")[2] for file in source.files] == [
        "inline__echo.yaml",
        "remote__acme.yaml",
    ]
    (package,) = (each for each in lock.packages if each.name == "acme-stackc")
    wanted = hashlib.sha256((tmp_path / "links" / wheel_name()).read_bytes()).hexdigest()
    assert package.hashes == (f"sha256:{wanted}",)
    fine(packed, "check", "mine.yaml")
    fine(packed, "build", "mine.yaml")
    fine(packed, "build", "--check", "mine.yaml")
    stack = packed / "generated" / "mine"
    assert wheel_name() in [path.name for path in (stack / "wheels").iterdir()]
    assert not (stack / "runtime/acme_stackc").exists(), "it is installed instead"
    python = python_of(lock.packages)
    lint(stack, unpacked(tmp_path))
    with running(stack, "mine", python=str(python), ACME_URL=acme) as served:
        assert ask(served, "acme/talker")[0] == "HELLO YOU (None)"
        assert ask(served, "echo/parrot")[0] == "echo: hello you"


def wheel_name() -> str:
    return "acme_stackc-1.2.0-py3-none-any.whl"


def unpacked(folder: Path) -> Path:
    """The wheel's modules, and the runtime library, for the type checker."""
    with zipfile.ZipFile(folder / "links" / wheel_name()) as archive:
        archive.extractall(folder / "unpacked")
    shutil.copytree(ROOT / "runtime" / "stackrt", folder / "unpacked" / "stackrt")
    return folder / "unpacked"


def test_a_package_is_read_as_the_lock_pins_it(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_cache(monkeypatch, tmp_path / "cache"):
        fine(packed, "lock", "mine.yaml")
    links = tmp_path / "links"
    (links / wheel_name()).unlink()
    with own_cache(monkeypatch, tmp_path / "cache"):  # which has the files
        fine(packed, "check", "mine.yaml")
    with own_cache(monkeypatch, tmp_path / "other"):
        assert "error[fetch-failed]" in refused(packed, "check", "mine.yaml")
        wheel(links, changed=b"# changed\n")
        told = refused(packed, "check", "mine.yaml")
        assert "error[checksum-mismatch]" in told
        assert "`providers/inference/inline__echo.yaml` is not the file that the lock pins" in told
        wheel(links)
        fine(packed, "check", "mine.yaml")


def test_the_class_of_a_package_must_be_in_it(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "links" / wheel_name()
    _rewrite(path, b"acme_stackc.echo:Route", b"acme_stackc.echo:Rotue")
    fine(packed, "lock", "mine.yaml")
    told = refused(packed, "build", "mine.yaml")
    assert "no package that the provider type declares has `acme_stackc.echo:Rotue`" in told


def _rewrite(path: Path, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).replace(old, new) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)


def test_another_version_of_the_package_is_told(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "links" / wheel_name()
    _rewrite(path, b'["aiohttp>=3.12,<4"]', b'["aiohttp>=3.12,<4", "Acme_StackC>=2"]')
    told = refused(packed, "lock", "mine.yaml")
    assert "error[bad-catalog-entry]: `Acme_StackC>=2` is another version" in told
    assert f"--> {PYPI}/providers/inference/remote__acme.yaml:" in told


def test_an_undeclared_package_is_told_with_the_one_that_has_it(folder: Path) -> None:
    echo = folder / "acme/acme/echo.py"
    echo.write_text(echo.read_text().replace("from .answers", "import yarl\n\nfrom .answers"))
    fine(folder, "lock", "mine.yaml")
    told = refused(folder, "build", "mine.yaml")
    assert "error[undeclared-package]: this imports `yarl`" in told
    assert "add `yarl` to `packages`" in told


def test_a_file_is_enough_for_a_class_of_ours(folder: Path) -> None:
    shutil.rmtree(folder / "acme")
    path = folder / "acme/providers/inference/remote__hosted.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(HOSTED)
    text = "version: 2\nimage_name: mine\nexternal_providers: ['file:acme']\nproviders:\n"
    provider = "  inference: [{provider_id: hosted, provider_type: 'remote::hosted'}]\n"
    (folder / "mine.yaml").write_text(text + provider)
    fine(folder, "lock", "mine.yaml")
    told = refused(folder, "build", "mine.yaml")
    assert "`stackrt.providers.inference.openai`, which imports `aiohttp`" in told
    path.write_text(f"{HOSTED}packages: ['aiohttp>=3.12,<4']\n")
    fine(folder, "lock", "mine.yaml")
    fine(folder, "build", "mine.yaml")
    lint(folder / "generated" / "mine", folder / "generated" / "mine" / "runtime")


HOSTED = """
type: remote::hosted
api: inference
summary: A server that speaks OpenAI's API.
class: stackrt.providers.inference.openai:OpenAICompatible
arguments: {base_url: "{url}"}
models: {open: true}
config:
  type: object
  additionalProperties: false
  properties:
    url: {type: string, default: "http://localhost:8000/v1"}
"""
