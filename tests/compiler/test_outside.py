"""What fails outside the distribution, where no case can reach: uv, and what it says."""

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from stackc import pipeline
from stackc.catalog import Catalog
from stackc.check import check
from stackc.commands import run
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.load import read
from stackc.lock import Package
from stackc.locking import write_lock
from stackc.resolve import resolve
from stackc.source import Source, Span

NOWHERE = "nothing @ file:///nowhere/nothing-1-py3-none-any.whl"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKC_CACHE", str(tmp_path / "cache"))


def only(caught: pytest.ExceptionInfo[CompileError]) -> Diagnostic:
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_packages_that_cannot_be_resolved(tmp_path: Path) -> None:
    class Impossible(Catalog):
        base_packages = (NOWHERE,)

    path = tmp_path / "example.yaml"
    path.with_suffix(".lock").write_text("what was there")
    text = "version: 2\nimage_name: example\nproviders: {}\n"
    stack = resolve(check(read(path, text), Catalog()), Impossible())
    with pytest.raises(CompileError) as caught:
        write_lock(stack, upgrade=False)
    assert only(caught).code == "lock-failed"
    assert only(caught).notes
    assert path.with_suffix(".lock").read_text() == "what was there"


def test_an_environment_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Span.start_of(Source(Path("example.yaml"), "version: 2\n"))
    lock = SimpleNamespace(packages=(Package(NOWHERE, ("sha256:" + "0" * 64,)),))
    built = SimpleNamespace(plan=SimpleNamespace(lock=lock, place=place, warnings=()))
    monkeypatch.setattr(pipeline, "build", lambda *_: built)
    options = Namespace(
        distribution=Path("example.yaml"), out=None, host=None, port=None, format="human"
    )
    with pytest.raises(CompileError) as caught:
        run.run(options)
    assert only(caught).code == "environment-failed"
    assert only(caught).notes
    assert not list((tmp_path / "cache").glob("environments/[!.]*"))
