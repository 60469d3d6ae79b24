"""The command line: exit codes, what goes to which output, and how little a question loads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands import COMMANDS, list_distributions
from stackc.commands.arguments import FINE, INPUT_AT_FAULT, USAGE
from stackc.diagnostics.render import FORMATS, MACHINE, render
from stackc.version import VERSION

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("ruamel", "jsonschema", "jinja2", "numpy", "onnx", "rich", "packaging", "shtab", "stackrt")


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = int(error.code or 0)
    return code, *capsys.readouterr()


def loaded(*arguments: str) -> list[str]:
    """Which of the HEAVY packages a command loads."""
    program = (
        "import sys\n"
        "from stackc.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    names: list[str] = json.loads(result.stderr.splitlines()[-1].replace("'", '"'))
    return names


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("--help",), ()),
        (("--version",), ()),
        (("build", "--help"), ()),
        (("why", "--help"), ()),
        (("graph", "--help"), ()),
        (("diff", "--help"), ()),
        (("explain", "unknown-key"), ("ruamel",)),
        (("list",), ("ruamel",)),
        (("list-apis",), ("ruamel",)),
        (("list-providers",), ("ruamel",)),
        (("init", "--help"), ()),
        (("new", "--help"), ()),
        (("schema",), ("ruamel",)),
        (("completion", "bash"), ("ruamel", "shtab")),
        (("check", "no-such-file.yaml"), ("ruamel", "jsonschema")),
        (("diff", "no:such-file.yaml"), ("ruamel", "jsonschema")),
    ],
)
def test_a_question_loads_little(arguments: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    assert not set(loaded(*arguments)) - set(allowed)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (FINE, f"stackc {VERSION}\n", "")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == FINE
    names = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    told = {name.replace("-", "_") for name in out.split()}
    assert names - {"list_distributions"} <= told


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("compile",),
        ("build",),
        ("check",),
        ("check", "--format", "xml", "distributions/starter.yaml"),
        ("run", "--port", "http", "distributions/starter.yaml"),
        ("explain", "unknown-kye"),
        ("init", "--port", "http"),
        ("new",),
        ("new", "provider", "inference"),
        ("completion",),
        ("why", "distributions/starter.yaml"),
        ("graph", "--format", "png", "distributions/starter.yaml"),
        ("diff",),
        ("list-providers", "inferense"),
    ],
)
def test_misuse(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (USAGE, "")
    assert err.startswith(("usage: ", "stackc: "))


@pytest.mark.parametrize("name", ["starter", "gateway"])
def test_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", f"distributions/{name}.yaml")
    assert (code, err) == (FINE, "")
    assert out.startswith(f"distributions/{name}.yaml: fine (")


def test_what_is_for_programs_goes_to_the_output_and_the_rest_to_the_error_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("version: 3\n")
    for form in FORMATS:
        code, out, err = run(capsys, "check", "--format", form, str(path))
        assert code == INPUT_AT_FAULT
        assert bool(out) == (form in MACHINE)
        assert bool(err) == (form not in MACHINE)


@pytest.mark.parametrize("form", MACHINE)
def test_what_is_for_programs_is_alone(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, "check", "--format", form, "distributions/gateway.yaml")
    assert (out, err) == (render([], form), "")


@pytest.mark.parametrize("command", ["build", "check", "run", "lock", "list-deps"])
def test_every_command_on_a_distribution_tells_its_faults(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("version: 3\n")
    code, out, err = run(capsys, command, "--format", "concise", str(path))
    assert (code, out) == (INPUT_AT_FAULT, "")
    assert [line.partition("error[")[2].partition("]")[0] for line in err.splitlines()] == [
        "missing-key",
        "missing-key",
        "invalid-value",
    ]


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/errors/unknown-key.md").read_text()
    assert run(capsys, "explain", "unknown-key") == (FINE, page, "")
    code, out, _ = run(capsys, "explain")
    assert code == FINE
    codes = sorted(path.stem for path in (ROOT / "docs/errors").glob("*.md"))
    assert [line.split()[0] for line in out.splitlines()] == codes
    assert "unknown-key" in out
    assert "A mapping holds a key that means nothing there.\n" in out
    _, _, err = run(capsys, "explain", "unknown-kye")
    assert err == "stackc: there is no error `unknown-kye`; did you mean `unknown-key`?\n"


def test_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "list") == (FINE, "", "")
    shutil.copytree(ROOT / "distributions", tmp_path / "distributions")
    (tmp_path / "generated" / "starter").mkdir(parents=True)
    _, out, _ = run(capsys, "list")
    states = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert sorted(states) == sorted(path.stem for path in (ROOT / "distributions").glob("*.yaml"))
    assert states["gateway"] == "not built"
    assert states["starter"] == "built"


def test_list_apis(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list-apis")
    assert code == FINE
    assert [line.split()[0] for line in out.splitlines()] == list(Catalog().api_names)


def test_list_providers(capsys: pytest.CaptureFixture[str]) -> None:
    code, all_apis, _ = run(capsys, "list-providers")
    assert code == FINE
    assert "remote::openai" in all_apis
    assert "base_url, api_key" in all_apis
    assert run(capsys, "list-providers", "inference")[1] in all_apis
    _, _, err = run(capsys, "list-providers", "inferense")
    assert err == "stackc: there is no API `inferense`; did you mean `inference`?\n"


def test_list_deps(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list-deps", "distributions/gateway.yaml")
    lock = json.loads((ROOT / "distributions/gateway.lock").read_text())
    assert (code, err) == (FINE, "")
    assert out.splitlines() == [package["requirement"] for package in lock["packages"]]
    assert "onnxruntime" not in out


def test_an_interruption_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(list_distributions, "run", interrupted)
    assert run(capsys, "list") == (130, "", "interrupted\n")


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m stackc.cli list-providers | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (FINE, "")
