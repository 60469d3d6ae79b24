"""Coverage-guided fuzzing for a few seconds; `just fuzz` runs it for as long as it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "fuzz" / "run.py"


def test_a_few_seconds_of_fuzzing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, str(PROGRAM), "5"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-4000:]
