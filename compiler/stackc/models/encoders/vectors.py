"""The vectors that a compiled encoder gives to texts, from an interpreter that can run it."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from stackc.models.errors import UnsupportedError

Progress = Callable[[int, int], None]


def vectors_of(
    artifact: Path, texts: Sequence[str], *, python: str, progress: Progress
) -> NDArray[np.float64]:
    """Vectors [texts, dimension]; a text beyond the encoder's length is cut.

    The compiler itself has no onnxruntime: `python` is the stack's own interpreter.

    Raises:
        UnsupportedError: the encoder does not run there, or gives no finite numbers.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(list(texts)), encoding="ascii")
        # -P: the modules beside the script are none of its own.
        script = str(Path(__file__).with_name("embed_texts.py"))
        command = [python, "-P", script, str(artifact), name]
        with (folder / "errors.txt").open("w+b") as errors:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
                for line in process.stdout or ():
                    progress(int(line), len(texts))
            errors.seek(0)
            lines = errors.read().decode(errors="replace").split("\n")
        if process.returncode:
            last = next((line for line in reversed(lines) if line.strip()), "it did not say why")
            raise UnsupportedError(f"the encoder cannot be run: {last}")
        vectors: NDArray[np.float64] = np.load(folder / "vectors.npy").astype(np.float64)
    if not np.isfinite(vectors).all():
        raise UnsupportedError("the encoder gives vectors that are no finite numbers")
    return vectors
