"""`stackc diff`: what is told of every kind of change, what breaks, and revisions of git."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands.arguments import FINE, INPUT_AT_FAULT, USAGE
from stackc.comparison.breaking import breaking
from stackc.comparison.change import Change, Detail
from stackc.comparison.compare import compare
from stackc.comparison.parts import words
from stackc.comparison.text import WIDTH
from stackc.expressions import Call, Child, Conditional, Constant, DictOf, Formatted, Reference
from stackc.pipeline import plan_of

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the distributions of the repository, which is the working folder."""
    shutil.copytree(ROOT / "distributions", tmp_path / "distributions")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in a repository of git with one commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.com")
    git("init", "-q")
    commit()
    return folder


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "a state")


def edit(old: str, new: str, path: str = "distributions/starter.yaml") -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["diff", *arguments]) == FINE
    out, err = capsys.readouterr()
    assert err == ""
    return out


def copied(name: str) -> str:
    """A second distribution, as the starter is."""
    for suffix in (".yaml", ".lock"):
        shutil.copy(f"distributions/starter{suffix}", f"distributions/{name}{suffix}")
    return f"distributions/{name}.yaml"


STARTER = "distributions/starter.yaml"


def test_no_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copied("other")
    edit("# OpenAI, Ollama", "# A comment: OpenAI, Ollama", other)
    out = told(capsys, STARTER, other)
    assert out == f"from {STARTER}\nto   {other}\n\nno difference\n"
    assert main(["diff", "--exit-code", STARTER, other]) == FINE


def test_every_section(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, STARTER, "distributions/gateway.yaml")
    for line in (
        "  - inference/onnx\n",
        "  - onnx/all-minilm-l6-v2\n",
        "      ! breaking: requests for it get a 404\n",
        "  - STACK_THREADS\n",
        "  - tokenizers: ",
        "  ~ memory at start: ",
        "  - files of models: ",
    ):
        assert line in out
    back = told(capsys, "distributions/gateway.yaml", STARTER)
    assert back.count("\n  + ") == out.count("\n  - ")
    assert max(map(len, out.splitlines())) <= WIDTH


def test_models_and_variables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copied("other")
    edit("context_length: 4096", "context_length: 2048", other)
    edit("slots: 8", "slots: 4", other)
    edit("STACK_THREADS:=0", "STACK_THREADS:=2", other)
    edit("port: 8321", "port: ${env.PORT:=9000}", other)
    edit("model: all-minilm-l6-v2", "model: all-minilm-l6-v2\n      threshold: 0.5", other)
    out = told(capsys, STARTER, other)
    assert "      context_length: 4096 -> 2048\n      slots: 8 -> 4\n" in out
    assert "      ! breaking: long prompts no longer fit\n" in out
    assert "threshold 0.3 -> model all-minilm-l6-v2, threshold 0.5" in out
    assert "  ~ STACK_THREADS\n      default: 0 -> 2\n      ! breaking: " in out
    assert "      port: 8321 -> ${env.PORT}\n      image's port: 8321 -> 9000\n" in out
    assert "  + PORT\n" in out
    assert main(["diff", "--exit-code", STARTER, other]) == INPUT_AT_FAULT


def test_routes_and_apis(folder: Path) -> None:
    plan = plan_of(Path(STARTER), Catalog())
    less = replace(plan, routes=plan.routes[1:], endpoints=plan.endpoints[1:])
    changes = compare(plan, less).changes
    assert [(each.section, each.kind) for each in changes] == [
        ("APIs", "removed"),
        ("routes", "removed"),
    ]
    assert all(change.breaking for change in changes)
    assert not compare(less, plan).breaking


def test_secrets_are_compared_and_never_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "distributions/gateway.yaml"
    edit("OPENAI_API_KEY:=}", "OPENAI_API_KEY:=hunter2}", path)
    shutil.copy(path, "distributions/other.yaml")
    shutil.copy("distributions/gateway.lock", "distributions/other.lock")
    edit("hunter2", "hunter3", "distributions/other.yaml")
    edit("api_token: ${env.VLLM_API_TOKEN:=}", "api_token: hunter4", path)
    edit("api_token: ${env.VLLM_API_TOKEN:=}", "api_token: hunter5", "distributions/other.yaml")
    for form in ("human", "json"):
        out = told(capsys, "--format", form, path, "distributions/other.yaml")
        assert "hunter" not in out
    out = told(capsys, path, "distributions/other.yaml")
    assert "  ~ OPENAI_API_KEY\n      default: another one (********)\n" in out
    assert "      argument api_key: another one (********)\n" in out


def test_packages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copied("other")
    lock = json.loads(Path("distributions/other.lock").read_text())
    for package in lock["packages"]:
        package["requirement"] = package["requirement"].replace("h2==4.4.1", "h2==4.5.0")
    lock["packages"] = [each for each in lock["packages"] if "wsproto" not in each["requirement"]]
    Path("distributions/other.lock").write_text(json.dumps(lock))
    out = told(capsys, STARTER, other)
    assert "packages\n  ~ h2: 4.4.1 -> 4.5.0\n  - wsproto: " in out
    assert out.endswith("2 changes, none of them breaking\n")


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copied("other")
    edit("STACK_THREADS:=0", "STACK_THREADS:=2", other)
    data = json.loads(told(capsys, "--format", "json", STARTER, other))
    assert (data["old"], data["new"], data["breaking"]) == (STARTER, other, 1)
    variable = next(each for each in data["changes"] if each["section"] == "variables")
    assert variable["details"] == [{"field": "default", "before": "0", "after": "2"}]
    assert variable["breaking"]


def test_the_working_tree_with_head(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = f"from HEAD:{STARTER}\nto   {STARTER}\n\n"
    assert told(capsys, STARTER) == f"{head}no difference\n"
    edit("slots: 8", "slots: 4")
    out = told(capsys, STARTER)
    assert out.startswith(head)
    assert "      slots: 8 -> 4\n" in out


def test_revisions(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit("slots: 8", "slots: 4")
    commit()
    edit("slots: 4", "slots: 2")
    assert "slots: 8 -> 4" in told(capsys, f"HEAD~1:{STARTER}", f"HEAD:{STARTER}")
    assert "slots: 8 -> 2" in told(capsys, f"HEAD~1:{STARTER}", STARTER)
    assert "slots: 8 -> 2" in told(capsys, f"HEAD~1:{STARTER}")
    monkeypatch.chdir("distributions")
    assert "slots: 4 -> 2" in told(capsys, "starter.yaml")
    assert "slots: 4 -> 2" in told(capsys, "HEAD:./starter.yaml", "starter.yaml")
    assert "slots: 4 -> 2" in told(capsys, f"HEAD:{STARTER}", "starter.yaml")


def test_the_lock_is_that_of_the_revision(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit('"h2==4.4.1"', '"h2==4.5.0"', "distributions/starter.lock")
    commit()
    out = told(capsys, f"HEAD~1:{STARTER}", STARTER)
    assert "  ~ h2: 4.4.1 -> 4.5.0\n" in out


def test_a_link_that_leads_out_is_left_behind(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("distributions/outside").symlink_to("/etc/passwd")
    commit()
    assert told(capsys, STARTER).endswith("no difference\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((f"nowhere:{STARTER}",), "git: "),
        (("HEAD:distributions/nothing.yaml", STARTER), "git: path "),
        ((STARTER, "HEAD:distributions/nothing.yaml"), "git: path "),
    ],
)
def test_what_git_does_not_have(
    arguments: tuple[str, ...],
    message: str,
    repository: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["diff", *arguments]) == USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"stackc: {message}")


def test_without_a_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert main(["diff", STARTER]) == USAGE
    assert "not a git repository" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert main(["diff", STARTER]) == USAGE
    assert "git cannot be run" in capsys.readouterr().err


def test_a_side_that_does_not_compile(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit("inline::onnx", "inline::onx")
    assert main(["diff", STARTER]) == INPUT_AT_FAULT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"stackc: {STARTER} does not compile\nerror[unknown-provider]")
    commit()
    assert main(["diff", f"HEAD:{STARTER}", f"HEAD~1:{STARTER}"]) == INPUT_AT_FAULT
    err = capsys.readouterr().err
    assert err.startswith(f"stackc: HEAD:{STARTER} does not compile\n")
    assert re.search(rf"--> {STARTER}:\d+:\d+", err)
    assert main(["diff", "--format", "json", STARTER, f"HEAD:{STARTER}"]) == INPUT_AT_FAULT
    assert [each["code"] for each in json.loads(capsys.readouterr().out)["diagnostics"]] == [
        "unknown-provider",
        "unknown-provider",
    ]


def change(section: str, field: str, before: str | None, after: str | None) -> Change:
    return Change(section, "changed", "it", (Detail(field, before, after),))


@pytest.mark.parametrize(
    ("what", "breaks"),
    [
        (Change("routes", "removed", "GET /v1/x"), True),
        (Change("packages", "removed", "x"), False),
        (Change("variables", "removed", "X"), False),
        (Change("models", "added", "x"), False),
        (Change("variables", "added", "X", (Detail("required", None, "always"),)), True),
        (Change("variables", "added", "X", (Detail("default", None, "1"),)), False),
        (change("variables", "required", "no", "always"), True),
        (change("variables", "required", "no", "where Y is set"), True),
        (change("variables", "required", "always", "no"), False),
        (change("variables", "kind", "string", "integer"), True),
        (change("variables", "kind", "string", "secret string"), False),
        (change("variables", "default", "1", None), True),
        (change("server", "port", "1", "2"), True),
        (change("server", "python", "3.11", "3.12"), False),
        (change("server", "needs a GPU", "no", "yes"), True),
        (change("providers", "type", "remote::vllm", "remote::openai"), True),
        (change("providers", "there", "always", "where X is set"), True),
        (change("providers", "there", "where X is set", "always"), False),
        (change("models", "context_length", "10000", "9000"), True),
        (change("models", "context_length", "9000", "10000"), False),
        (change("models", "metadata.embedding_dimension", "384", "768"), True),
        (change("models", "quantization", "int8", "int4"), False),
    ],
)
def test_what_breaks(what: Change, breaks: bool) -> None:
    assert bool(breaking(what)) == breaks


def test_expressions_in_words() -> None:
    port = Reference("settings.port")
    is_set = Reference("settings.port is not None")
    assert words(Conditional(is_set, port, Constant(None))) == (
        "${env.PORT} where ${env.PORT} is set, else null"
    )
    assert words(Formatted(("http://", Reference("settings.x.get_secret_value()")))) == (
        "http://${env.X}"
    )
    assert words(Call("SecretStr", (("", Constant("hunter2")),))) == "********"
    assert words(DictOf((("a", Child(Reference("MODELS"), "b")),))) == "{a: b}"
