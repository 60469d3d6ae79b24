"""What a quantisation is measured to cost: against the same numbers from transformers."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from stackc.models import loss
from stackc.models.compile import ModelOptions, compile_model
from tokenizers import Tokenizer

from .conftest import quiet
from .gguf_files import write_llama
from .llama_reference import load_reference, reference_logits

SCRIPT = Path(loss.__file__)
SAMPLE = SCRIPT.with_name("sample.txt")


def artifact(folder: Path, quantization: str, **overrides: object) -> Path:
    path = write_llama(folder / "model.gguf", **overrides)
    options = ModelOptions(quantization)
    return compile_model("m", {path.name: path}, options, folder / "cache", quiet).folder


def run(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def measured(*arguments: Path) -> dict[str, float]:
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_text_of_several_windows(tmp_path: Path) -> None:
    """150 bytes are three windows of 64 tokens; what each begins with is not predicted."""
    int8, fp32 = artifact(tmp_path, "int8"), artifact(tmp_path, "fp32")
    text = tmp_path / "text.txt"
    text.write_text("".join(chr(97 + 7 * index % 26) for index in range(150)))
    found = measured(int8, fp32, text)
    model = load_reference(tmp_path / "model.gguf")
    ids = Tokenizer.from_file(str(fp32 / "tokenizer.json")).encode(text.read_text()).ids
    surprises = []
    for start in range(0, len(ids), 64):
        window = ids[start : start + 64]
        logits = torch.from_numpy(reference_logits(model, window)).double()
        chosen = torch.log_softmax(logits, -1)[range(len(window) - 1), window[1:]]
        surprises += (-chosen).tolist()
    assert len(ids) == 150
    want = math.exp(sum(surprises) / len(surprises))
    assert found["reference_perplexity"] == pytest.approx(want, rel=1e-4)
    assert found["perplexity"] == pytest.approx(want, rel=0.05)
    assert 1e-7 < found["kl"] < 0.01


def test_no_loss(tmp_path: Path) -> None:
    fp32 = artifact(tmp_path, "fp32")
    found = measured(fp32, fp32, SAMPLE)
    assert found["kl"] == 0
    assert found["perplexity"] == found["reference_perplexity"]


def test_a_text_without_a_second_token(tmp_path: Path) -> None:
    fp32 = artifact(tmp_path, "fp32")
    (tmp_path / "text.txt").write_text("a")
    result = run(fp32, fp32, tmp_path / "text.txt")
    assert result.returncode == 1
    assert "has no two tokens" in result.stderr
