"""The distributions that the peers ship, from their wheels, as data: nothing of them is installed."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from stackc.cache import cache_dir


@dataclass(frozen=True)
class Peer:
    """A peer's wheel: the package that it holds, its requirement, and what it must hash to."""

    package: str
    requirement: str
    sha256: str

    @property
    def wheel(self) -> Path:
        """Where the wheel is kept between runs, by its hash."""
        return cache_dir() / "peers" / f"{self.sha256}.whl"


LLAMA_STACK = Peer(
    "llama_stack",
    "llama-stack==0.3.5",
    "93097409c65108e429fc3dda2f246ef4e8d0b07314a32865e941680e537ec366",
)
OGX = Peer(
    "ogx",
    "ogx==1.5.0",
    "8812a6f2ed353cb0fc6474956e5b0050cc221633ee2f0b184942c132edb46a78",
)


def distributions(peer: Peer, folder: Path) -> list[str]:
    """Unpacks the YAML files of a peer's distributions; returns them as `starter/run.yaml`."""
    _fetch(peer)
    root = f"{peer.package}/distributions/"
    return sorted(name.removeprefix(root) for name in _unpack(peer.wheel, root, folder))


def _unpack(wheel: Path, root: str, folder: Path) -> Iterator[str]:
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(root) and name.endswith(".yaml"):
                path = folder / name.removeprefix(root)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
                yield name


def _fetch(peer: Peer) -> None:
    """Downloads a wheel that the cache lacks."""
    if peer.wheel.is_file():
        return
    peer.wheel.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=peer.wheel.parent) as folder:
        _download(peer.requirement, Path(folder))
        (found,) = Path(folder).glob("*.whl")
        assert sha256(found.read_bytes()).hexdigest() == peer.sha256, found.name
        shutil.move(found, peer.wheel)


def _download(requirement: str, folder: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", "--python-version=3.12", "--disable-pip-version-check"),
            *("--dest", str(folder), requirement),
        ],
        check=True,
    )
