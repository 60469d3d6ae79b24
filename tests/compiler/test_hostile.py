"""Hostile input: a clear diagnostic, soon, and never a traceback."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from soundness import CATALOG, told
from stackc.cli import main
from stackc.diagnostics.report import CompileError
from stackc.limits import MAX_BYTES, MAX_FAULTS, MAX_FILES, MAX_TEXT
from stackc.pipeline import front

HEAD = """\
version: 2
image_name: hostile
providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config: {api_key: "${env.KEY:=}"}
"""
MODELS = "registered_resources:\n  models:\n"
RULES = "server:\n  auth:\n    access_policy:\n"


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    """What hangs fails: nothing here takes long on any machine."""
    signal.alarm(120)
    yield
    signal.alarm(0)


def each(count: int, line: Callable[[int], str]) -> str:
    return "".join(map(line, range(count)))


def said(path: Path) -> str:
    """The codes and messages of a distribution's diagnostics, a line each; they can be rendered."""
    try:
        diagnostics = front(path, CATALOG).warnings
    except CompileError as error:
        diagnostics = error.diagnostics
    assert len(told(diagnostics)) < 20_000_000
    return "\n".join(f"{each.code}: {each.message}" for each in diagnostics)


LARGE = {
    "a list": "- a\n" * (MAX_BYTES // 4 - 1),
    "more than a file can have": "# a\n" * (MAX_BYTES // 4 + 1),
    "a text": HEAD + "container_image: " + "x" * 3_000_000,
    "a quoted text": HEAD + "container_image: '" + "x\n" * 1_000_000 + "'",
    "a block": HEAD + "container_image: |\n" + "  x\n" * 500_000,
    "a key": HEAD + "? " + "k" * 3_000_000 + "\n: 1\n",
    "a number": HEAD + "server: {port: " + "9" * 3_000_000 + "}\n",
    "dollars": HEAD + "container_image: " + "$" * 3_000_000,
    "halves of characters": HEAD + 'container_image: "' + r"\ud83e\uddd9" * 100_000 + '"',
    "brackets": "a: " + "[" * 3_000_000,
    "braces": "a: " + "{a: " * 900_000,
    "dashes": "- " * 1_900_000,
    "question marks": "? " * 1_900_000,
    "steps": each(1_000, lambda i: " " * i + "a:\n"),
    "aliases": "a: &a0 [1, 2, 3]\n"
    + each(60, lambda i: f"a{i}: &a{i + 1} [*a{i}, *a{i}, *a{i}, *a{i}, *a{i}]\n"),
    "aliases of one": HEAD + "x: &a 1\ny: [" + "*a, " * 100_000 + "]\n",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large(name: str, tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text(LARGE[name])
    assert said(path) == "bad-yaml: the file is too large to be a distribution"


MANY = {
    "keys": HEAD + each(5_000, lambda i: f"provider{i}: 1\n"),
    "keys on one line": HEAD + "server: {" + each(5_000, lambda i: f"port{i}: 1, ") + "}\n",
    "keys of a config": HEAD.replace("}", "".join(f", k{i}: 1" for i in range(5_000)) + "}"),
    "keys that stand twice": HEAD + "a: 1\n" * 5_000,
    "malformed expressions": HEAD + "container_image: " + "$X " * 20_000,
    "escaped dollars": HEAD + "container_image: " + "$$" * 30_000 + "{}",
    "providers of one id": HEAD
    + "  - {provider_id: openai, provider_type: remote::openai}\n" * 2_000,
    "types that there are not": HEAD
    + each(2_000, lambda i: f"  - {{provider_id: o{i}, provider_type: remote::opena{i}}}\n"),
    "providers that there are not": HEAD
    + each(500, lambda i: f"  - {{provider_id: openai{i}, provider_type: remote::openai}}\n")
    + MODELS
    + each(2_000, lambda i: f"  - {{model_id: m{i}, provider_id: openbi{i}}}\n"),
    "inline stores": HEAD
    + "  vector_io:\n"
    + each(
        1_500,
        lambda i: (
            f"  - {{provider_id: f{i}, provider_type: inline::faiss, "
            f"config: {{persistence: {{type: sqlite, db_path: /{i}/same.db}}}}}}\n"
        ),
    ),
    "old ids": HEAD
    + each(
        1_500,
        lambda i: (
            f"  - {{provider_id: '${{env.X{i}:=__disabled__}}', provider_type: remote::openai}}\n"
        ),
    ),
    "rules": HEAD + RULES + each(3_000, lambda i: f"    - {{permit: {{principal: u{i}}}}}\n"),
    "brackets of a pattern": HEAD
    + RULES
    + f"    - {{permit: {{resource: 'regex:{'(' * 50_000}'}}}}\n",
    "comments": HEAD + "#\n" * 1_000_000,
    "anchors": HEAD + each(3_000, lambda i: f"x{i}: &a{i} {{<<: {f'*a{i - 1}' if i else '{}'}}}\n"),
}


@pytest.mark.parametrize("name", MANY)
def test_many_of_a_kind(name: str, tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text(MANY[name])
    codes = [line.partition(":")[0] for line in said(path).splitlines()]
    named = [code for code in codes if code not in ("old-spelling", "conflicting-variable")]
    assert len(named) <= 3 * MAX_FAULTS


TEXTS = {
    "tabs": HEAD + "server:\n\tport: 1\n",
    "a mark in the middle": HEAD + "\ufeffserver: {}\n",
    "a NUL": HEAD + "server: \0\n",
    "half a character": HEAD + 'server: {host: "\\ud800"}\n',
    "half a character as bytes": HEAD.encode() + b"server: {host: \xed\xa0\x80}\n",
    "UTF-16": HEAD.encode("utf-16"),
    "no text": bytes(range(256)),
    "a document without end": "--- " * 100_000,
    "a key of 2,000": HEAD + "k" * 2_000 + ": 1\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_yaml(name: str, tmp_path: Path) -> None:
    text = TEXTS[name]
    path = tmp_path / "distribution.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert said(path).startswith("bad-yaml: ")
    assert "\n" not in said(path)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines(end: str, tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_bytes(f"{HEAD}server: {{prt: 1}}\n".replace("\n", end).encode("utf-8-sig"))
    assert said(path) == "unknown-key: unknown key `prt`"


def test_a_text_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text(HEAD.replace("config: {", f"config: {{base_url: '{'x' * (MAX_TEXT - 2)}', "))
    assert said(path) == ""


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/zero", "dangling", "loop", "a\nb", ""])
def test_what_is_no_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange(tmp_path)
    for command in ("check", "lock", "migrate"):
        assert main([command, str(tmp_path / name)]) == 1
        assert "error[unreadable-file]" in capsys.readouterr().err


BASES = ("folder", "pipe", "/dev/zero", "dangling", "loop", "a\\nb", "", "a\\0b", "~", "\\udcff")


@pytest.mark.parametrize("name", BASES)
def test_a_base_that_is_no_file(name: str, tmp_path: Path) -> None:
    strange(tmp_path)
    path = tmp_path / "distribution.yaml"
    path.write_text(f'extends: "{name}"\n')
    assert said(path).startswith(("unreadable-file: ", "bad-yaml: "))


def strange(folder: Path) -> None:
    """Things that are no files."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")


def test_a_base_that_is_itself_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text("extends: other.yaml\n")
    (tmp_path / "other.yaml").symlink_to(path)
    assert said(path) == "extends-cycle: this distribution extends itself"


def test_a_base_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    path.write_text("extends: base.yaml\n")
    (tmp_path / "base.yaml").write_text("#\n" * MAX_BYTES)
    assert said(path) == "bad-yaml: the file is too large to be a distribution"


@pytest.mark.parametrize(("length", "fine"), [(MAX_FILES, True), (1_000, False)])
def test_a_chain_of_bases(length: int, fine: bool, tmp_path: Path) -> None:
    for number in range(length - 1):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    (tmp_path / f"{length - 1}.yaml").write_text(HEAD)
    found = said(tmp_path / "0.yaml")
    assert found == "" if fine else found.startswith("unreadable-file: ")


@pytest.mark.parametrize("name", ["with space.yaml", "日本\u202e.yaml", "a\nb.yaml", "\udcff.yaml"])
def test_names_of_files(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    path.write_text(HEAD + "server: {prt: 1}\n")
    for form in ("human", "concise", "json"):
        assert main(["check", str(path), "--format", form]) == 1
        output = capsys.readouterr()
        assert "unknown-key" in output.out + output.err
        assert form != "concise" or output.err.count("\n") == 1


def test_an_output_folder_that_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Path(__file__).parent.parent.parent / "distributions" / "gateway.yaml"
    folder = tmp_path / "folder"
    folder.write_text("precious")
    for path in (folder, folder / "inside"):
        assert main(["build", str(gateway), "--out", str(path)]) == 1
        assert "error[write-failed]" in capsys.readouterr().err
    assert folder.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [folder]


def test_old_spellings_without_end(tmp_path: Path) -> None:
    path = tmp_path / "distribution.yaml"
    providers = "  - {provider_id: __disabled__, provider_type: remote::openai}\n" * 20_000
    path.write_text(f"version: 2\nimage_name: x\nproviders:\n  inference:\n{providers}")
    assert said(path) == "bad-yaml: the file is too large to be a distribution"
