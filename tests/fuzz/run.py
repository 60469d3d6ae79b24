"""Coverage-guided fuzzing of the compiler: `python tests/fuzz/run.py 60` runs for a minute.

The seeds are the distributions of the repository and of the cases. What fails is written to the
folder that the program runs in, and stops it.
"""

import sys
import tempfile
from pathlib import Path

import atheris

TESTS = Path(__file__).parent.parent

with atheris.instrument_imports(include=["stackc", "yaml"]):
    sys.path.insert(0, str(TESTS))
    from soundness import compiled


def one(data: bytes) -> None:
    """One text; that bytes which are no text are told is tested elsewhere."""
    compiled(data.decode("utf-8", "replace"))


def seeds(folder: Path) -> None:
    """Copies what is to be mutated into a folder."""
    paths = (*TESTS.parent.glob("distributions/*.yaml"), *TESTS.glob("cases/*/*.yaml"))
    for number, path in enumerate(paths):
        (folder / f"{number:03}.yaml").write_bytes(path.read_bytes())


def main() -> None:
    """Runs for so many seconds."""
    with tempfile.TemporaryDirectory() as name:
        seeds(Path(name))
        dictionary = Path(__file__).parent / "words.dict"
        options = [f"-max_total_time={sys.argv[1]}", "-timeout=10", "-max_len=20000"]
        atheris.Setup(["fuzz", name, f"-dict={dictionary}", *options, *sys.argv[2:]], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
