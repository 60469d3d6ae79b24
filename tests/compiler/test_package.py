"""Packaging: the folder is the old one or the new one, whole, whatever happens in between."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stackc import package as packaging
from stackc.package import WriteError, differences, package

OLD = {"app/app.py": b"old\n", "README.md": b"old\n", "plan.json": b"[]\n"}
NEW = {"app/app.py": b"new\n", "plan.json": b"{}\n"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.parent.iterdir() if path != folder]


def test_replaces_the_whole_folder(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"weights")
    folder = tmp_path / "generated" / "app"
    package(folder, OLD, {})
    package(folder, NEW, {"models/m/model.onnx": big})
    assert contents(folder) == {**NEW, "models/m/model.onnx": b"weights"}
    assert leftovers(folder) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("dear")
    with pytest.raises(WriteError, match="something that no build has made"):
        package(tmp_path / "letters", NEW, {})
    assert contents(tmp_path / "letters") == {"one.txt": b"dear"}
    assert leftovers(tmp_path / "letters") == []


def test_big_files_take_no_space(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"weights")
    package(tmp_path / "generated" / "app", {}, {"models/big": big})
    assert (tmp_path / "generated" / "app" / "models" / "big").stat().st_ino == big.stat().st_ino


def test_links_become_copies_across_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    big = tmp_path / "big"
    big.write_bytes(b"weights")
    package(tmp_path / "out", {}, {"big": big})
    assert (tmp_path / "out" / "big").read_bytes() == b"weights"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_failure_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    folder = tmp_path / "generated" / "app"
    package(folder, OLD, {})

    def fail(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(packaging, "link", fail)
    with pytest.raises(WriteError) as raised:
        package(folder, NEW, {"models/big": tmp_path})
    assert raised.value.errno == code
    assert contents(folder) == OLD
    assert leftovers(folder) == []


def test_without_an_exchange_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "_exchange", lambda one, other: False)
    folder = tmp_path / "generated" / "app"
    package(folder, OLD, {})
    package(folder, NEW, {})
    assert contents(folder) == NEW
    assert leftovers(folder) == []


BUILDER = """
import sys
from pathlib import Path
from stackc.package import package
folder = Path(sys.argv[1])
print("ready", flush=True)
for turn in range(100_000):
    text = b"%d" % (turn % 2)
    package(folder, {"plan.json": text} | {f"f{number}.txt": text for number in range(39)}, {})
"""


@pytest.mark.parametrize("milliseconds", [3, 11, 23, 37, 53, 71])
def test_kill_at_any_moment(tmp_path: Path, milliseconds: int) -> None:
    folder = tmp_path / "generated" / "app"
    package(folder, {"plan.json": b"0"} | {f"f{number}.txt": b"0" for number in range(39)}, {})
    command = [sys.executable, "-c", BUILDER, str(folder)]
    builder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert builder.stdout
    builder.stdout.readline()
    time.sleep(milliseconds / 1000)
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    found = contents(folder)
    assert len(found) == 40
    assert len(set(found.values())) == 1
    package(folder, NEW, {})
    assert contents(folder) == NEW
    assert leftovers(folder) == [], "the next build removes what the killed one left"


def test_differences(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    package(folder, OLD, {})
    (folder / "runtime").mkdir()
    (folder / "runtime" / "not-reviewed.py").write_text("")
    assert differences(folder, OLD) == []
    assert differences(folder, NEW) == [
        f"differs: {folder}/app/app.py",
        f"differs: {folder}/plan.json",
        f"stray: {folder}/README.md",
    ]
