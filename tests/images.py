"""A base image of this machine's CPython, and images unpacked, for the tests that make images."""

import gzip
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import deflate
from stackc.image.oci import CONFIG, INDEX, LAYER, MANIFEST, Platform, describe, encoded
from stackc.image.oci import digest_of as digest
from stackc.image.tar import Entry, write
from stackc.requirements import PYTHON

HERE = ".".join(map(str, sys.version_info[:2]))
IS_IMAGE_PYTHON = HERE == PYTHON
"""Whether this interpreter can be the one of an image."""


def base(folder: Path) -> Path:
    """An image in the OCI layout: this interpreter under /usr/local, and the libraries it loads."""
    layer = BytesIO()
    write(_interpreter(), layer, lambda done, whole: None)
    return layout(folder, {"linux/amd64": layer.getvalue()})


def layout(folder: Path, layers: dict[str, bytes], **config: Any) -> Path:
    """An image in the OCI layout with one layer for each platform."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifests = []
    for name, tar in layers.items():
        platform = Platform(*name.split("/"))
        packed = deflate.gzip_compress(tar, 1)
        facts = {
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {"Env": [f"PATH={PATH}", f"PYTHON_VERSION={PYTHON}.7"], **config},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(CONFIG, encoded(facts)).as_json(),
            "layers": [describe(LAYER, packed).as_json()],
        }
        for data in (packed, encoded(facts), encoded(manifest)):
            (blobs / digest(data)[7:]).write_bytes(data)
        manifests.append(describe(MANIFEST, encoded(manifest), platform).as_json())
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    (folder / "index.json").write_bytes(encoded(index))
    (folder / "oci-layout").write_bytes(encoded({"imageLayoutVersion": "1.0.0"}))
    return folder


PATH = "/usr/local/bin:/usr/bin:/bin"
USUAL = r"stdc\+\+|gcc_s|rt|dl|pthread|util|resolv|nss_files|nss_dns"
LEFT_OUT = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests"}


def _interpreter() -> Iterator[Entry]:
    prefix = Path(sys.base_prefix)
    python = (prefix / "bin" / f"python{HERE}").resolve()
    for name in ("python", "python3", f"python{HERE}"):
        yield Entry(f"usr/local/bin/{name}", python, True)
    standard = prefix / "lib" / f"python{HERE}"
    for path in standard.rglob("*"):
        parts = path.relative_to(standard).parts
        if path.is_file() and not LEFT_OUT & {*parts} and not parts[0].startswith("config-"):
            yield Entry(f"usr/local/lib/python{HERE}/{'/'.join(parts)}", path)
    for library in _libraries([python, *standard.glob("lib-dynload/*.so")]):
        yield Entry(library.lstrip("/"), Path(library).resolve(), True)
    yield Entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    yield Entry("tmp/.keep", b"")


def _libraries(programs: list[Path]) -> list[str]:
    """What the dynamic linker loads for programs, and what wheels expect of any Debian."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True).stdout
    usual = re.findall(rf"(?m)/\S+/lib(?:{USUAL})\.so\.\d+$", _cache())
    return sorted({*re.findall(r"(?m)(?:=> |^\t)(/\S+) \(0x", told), *usual})


def _cache() -> str:
    return subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout


def blob(folder: Path, descriptor: Any) -> bytes:
    """A blob of a layout, found to be what its descriptor says."""
    data = (folder / "blobs" / "sha256" / descriptor["digest"][7:]).read_bytes()
    assert digest(data) == descriptor["digest"]
    assert len(data) == descriptor["size"]
    return data


def manifests(folder: Path) -> list[Any]:
    """The manifests of a layout, those of an index one by one."""
    (root,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    found = json.loads(blob(folder, root))
    if root["mediaType"] == MANIFEST:
        return [found]
    assert root["mediaType"] == INDEX
    return [json.loads(blob(folder, each)) for each in found["manifests"]]


def tars(folder: Path, manifest: Any) -> list[bytes]:
    """The layers of a manifest, unpacked, found to be what the config says."""
    config = json.loads(blob(folder, manifest["config"]))
    layers = [gzip.decompress(blob(folder, each)) for each in manifest["layers"]]
    assert [digest(layer) for layer in layers] == config["rootfs"]["diff_ids"]
    return layers


def unpacked(folder: Path, root: Path) -> Path:
    """A root file system with all layers of the only manifest of a layout."""
    (manifest,) = manifests(folder)
    for layer in tars(folder, manifest):
        with tarfile.open(fileobj=BytesIO(layer)) as tar:
            tar.extractall(root, filter="fully_trusted")
    (root / "dev" / "shm").mkdir(parents=True)
    (root / "dev" / "shm").chmod(0o1777)
    # Nodes of its own, no mount: removing the folder then touches nothing else.
    for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
        os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)
    return root
