"""Coverage-guided fuzzing, the same little each time; `just fuzz` runs it for as long as it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "fuzz" / "run.py"


def test_a_little_fuzzing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    # Its peak of memory begins at that of the process which starts it, so it says nothing here.
    options = ["-runs=600", "-seed=8321", "-rss_limit_mb=0"]
    command = [sys.executable, str(PROGRAM), "300", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stderr[-4000:]
