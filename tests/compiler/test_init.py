"""`stackc init`: what it writes is a distribution, and what is wrong about the options is told."""

import io
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from ruamel.yaml import YAML
from stackc import resources
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands.arguments import FINE, INPUT_AT_FAULT, USAGE
from stackc.drafts.draft import SUGGESTED_MODELS, Draft, ids_of, text
from stackc.drafts.interview import Interview, name_of
from stackc.pipeline import front
from stackc.stack import Stack

ROOT = Path(__file__).parent.parent.parent

ORACLE = """
type: remote::oracle
api: inference
summary: An oracle.
class: stackrt.providers.inference.openai:OpenAICompatible
config:
  type: object
  additionalProperties: false
  required: [place, priests, mood, key, metadata]
  properties:
    place: {type: string, x-sample: "delphi: the cave", description: Where it is.}
    priests: {type: integer, minimum: 3, description: How many.}
    mood: {type: string, enum: [calm, wild], x-static: true, description: How it is.}
    key: {type: string, format: password, x-sample: "${env.ORACLE_PASS}", description: A key.}
    metadata: {x-store: kv, description: Where answers are kept.}
    smoke: {type: [boolean, "null"], description: Whether there is any.}
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog with a type that wants every kind of value, one that is planned beside it."""
    root = tmp_path / "schemas"
    original = resources.folder
    shutil.copytree(original("schemas"), root)
    folder = root / "providers" / "inference"
    (folder / "remote__oracle.yaml").write_text(ORACLE)
    (folder / "remote__sibyl.yaml").write_text(
        "{type: 'remote::sibyl', api: inference, summary: A sibyl., status: planned}"
    )
    monkeypatch.setattr(
        resources, "folder", lambda name: root if name == "schemas" else original(name)
    )
    return Catalog(root)


def init(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(["init", *arguments])
    except SystemExit as error:
        code = int(error.code or 0)
    return code, *capsys.readouterr()


def stack(path: str, catalog: Catalog | None = None) -> Stack:
    return front(Path(path), catalog or Catalog())


def test_what_is_suggested_is_the_starters(capsys: pytest.CaptureFixture[str]) -> None:
    assert init(capsys, "--yes") == (FINE, "wrote mine.yaml\nnext: stackc lock mine.yaml\n", "")
    starter = YAML(typ="safe").load(ROOT / "distributions" / "starter.yaml")
    models = starter["registered_resources"]["models"]
    assert tuple((each["model_id"], each["source"]) for each in models) == SUGGESTED_MODELS
    made = stack("mine.yaml")
    assert [model.id for model in made.models] == [name for name, _ in SUGGESTED_MODELS]
    assert [provider.type.type for provider in made.providers] == ["inline::onnx"]


def test_it_lacks_nothing_but_its_lock(capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, "--yes", "small.yaml")
    assert main(["check", "--format", "concise", "small.yaml"]) == INPUT_AT_FAULT
    (fault,) = capsys.readouterr().err.splitlines()
    assert "error[missing-lock]" in fault


def test_everything_by_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = init(
        capsys,
        *("--name", "all-of-it", "--port", "9000"),
        *("--provider", "inference=inline::onnx", "--model", "a/b=hf:org/name"),
        *("--provider", "inference=remote::openai", "--switch", "openai=OPENAI_API_KEY"),
        *("--provider", "inference=remote::vllm", "--config", "vllm.tls_verify=false"),
        *("--provider", "inference=remote::ollama", "--switch", "ollama=OLLAMA_URL"),
    )
    assert (code, out, err) == (
        FINE,
        "wrote all-of-it.yaml\nnext: stackc lock all-of-it.yaml\n",
        "",
    )
    made = stack("all-of-it.yaml")
    assert made.name == "all-of-it"
    assert made.server.get("port") == 9000
    assert {each.id: each.enabled_by for each in made.providers} == {
        "onnx": None,
        "openai": "OPENAI_API_KEY",
        "vllm": None,
        "ollama": "OLLAMA_URL",
    }
    settings = {each.name: each for each in made.variables}
    assert settings["OPENAI_API_KEY"].secret
    assert settings["VLLM_URL"].required
    assert not settings["OLLAMA_URL"].required
    assert made.providers[2].config.get("tls_verify") is False
    assert made.models[0].id == "a/b"


def test_every_supported_type_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    catalog = Catalog()
    types = [each for api in catalog.api_names for each in catalog.types(api)]
    supported = [each for each in types if not each.planned]
    chosen = [f"--provider={each.api}={each.type}" for each in supported]
    assert init(capsys, "--yes", *chosen)[0] == FINE
    assert len(stack("mine.yaml").providers) == len(supported)


def test_every_kind_of_value(oracle: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = init(capsys, "--name", "it", "--provider", "inference=remote::oracle")
    assert (code, err) == (FINE, "")
    written = Path("it.yaml").read_text()
    assert '      place: "delphi: the cave"  # Where it is.' in written
    assert "      priests: ${env.ORACLE_PRIESTS}" in written
    assert "      mood: calm" in written
    assert "      key: ${env.ORACLE_PASS}" in written
    assert "        backend: kv_default" in written
    assert "      #smoke:  # Whether there is any." in written
    (provider,) = stack("it.yaml", oracle).providers
    assert provider.config.get("place") == "delphi: the cave"


def test_the_schema_is_named_where_it_is_above(capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, "--yes", "one.yaml")
    assert "yaml-language-server" not in Path("one.yaml").read_text()
    Path("docs").mkdir()
    Path("docs/distribution.schema.json").write_text("{}")
    Path("distributions").mkdir()
    assert init(capsys, "--yes", "--name", "two")[1].startswith("wrote distributions/two.yaml\n")
    first = Path("distributions/two.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../docs/distribution.schema.json"


def test_a_file_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("mine")
    told = "stackc: `mine.yaml` is there already; --force overwrites it\n"
    assert init(capsys, "--yes", "mine.yaml") == (USAGE, "", told)
    assert init(capsys, "--yes") == (USAGE, "", told)
    assert Path("mine.yaml").read_text() == "mine"
    assert init(capsys, "--yes", "--force")[0] == FINE


ONE = ("--name", "one", "--provider", "inference=remote::vllm")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "there is no terminal to ask on: give --name and --provider"),
        (ONE[:2], "there is no terminal to ask on: give --provider"),
        (("--yes", "--provider", "inferense=a"), "did you mean `inference`?"),
        (("--yes", "--provider", "inference=remote::vlm"), "did you mean `remote::vllm`?"),
        (("--yes", "--provider", "inference"), "--provider takes API=TYPE, not `inference`"),
        (("--name", "a", "--provider", "inference=inline::onnx"), "needs --model ID=SOURCE"),
        ((*ONE, "--model", "a=file:b"), "--model needs a provider that compiles models"),
        ((*ONE, "--config", "vllm.urll=x"), "has no key `urll`; did you mean `url`?"),
        ((*ONE, "--config", "vlm.url=x"), "there is no provider `vlm`; there are vllm"),
        ((*ONE, "--config", "vllm.tls_verify=x"), "vllm.tls_verify: it must be: boolean"),
        ((*ONE, "--switch", "vllm=vllm"), "a variable is of capitals, digits and `_`"),
    ],
)
def test_options_that_make_no_distribution(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = init(capsys, *arguments)
    assert (code, out) == (USAGE, "")
    assert err.startswith("stackc: ")
    assert told in err
    assert not list(Path().iterdir())


def test_what_is_planned_cannot_be_chosen(
    oracle: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, err = init(capsys, "--yes", "--provider", "inference=remote::sibyl")
    assert err == "stackc: `remote::sibyl` of `inference` is not supported yet\n"


def test_a_draft_with_a_fault_is_written_and_its_fault_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = init(capsys, *ONE[2:], "--name", "Not a Name", "it.yaml")
    assert (code, out) == (INPUT_AT_FAULT, "wrote it.yaml\n")
    assert "error[invalid-value]" in err


def test_ids_are_told_apart() -> None:
    openai = Catalog().provider("inference", "remote::openai")
    assert openai
    assert ids_of([openai, openai, openai]) == ("openai", "openai-inference", "openai-2")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf:Qwen/Qwen2.5-0.5B-Instruct@main", "qwen2.5-0.5b-instruct"),
        ("pypi:a==1#a/B.Q4_1.gguf", "b.q4_1"),
        ("file:models/tiny/", "tiny"),
    ],
)
def test_a_model_is_called_by_its_source(source: str, name: str) -> None:
    assert name_of(source) == name


class Answers(io.StringIO):
    """Lines as a terminal gives them: without their end, and no more of them than there are."""

    def readline(self, size: int | None = -1, /) -> str:
        line = super().readline()
        assert line, "one more question than answers"
        return line.rstrip("\n")


def interview(*answers: str, catalog: Catalog | None = None) -> tuple[Draft, str]:
    """The draft of some answers, and what was shown."""
    shown = io.StringIO()
    lines = Answers("".join(f"{answer}\n" for answer in answers))
    console = Console(file=shown, width=100)
    draft = Interview(console, lines).draft(catalog or Catalog(), "mine")
    assert lines.read() == ""
    return draft, shown.getvalue()


def test_empty_answers_take_what_is_suggested() -> None:
    draft, shown = interview("", "", "", "")
    assert (draft.name, draft.port) == ("mine", 8321)
    assert [(each.id, each.source) for each in draft.models] == list(SUGGESTED_MODELS)
    assert "Models compiled into the stack, run by onnxruntime." in shown


def test_answers() -> None:
    draft, shown = interview(
        *("No Name", "yes-name"),
        *("9", "1,4 3"),
        *("y", "little", "LITTLE_URL", "http://localhost:9", "y", ""),
        *("n", "hf:a/B", "", "n"),
        *("0", "9000"),
    )
    assert (draft.name, draft.port) == ("yes-name", 9000)
    assert shown.count("That will not do") == 4
    assert [each.written_id for each in draft.providers] == [
        "onnx",
        "${env.LITTLE_URL:+vllm}",
        "${env.OPENAI_API_KEY:+openai}",
    ]
    assert draft.providers[1].wanted.values == {"url": "http://localhost:9"}
    assert [(each.id, each.source) for each in draft.models] == [("b", "hf:a/B")]
    path = Path("it.yaml")
    path.write_text(text(draft, path))
    assert stack("it.yaml").name == "yes-name"


def test_on_a_terminal() -> None:
    """The command as it is, its questions on a terminal and its answers typed there."""
    command = [sys.executable, "-m", "stackc.cli", "init"]
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = ""
    for question, answer in (
        (r"Name of the stack \(mine\)", "typed"),
        (r"0 for none \(\d+\)", ""),
        (r"These two\?", ""),
        (r"Port \(8321\)", ""),
    ):
        shown = _until(master, question)
        os.write(master, f"{answer}\n".encode())
    shown = _until(master, r"next: stackc lock typed.yaml")
    assert process.wait(30) == FINE, shown
    assert stack("typed.yaml").name == "typed"


def _until(terminal: int, pattern: str) -> str:
    shown = ""
    while not re.search(pattern, re.sub(r"\x1b\[[0-9;]*m", "", shown)):
        assert select.select([terminal], [], [], 30)[0], shown
        shown += os.read(terminal, 4096).decode()
    return shown
