"""What `stackc lock` measures and fits, so that a build, which is the same everywhere, need not.

The compiler itself has no onnxruntime: models run in an environment of the stack. What was found
for the same artifact is kept in the cache.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from stackc import models
from stackc.cache import cache_dir
from stackc.lock import LockedModel, Loss
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.encoders.head import Figures
from stackc.models.errors import UnsupportedError
from stackc.models.sources.blobs import Blobs, scratch
from stackc.progress import measured

EXACT = "fp32"
"""The number format that the others are measured against."""

LARGEST = 2_000_000_000
"""Parameters of the largest model that is measured: its reference takes eight gigabytes to run."""

HERE = Path(models.__file__).parent
SAMPLE = HERE / "sample.txt"


@dataclass(frozen=True)
class Measurement:
    """A model to measure: its files, and what makes an interpreter that can run it."""

    name: str
    files: Mapping[str, Path]
    context_length: int | None
    python: Callable[[], Path]

    def with_loss(self, model: LockedModel) -> LockedModel:
        """The model with the loss of its quantisation; as it is where none is measured.

        Raises:
            ModelError: it cannot be compiled or run.
            InstallError: the interpreter cannot be made.
        """
        compared = model.model_type in ("llm", "embedding") or model.head
        if not compared or model.quantization == EXACT or model.parameters > LARGEST:
            return model
        return replace(model, loss=self._loss(model))

    def with_head(self, model: LockedModel, table: Path) -> LockedModel:
        """The model with its head fitted to the table.

        Raises:
            ModelError: it cannot be compiled or run, or the table cannot be used.
            InstallError: the interpreter cannot be made.
        """
        assert model.head is not None
        head, artifact = model.head, self._compiled(model.quantization, cache_dir())

        def fit() -> dict[str, Any]:
            from stackc.models.encoders.head_fit import fit_head

            python = str(self.python())
            with measured(f"head of {self.name}") as report:
                found, figures = fit_head(
                    artifact, table, head.about, python=python, progress=report
                )
            return {"weights": found.weights, "bias": found.bias, "figures": asdict(figures)}

        key = [artifact.name, Blobs(cache_dir()).sha256(table), asdict(head.about)]
        found = _remembered("heads", key, fit)
        weights, figures = tuple(found["weights"]), Figures(**found["figures"])
        fitted = replace(head, weights=weights, bias=found["bias"], figures=figures)
        return replace(model, head=fitted)

    def _loss(self, model: LockedModel) -> Loss:
        artifact = self._compiled(model.quantization, cache_dir())

        def measure() -> dict[str, float]:
            with scratch(cache_dir()) as folder, measured(f"loss of {self.name}") as report:
                report(0, 0)
                reference = self._compiled(EXACT, folder)
                run = self._token_loss if model.model_type == "llm" else self._vector_loss
                return run(artifact, reference)

        found = _remembered("losses", [artifact.name, _sha256(SAMPLE)], measure)
        return Loss(**found)

    def _token_loss(self, artifact: Path, reference: Path) -> dict[str, float]:
        command = [self.python(), "-P", HERE / "loss.py", artifact, reference, SAMPLE]
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if result.returncode:
            last = (result.stderr.strip().splitlines() or ["it did not say why"])[-1]
            raise UnsupportedError(f"the model cannot be run: {last}")
        found: dict[str, float] = json.loads(result.stdout)
        return {name: _rounded(value) for name, value in found.items()}

    def _vector_loss(self, artifact: Path, reference: Path) -> dict[str, float]:
        """The mean cosine of the two vectors of each line of the sample."""
        from stackc.models.encoders.vectors import vectors_of

        texts = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if line]
        python = str(self.python())
        one, other = (
            vectors_of(each, texts, python=python, progress=lambda done, whole: None)
            for each in (artifact, reference)
        )
        lengths = (one**2).sum(axis=1) * (other**2).sum(axis=1)
        cosine = float(((one * other).sum(axis=1) / lengths**0.5).mean())
        return {"cosine": round(1 - _rounded(1 - cosine), 9)}

    def _compiled(self, quantization: str, cache: Path) -> Path:
        options = ModelOptions(quantization, self.context_length)
        with measured(f"compile {self.name} in {quantization}") as report:
            return compile_model(self.name, self.files, options, cache, report).folder


def _remembered(kind: str, key: list[Any], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was computed for the key before, or is now."""
    name = sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = cache_dir() / kind / f"{name}.json"
    if not path.is_file():
        found = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch(cache_dir()) as folder:
            new = folder / path.name
            new.write_text(json.dumps(found), encoding="ascii")
            new.replace(path)
    remembered: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return remembered


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _rounded(value: float) -> float:
    """Three significant digits: more are not the same on every processor."""
    return float(f"{value:.3g}")
