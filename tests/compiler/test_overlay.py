"""Overlays: what a distribution over another one comes to, value by value and place by place."""

from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.diagnostics.render import render
from stackc.diagnostics.report import CompileError
from stackc.load import load
from stackc.overlay import extended
from stackc.tree import Document, Mapping, Sequence, plain

CATALOG = Catalog()

BASE = """
version: 2
image_name: base
apis: [inference, files]
providers:
  inference:
  - provider_id: ${env.OPENAI_API_KEY:+openai}
    provider_type: remote::openai
    config:
      base_url: https://example.com/v1
      allowed_models: [one, two]
  - provider_id: vllm
    provider_type: remote::vllm
registered_resources:
  models:
  - {model_id: small, provider_id: openai, source: "file:models/small.gguf"}
  - {model_id: small, provider_id: vllm}
  - {model_id: large, provider_id: vllm}
server:
  port: 8321
"""


def over(tmp_path: Path, overlay: str, base: str = BASE, name: str = "base.yaml") -> Document:
    """The document of an overlay over a base."""
    path = tmp_path / "over" / "distribution.yaml"
    for file, text in ((path, f"extends: {name}\n{overlay}"), (path.parent / name, base)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return extended(load(path), CATALOG)


def models(document: Document) -> list[tuple[str, str]]:
    found = plain(document.root)["registered_resources"]["models"]
    return [(each["model_id"], each.get("provider_id")) for each in found]


def inference(document: Document) -> list[dict[str, object]]:
    found: list[dict[str, object]] = plain(document.root)["providers"]["inference"]
    return found


def test_an_overlay_of_nothing_changes_nothing(tmp_path: Path) -> None:
    alone = tmp_path / "alone.yaml"
    alone.write_text(BASE)
    assert plain(over(tmp_path, "").root) == plain(extended(load(alone), CATALOG).root)


def test_mappings_are_merged_and_lists_replaced(tmp_path: Path) -> None:
    found = plain(over(tmp_path, "apis: [inference]\nserver: {host: here}").root)
    assert found["apis"] == ["inference"]
    assert found["server"] == {"port": 8321, "host": "here"}


@pytest.mark.parametrize("nothing", ["server:", "server: null", "server: ~"])
def test_no_value_removes_a_key(nothing: str, tmp_path: Path) -> None:
    assert "server" not in plain(over(tmp_path, nothing).root)


def test_an_empty_list_takes_the_place_of_a_list_with_ids(tmp_path: Path) -> None:
    assert models(over(tmp_path, "registered_resources: {models: []}")) == []


def test_a_provider_is_found_by_its_id_and_stays_switched(tmp_path: Path) -> None:
    overlay = "providers: {inference: [{provider_id: openai, config: {read_timeout: 5}}]}"
    first, second = inference(over(tmp_path, overlay))
    assert str(first["provider_id"]) == "${env.OPENAI_API_KEY:+openai}"
    assert first["config"] == {
        "base_url": "https://example.com/v1",
        "allowed_models": ["one", "two"],
        "read_timeout": 5,
    }
    assert second["provider_id"] == "vllm"


def test_an_overlay_can_switch_a_provider(tmp_path: Path) -> None:
    overlay = "providers: {inference: [{provider_id: '${env.VLLM_URL:+vllm}'}]}"
    assert str(inference(over(tmp_path, overlay))[1]["provider_id"]) == "${env.VLLM_URL:+vllm}"


@pytest.mark.parametrize(
    ("overlay", "wanted"),
    [
        ("{model_id: small, remove: true}", [("large", "vllm")]),
        (
            "{model_id: small, provider_id: vllm, remove: true}",
            [("small", "openai"), ("large", "vllm")],
        ),
        (
            "{model_id: large, provider_id: openai}",
            [("small", "openai"), ("small", "vllm"), ("large", "openai")],
        ),
        (
            "{model_id: small, provider_id: vllm, model_type: llm}",
            [("small", "openai"), ("small", "vllm"), ("large", "vllm")],
        ),
        (
            "{model_id: small, provider_id: third}",
            [("small", "openai"), ("small", "vllm"), ("large", "vllm"), ("small", "third")],
        ),
    ],
)
def test_models_of_one_id_are_told_apart_by_their_providers(
    overlay: str, wanted: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = f"registered_resources: {{models: [{overlay}]}}"
    assert models(over(tmp_path, text)) == wanted


def test_an_id_that_stands_twice_in_an_overlay_is_not_merged_into_itself(tmp_path: Path) -> None:
    twice = "[{model_id: new, provider_id: vllm}, {model_id: new, provider_id: vllm}]"
    found = models(over(tmp_path, f"registered_resources: {{models: {twice}}}"))
    assert found[3:] == [("new", "vllm"), ("new", "vllm")]


def test_every_value_keeps_the_place_where_it_was_written(tmp_path: Path) -> None:
    root = over(tmp_path, "server: {host: here}").root
    server = root.get("server")
    assert isinstance(server, Mapping)
    port, host = server.get("port"), server.get("host")
    assert port and host
    assert (port.span.source.path.name, port.span.line) == ("base.yaml", 20)
    assert (host.span.source.path.name, host.span.line) == ("distribution.yaml", 2)


def test_the_files_of_a_base_count_from_its_own_folder(tmp_path: Path) -> None:
    document = over(tmp_path, "", name="../bases/base.yaml")
    small = plain(document.root)["registered_resources"]["models"][0]
    assert small["source"] == "file:../bases/models/small.gguf"


def test_inline_databases_of_two_files_stay_two(tmp_path: Path) -> None:
    store = "{type: sqlite, db_path: %s.db}"
    files = "providers: {files: [{provider_id: %s, provider_type: inline::localfs, config: {%s}}]}"
    first = files % ("first", "metadata_store: " + store % "first")
    second = files % ("second", "metadata_store: " + store % "second")
    found = plain(over(tmp_path, second, base=f"version: 2\n{first}").root)
    backends = found["storage"]["backends"]
    kept = [each["config"]["metadata_store"]["backend"] for each in found["providers"]["files"]]
    assert [backends[name]["db_path"] for name in kept] == ["first.db", "second.db"]


def test_an_alias_that_stands_in_an_overlay_is_of_the_type_in_the_base(tmp_path: Path) -> None:
    overlay = "providers: {inference: [{provider_id: vllm, config: {base_url: http://here/v1}}]}"
    assert inference(over(tmp_path, overlay))[1]["config"] == {"url": "http://here/v1"}


def test_a_folder_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "distribution.yaml").write_text("extends: .\n")
    with pytest.raises(CompileError) as caught:
        extended(load(tmp_path / "distribution.yaml"), CATALOG)
    assert "unreadable-file" in render(caught.value.diagnostics, "concise")


def test_a_list_of_values_without_ids_is_not_merged(tmp_path: Path) -> None:
    root = over(tmp_path, "providers: {inference: [{config: {}}]}").root
    providers = root.get("providers")
    assert isinstance(providers, Mapping)
    listed = providers.get("inference")
    assert isinstance(listed, Sequence)
    assert len(listed.items) == 1
