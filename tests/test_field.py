"""The field: what is said of every distribution that Llama Stack 0.3.5 and OGX 1.5.0 ship.

The snapshots hold all of it. What is known of these files from elsewhere is asserted by hand.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from peers import LLAMA_STACK, OGX, distributions
from stackc.catalog import Catalog
from stackc.diagnostics.render import render
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.migrate import migrated
from stackc.pipeline import front
from syrupy.assertion import SnapshotAssertion

CATALOG = Catalog()


@dataclass(frozen=True)
class Field:
    """The peers' distributions in a folder, each as `starter/run.yaml`."""

    folder: Path
    llama_stack: tuple[str, ...]
    ogx: tuple[str, ...]

    @cache  # noqa: B019
    def said(self, peer: str, name: str) -> tuple[Diagnostic, ...]:
        """What is said of one of them."""
        return diagnostics(self.folder / peer / name)


def diagnostics(path: Path) -> tuple[Diagnostic, ...]:
    """All diagnostics of a distribution, whether or not they stop it."""
    try:
        return front(path, CATALOG).warnings
    except CompileError as error:
        return error.diagnostics


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    folder = tmp_path_factory.mktemp("field")
    return Field(
        folder,
        llama_stack=tuple(distributions(LLAMA_STACK, folder / "llama-stack")),
        ogx=tuple(distributions(OGX, folder / "ogx")),
    )


def builds(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.endswith("build.yaml")]


def runs(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if not name.endswith("build.yaml")]


def test_every_file_is_there(field: Field) -> None:
    """The repository of Llama Stack has two run files more, those of `ci-tests`, and no wheel does."""
    assert (len(runs(field.llama_stack)), len(builds(field.llama_stack))) == (13, 8)
    assert (len(runs(field.ogx)), len(builds(field.ogx))) == (8, 1)


def test_what_is_said_of_llama_stack(field: Field, snapshot: SnapshotAssertion) -> None:
    assert shown(field, "llama-stack", field.llama_stack) == snapshot


def test_what_is_said_of_ogx(field: Field, snapshot: SnapshotAssertion) -> None:
    assert shown(field, "ogx", field.ogx) == snapshot


def shown(field: Field, peer: str, names: tuple[str, ...]) -> dict[str, str]:
    """The diagnostics of each file, a line each, without the folder of this run."""
    root = f"{field.folder / peer}/"
    return {name: render(field.said(peer, name), "concise").replace(root, "") for name in names}


def lacking_files(field: Field, peer: str, names: list[str], type_: str) -> dict[str, Diagnostic]:
    """The files in which a type needs a provider of `files` that is not there."""
    return {
        name: each
        for name in names
        for each in field.said(peer, name)
        if each.code == "missing-dependency" and f"`{type_}` needs" in each.message
    }


def test_the_run_files_of_llama_stack_that_cannot_start(field: Field) -> None:
    names = runs(field.llama_stack)
    found = lacking_files(field, "llama-stack", names, "inline::rag-runtime")
    assert list(found) == [
        "dell/run-with-safety.yaml",
        "dell/run.yaml",
        "meta-reference-gpu/run-with-safety.yaml",
        "meta-reference-gpu/run.yaml",
        "open-benchmark/run.yaml",
        "postgres-demo/run.yaml",
    ]
    chain = "files <- tool_runtime/rag-runtime <- POST /v1/tool-runtime/invoke"
    assert all(any(chain in note for note in each.notes) for each in found.values())


def test_the_files_of_ogx_that_cannot_start(field: Field) -> None:
    found = lacking_files(field, "ogx", runs(field.ogx), "inline::file-search")
    assert list(found) == ["open-benchmark/config.yaml", "postgres-demo/config.yaml"]


def test_a_provider_that_replaces_another_one_and_loses_its_keys(field: Field) -> None:
    said = field.said("llama-stack", "nvidia/run-with-safety.yaml")
    assert {
        each.message for each in said if each.code in ("duplicate-provider", "unknown-key")
    } == {
        "two providers of `inference` are called `nvidia`",
        "unknown key `guardrails_service_url`",
        "unknown key `config_id`",
    }


def test_types_that_do_not_exist(field: Field) -> None:
    said = field.said("ogx", "starter/build.yaml")
    unknown = [each.primary.span.text for each in said if each.code == "unknown-provider"]
    assert unknown == [
        "remote::huggingface",
        "inline::localfs",
        "remote::brave-search",
        "remote::tavily-search",
        "inline::file-search",
        "remote::model-context-protocol",
    ]


@pytest.mark.parametrize(("peer", "others"), [("llama-stack", "starter-gpu"), ("ogx", "starter")])
def test_switches_that_are_not_read(field: Field, peer: str, others: str) -> None:
    names = field.llama_stack if peer == "llama-stack" else field.ogx
    for name in runs(names):
        told = [each.message for each in field.said(peer, name) if each.code == "unread-switch"]
        starter = name.startswith(("starter/", f"{others}/"))
        assert told == (
            [
                "`MILVUS_URL` enables `milvus`, whose config never reads it",
                "`QDRANT_URL` enables `qdrant`, whose config never reads it",
            ]
            if starter
            else []
        )


def test_removed_keys(field: Field) -> None:
    """All run files of Llama Stack have `vector_dbs`, which its schema has no more."""
    for name in runs(field.llama_stack):
        said = field.said("llama-stack", name)
        assert "`vector_dbs` is written `registered_resources.vector_stores` today" in {
            each.message for each in said
        }


def test_a_migrated_file_says_the_same(field: Field, tmp_path: Path) -> None:
    """But for the notes on its spelling, and the lines that it is said of."""
    for peer, names in (("llama-stack", field.llama_stack), ("ogx", field.ogx)):
        for name in names:
            path = tmp_path / peer / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(migrated(field.folder / peer / name, CATALOG))
            before, after = messages(field.said(peer, name)), messages(diagnostics(path))
            notes = {each for each in before if each[0] == "old-spelling"}
            assert notes
            assert after == Counter({k: n for k, n in before.items() if k not in notes}), name


def messages(said: tuple[Diagnostic, ...]) -> Counter[tuple[str, str]]:
    return Counter((each.code, each.message) for each in said)
