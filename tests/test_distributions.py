"""The distributions that wait for planned parts, and have no other fault."""

import pytest
from stackc.catalog import Catalog
from stackc.diagnostics.render import concise
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.pipeline import front
from stacks import DISTRIBUTIONS, PLANNED, ROOT
from syrupy.assertion import SnapshotAssertion


def diagnostics(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Diagnostic, ...]:
    monkeypatch.chdir(ROOT)
    path = (ROOT / "distributions" / f"{name}.yaml").relative_to(ROOT)
    with pytest.raises(CompileError) as caught:
        front(path, Catalog())
    return caught.value.diagnostics


def test_there_are_those_of_the_field() -> None:
    assert {"gateway", "starter", "starter-gpu"} <= set(DISTRIBUTIONS)
    field = {"meta-reference-gpu", "nvidia", "open-benchmark", "postgres-demo", "watsonx"}
    assert field <= {*DISTRIBUTIONS, *PLANNED}


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_planned(
    name: str, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    """Exactly the parts that are not built yet; a distribution without any needs a lock instead."""
    found = diagnostics(name, monkeypatch)
    assert {each.code for each in found} == {"not-yet-supported"}
    assert "".join(f"{concise(each)}\n" for each in found) == snapshot
