"""`stackc completion`: what a shell completes with its script."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.commands.arguments import FINE, USAGE

BASH = shutil.which("bash")


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert main(["completion", shell]) == FINE
    return capsys.readouterr().out


@pytest.fixture
def bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with the script for bash, and two files that may be completed."""
    (tmp_path / "script").write_text(script(capsys, "bash"))
    (tmp_path / "starter.yaml").write_text("")
    (tmp_path / "stacks").mkdir()
    return tmp_path


def completions(folder: Path, *words: str) -> set[str]:
    """What bash offers for the last of the words."""
    line = " ".join(map(shlex.quote, ("stackc", *words)))
    program = f"""
        source ./script
        COMP_WORDS=({line})
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        function=$(complete -p stackc | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" stackc "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    command = ["bash", "-c", program]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {line.strip() for line in result.stdout.splitlines() if line.strip()}


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_bash(bash: Path) -> None:
    assert completions(bash, "ex") == {"explain"}
    assert {"check", "build", "init", "new"} <= completions(bash, "")
    assert completions(bash, "check", "star") == {"starter.yaml"}
    assert completions(bash, "build", "--ch") == {"--check"}
    assert completions(bash, "check", "--format", "j") == {"json"}
    assert completions(bash, "explain", "unknown-k") == {"unknown-key"}
    assert completions(bash, "list-providers", "") == set(Catalog().api_names)
    assert completions(bash, "new", "pro") == {"provider"}
    assert completions(bash, "new", "provider", "infer") == {"inference"}
    assert "stacks" in {name.rstrip("/") for name in completions(bash, "build", "--out", "st")}
    assert "starter.yaml" not in completions(bash, "build", "--out", "st")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_every_shell_has_a_script_that_it_reads(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = script(capsys, shell)
    assert "unknown-key" in text
    path = tmp_path / "script"
    path.write_text(text)
    if shell != "tcsh" and shutil.which(shell):
        subprocess.run([shell, "-n", path], check=True)


def test_of_a_shell_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "fish"])
    assert caught.value.code == USAGE
    assert "invalid choice: 'fish'" in capsys.readouterr().err
