"""`stackc why`: every kind of thing, the shortest chains, and what is said of what is not there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from stackc.cli import main
from stackc.commands.arguments import FINE, USAGE
from stackc.reasons.chains import Links, chains
from stackc.reasons.reason import Answer, Reason, text

ROOT = Path(__file__).parent.parent.parent
STARTER = "distributions/starter.yaml"


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The answer about something of the starter."""
    assert main(["why", STARTER, *words]) == FINE
    out, err = capsys.readouterr()
    assert err == ""
    return out


def place(text: str, more: int = 0) -> str:
    """The place of a line of the starter, or of one some lines below."""
    lines = (ROOT / STARTER).read_text().splitlines()
    line = next(number for number, each in enumerate(lines, 1) if text in each) + more
    return f"({STARTER}:{line})"


def imports() -> str:
    """The reasons of what the remote providers import."""
    ids = {"openai": ":+openai", "ollama": ":+ollama", "vllm": ":+vllm"}
    return "".join(
        f"     <- remote::{id_} (provider `{id_}`) imports it {place(written)}\n"
        for id_, written in ids.items()
    )


def test_a_package(capsys: pytest.CaptureFixture[str]) -> None:
    told, rest = asked(capsys, "Multidict").split("\n", 1)
    assert told.startswith("multidict ") and told.endswith(" is in the stack")
    assert rest == f"  <- aiohttp requires it\n{imports()}"


def test_a_package_that_every_stack_imports_and_others_ask_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = asked(capsys, "Typing_Extensions")
    assert told.partition("\n")[2] == (
        f"  <- every stack imports it\n  <- aiohttp requires it\n{imports()}"
    )


def test_a_package_with_two_versions(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "numpy")
    assert told.count("numpy") == 1
    assert told.count(" ; python_full_version ") == 2
    assert f"<- inline::onnx (provider `onnx`) imports it {place('provider_id: onnx')}" in told


def test_a_package_that_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "protobuf")
    assert told.startswith("protobuf is left out\n  <- inline::onnx (provider `onnx`) never ")


@pytest.mark.parametrize("words", [("GET", "/v1/models"), ("GET /v1/models",), ("/v1/models",)])
def test_a_route(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, *words) == (
        "GET /v1/models is in the stack\n"
        "  <- the API `models` has it\n"
        "     <- the API `inference` implies it\n"
        f"        <- `apis` names it {place('- inference')}\n"
    )


def test_another_path_of_a_route(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "post", "/v1/openai/v1/embeddings")
    assert "as another path of POST /v1/embeddings" in told


def test_a_route_with_a_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    """As OpenAPI documents write it, without what the parameter takes."""
    assert "GET /v1/models/{model_id:path} is" in asked(capsys, "/v1/models/{model_id}")


@pytest.mark.parametrize("word", ["openai", "inference/openai", "remote::openai"])
def test_a_provider(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, word) == (
        "the provider inference/openai (remote::openai) is in the stack "
        "where OPENAI_API_KEY is set\n"
        f"  <- `providers` declares it {place(':+openai')}\n"
        "  <- the API `inference` stands on it\n"
        f"     <- `apis` names it {place('- inference')}\n"
    )


def test_a_provider_that_models_are_bound_to(capsys: pytest.CaptureFixture[str]) -> None:
    model = "model_id: all-minilm-l6-v2"
    assert f"the model `all-minilm-l6-v2` is bound to it {place(model)}" in asked(capsys, "onnx")


@pytest.mark.parametrize("word", ["all-minilm-l6-v2", "onnx/all-minilm-l6-v2"])
def test_a_model(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, word)
    assert told.startswith("the model onnx/all-minilm-l6-v2 (embedding, int8, from pypi:")
    chooser = place("strategy: embedding", 1)
    assert f"the model `smollm2-135m-instruct` has it choose its tools {chooser}" in told


def test_a_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "OPENAI_API_KEY") == (
        "OPENAI_API_KEY is read when the stack starts: a secret string, not required, no default\n"
        f"  <- `providers.inference[openai]` is there where it is set {place(':+openai')}\n"
        "  <- `providers.inference[openai].config.api_key` reads it "
        f"{place('OPENAI_API_KEY:=')}\n"
    )
    assert "an integer, not required, default `0`" in asked(capsys, "STACK_THREADS")


def test_variables_that_are_needed_and_secret_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gateway.lock").write_text((ROOT / "distributions/gateway.lock").read_text())
    (tmp_path / "gateway.yaml").write_text(
        "version: 2\nimage_name: gateway\nproviders:\n  inference:\n"
        "  - {provider_id: one, provider_type: remote::openai, config: "
        '{base_url: "${env.URL}/v1", api_key: "${env.KEY:=hunter2}"}}\n'
        "  - {provider_id: '${env.ON:+two}', provider_type: remote::vllm, config: "
        '{url: "${env.OTHER}"}}\n'
        "server: {host: '${env.LOCAL:+127.0.0.1}'}\n"
    )

    def about(name: str) -> str:
        assert main(["why", str(tmp_path / "gateway.yaml"), name]) == FINE
        return capsys.readouterr().out

    assert "a string, required, no default" in about("URL")
    assert "a secret string, not required, a default that is a secret" in about("KEY")
    assert "hunter2" not in about("KEY")
    assert "required where ON is set" in about("OTHER")
    assert "`server.host` looks if it is set" in about("LOCAL")
    assert "the provider `one` is declared under it" in about("inference")


def test_apis(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "inference").startswith("the API `inference` is served\n  <- `apis` ")
    assert asked(capsys, "inspect").endswith("  <- every stack serves it\n")


@pytest.mark.parametrize("word", ["stackrt.engine.tools", "stackrt/engine/tools.py"])
def test_a_module(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, word).splitlines()
    assert told[0] == "stackrt.engine.tools is in the stack"
    assert all(line.lstrip().startswith("<- ") for line in told[1:])
    assert len(told) > 2


def test_a_module_that_a_provider_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "stackrt.providers.inference.onnx")
    assert f"<- inline::onnx (provider `onnx`) is made of it {place('id: onnx')}" in told


def test_a_name_of_two_things(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gateway.lock").write_text((ROOT / "distributions/gateway.lock").read_text())
    (tmp_path / "gateway.yaml").write_text(
        "version: 2\nimage_name: gateway\nproviders:\n  inference:\n"
        "  - {provider_id: aiohttp, provider_type: remote::openai}\n"
    )
    assert main(["why", str(tmp_path / "gateway.yaml"), "aiohttp"]) == FINE
    provider, package = capsys.readouterr().out.split("\n\n")
    assert provider.startswith("the provider inference/aiohttp (remote::openai) is in the stack\n")
    assert package.startswith("aiohttp ")
    assert "<- remote::openai (provider `aiohttp`) imports it" in package


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "--format", "json", STARTER, "GET", "/v1/models"]) == FINE
    data = json.loads(capsys.readouterr().out)
    assert data["thing"] == "GET /v1/models"
    (answer,) = data["answers"]
    assert (answer["kind"], answer["name"]) == ("route", "GET /v1/models")
    link = answer["because"][0]["because"][0]["because"][0]
    assert link["text"] == "`apis` names it"
    assert f"({link['file']}:{link['line']})" == place("- inference")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("multidct", "multidict"),
        ("OPENAI_API_KYE", "OPENAI_API_KEY"),
        ("stackrt.engine.tool", "stackrt.engine.tools"),
        ("nothing-like-anything", None),
    ],
)
def test_what_is_not_there(word: str, near: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", STARTER, word]) == USAGE
    out, err = capsys.readouterr()
    assert out == ""
    hint = f"; did you mean `{near}`?" if near else ""
    assert err == f"stackc: there is no thing in this stack `{word}`{hint}\n"


def links(above: Mapping[str, Sequence[str]], roots: Mapping[str, Sequence[str]]) -> Links:
    return Links(
        roots=lambda name: [(root, Reason(root)) for root in roots.get(name, ())],
        above=lambda name: above.get(name, ()),
        words="{} requires it",
    )


def test_every_shortest_chain_to_each_root_and_no_longer_one() -> None:
    above = {"d": ["b", "c", "a"], "b": ["a"], "c": ["x"], "x": ["c", "d"]}
    found = chains("d", links(above, {"a": ["one"], "b": ["two"], "c": ["two"], "x": ["one"]}))
    assert text(Answer("package", "d", "d", found)) == (
        "d\n"
        "  <- b requires it\n     <- two\n"
        "  <- c requires it\n     <- two\n"
        "  <- a requires it\n     <- one\n"
    )


def test_circles_end() -> None:
    assert chains("a", links({"a": ["b"], "b": ["a"]}, {})) == ()
