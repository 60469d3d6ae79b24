"""A real engine runs the image that `stackc image` makes: locked down, healthy, ending well."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import images
import pytest
from stacks import stackc

TOOLS = ("podman", "runc")

CONF = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"

[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""

ASK = """
import json, sys, urllib.request
path, body = sys.argv[1], sys.argv[2].encode() or None
request = urllib.request.Request("http://127.0.0.1:8321/v1/" + path, body)
request.add_header("Content-Type", "application/json")
with urllib.request.urlopen(request, timeout=120) as answer:
    for line in answer:
        print(line.decode(), end="", flush=True)
"""
"""Asks from inside: the container has no network but its loopback."""


@pytest.fixture(scope="module")
def tools() -> None:
    """Podman and runc: installed in CI, where a proof that is not run is a failure."""
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=PROGRAMS)]
    if missing and os.environ.get("CI"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", *missing], check=True)
    elif missing:
        pytest.skip(f"needs {', '.join(missing)}: apt-get install {' '.join(missing)}")
    if not images.IS_IMAGE_PYTHON or os.geteuid() != 0:
        pytest.skip("needs root, and the Python of the image for its base")


PROGRAMS = f"{os.environ['PATH']}:/usr/sbin:/sbin"


class Podman:
    """Podman with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        (folder / "containers.conf").write_text(CONF)
        self._options = [f"--root={folder}/root", f"--runroot={folder}/run"]
        self._options += ["--storage-driver=vfs", f"--tmpdir={folder}/tmp"]
        self._environment = {
            **os.environ,
            "PATH": PROGRAMS,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        command = ["podman", *self._options, *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __call__(self, *arguments: str) -> str:
        """A command that must succeed; what it prints."""
        result = subprocess.run(
            ["podman", *self._options, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=170,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


@pytest.fixture
def podman(tools: None) -> Iterator[Podman]:
    """Podman, whose folders must have short names, and which leaves nothing."""
    folder = Path(tempfile.mkdtemp(prefix="pod-", dir="/tmp"))
    podman = Podman(folder)
    try:
        yield podman
    finally:
        podman("rm", "--all", "--force", "--time=1")
        mounts = Path("/proc/mounts").read_text()
        for line in reversed(mounts.splitlines()):
            if (place := line.split()[1]).startswith(f"{folder}/"):
                subprocess.run(["umount", place], check=True)
        assert str(folder) not in Path("/proc/mounts").read_text(), "it may be more than ours"
        shutil.rmtree(folder)


@contextmanager
def container(podman: Podman, image: str) -> Iterator[str]:
    """The image, not root, read-only, without capabilities and without a network."""
    locked = ["--read-only", "--cap-drop=all", "--network=none", "--security-opt=no-new-privileges"]
    name = podman("run", "--detach", *locked, image)
    try:
        yield name
    finally:
        podman("rm", "--force", "--time=1", name)


def ask(path: str, body: object = None) -> tuple[str, ...]:
    """The command that asks the stack from inside."""
    return "python", "-c", ASK, path, json.dumps(body) if body else ""


def wait_until_healthy(podman: Podman, name: str) -> None:
    """Without systemd nothing runs the health check by itself."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if podman.start("healthcheck", "run", name).wait() == 0:
            return
        time.sleep(0.5)
    raise AssertionError(podman("logs", name))


def test_the_starter_in_podman(podman: Podman, tmp_path: Path) -> None:
    base, archive = images.base(tmp_path / "base"), tmp_path / "starter.tar"
    where = (f"--base=oci:{base}", f"--output=docker-archive:{archive}", "--platform=linux/amd64")
    made = stackc("image", "distributions/starter.yaml", *where)
    assert made.returncode == 0, made.stderr
    podman("load", "--input", str(archive))
    image = "localhost/starter:latest"
    with container(podman, image) as name:
        wait_until_healthy(podman, name)
        assert podman("inspect", "--format={{.State.Health.Status}}", name) == "healthy"
        assert podman("exec", name, "python", "-c", "import os; print(os.getuid())") == "10001"
        assert json.loads(podman("exec", name, *ask("health"))) == {"status": "OK"}
        embedding = {"model": "onnx/all-minilm-l6-v2", "input": "a text"}
        answer = json.loads(podman("exec", name, *ask("embeddings", embedding)))
        assert len(answer["data"][0]["embedding"]) == 384
        chat = {
            "model": "onnx/smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Count from one to twenty."}],
            "max_tokens": 60,
            "temperature": 0,
        }
        whole = json.loads(podman("exec", name, *ask("chat/completions", chat)))
        text = whole["choices"][0]["message"]["content"]
        assert text
        stream = podman.start("exec", name, *ask("chat/completions", {**chat, "stream": True}))
        assert stream.stdout
        first = stream.stdout.readline()
        assert first.startswith("data: ")
        podman("kill", "--signal=TERM", name)
        events = [line for line in (first, *stream.stdout) if line.startswith("data: ")]
        assert events[-1].strip() == "data: [DONE]", "a running stream is finished"
        stream.wait(30)
        assert podman("wait", name) == "0"
        parts = (json.loads(event[6:])["choices"][0]["delta"] for event in events[:-1])
        assert "".join(part.get("content") or "" for part in parts) == text
