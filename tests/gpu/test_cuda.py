"""The starter's models on a CUDA device, against the CPU. `just gpu` runs this on such a machine.

Kernels for CUDA may depend on how many rows a run has, so distributions are compared, not bits.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from stackc.cache import cache_dir
from stackc.lock import parse
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.facts import Device
from stackc.models.sources.source import materialise, parse_source
from stackrt.engine.artifact import read_decoder
from stackrt.engine.decoder import CHUNK, Decoder
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.language import LanguageEngine, LanguageModel
from stackrt.engine.openai.answers import Choice, collect
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sampling import SamplingParameters
from stackrt.engine.session import open_session
from stackrt.engine.tokenizer import Tokenizer

DEMANDED = os.environ.get("STACKC_GPU") == "1"
PROVIDER = "CUDAExecutionProvider"
if not DEMANDED and PROVIDER not in onnxruntime.get_available_providers():
    pytest.skip("onnxruntime has no CUDA here", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "compiler/stackc/models/sample.txt"
DEVICE: Device = "cuda"
FORMATS = ["fp16", "int8", "int4"]
SLOTS = 8
# What the arithmetic of float16 and 8-bit weights may cost, in nats a token.
CLOSE = 0.01
# What another number of rows in a run may change.
SAME = 1e-3
QUESTIONS = [
    ("What is the capital of France?", "paris"),
    ("What is the capital of Italy?", "rome"),
    ("What is the capital of Germany?", "berlin"),
    ("What is the capital of Spain?", "madrid"),
    ("What is the capital of Japan?", "tokyo"),
    ("What is the capital of Russia?", "moscow"),
    ("What is the capital of Egypt?", "cairo"),
    ("What colour is the sky on a clear day?", "blue"),
]

Logits = NDArray[np.float32]


def compiled(model_type: str, quantization: str, device: Device) -> Path:
    lock = parse((ROOT / "distributions/starter.lock").read_text())
    model = next(each for each in lock.models if each.model_type == model_type)
    files = materialise(parse_source(model.source), model.files, ROOT, cache_dir(), quiet)
    options = ModelOptions(quantization, 1024 if model_type == "llm" else None, device=device)
    return compile_model(model_type, files, options, cache_dir(), quiet).folder


def quiet(done: int, whole: int) -> None:
    """Progress that nobody watches."""


def chat(
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
) -> str:
    turns = [f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n" for each in messages]
    return "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")


@pytest.fixture(scope="module", params=FORMATS)
def folder(request: pytest.FixtureRequest) -> Path:
    return compiled("llm", request.param, DEVICE)


@pytest.fixture(scope="module")
def decoder(folder: Path) -> Decoder:
    return Decoder(folder, read_decoder(folder), slots=SLOTS, threads=2, device=DEVICE)


@pytest.fixture(scope="module")
def reference() -> Decoder:
    path = compiled("llm", "fp32", "cpu")
    return Decoder(path, read_decoder(path), slots=1, threads=os.cpu_count() or 1, device="cpu")


@pytest.fixture(scope="module")
def tokens(folder: Path) -> list[int]:
    tokenizer = Tokenizer(folder / "tokenizer.json")
    text = SAMPLE.read_text(encoding="utf-8")
    return tokenizer.encode(text, limit=1000, special_tokens=False)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[LanguageEngine]:
    model = LanguageModel(name="smollm2", path=folder, render=chat, slots=SLOTS)
    engine = model.load(threads=2, max_queue=SLOTS, device=DEVICE)
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def read(decoder: Decoder, tokens: Sequence[int], row: int = 0) -> Logits:
    """The logits behind every token."""
    parts = [
        decoder.read(tokens[start : start + CHUNK], row=row, position=start, all_logits=True).copy()
        for start in range(0, len(tokens), CHUNK)
    ]
    return np.concatenate(parts)


def divergence(want: Logits, got: Logits) -> float:
    """The mean over the rows of KL(want || got), in nats."""
    one, other = (log_softmax(each.astype(np.float64)) for each in (want, got))
    return float((np.exp(one) * (one - other)).sum(axis=-1).mean())


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_every_layer_runs_on_the_device(folder: Path, tmp_path: Path) -> None:
    """The session has the provider, and its profile names it for all that costs time."""
    session = open_session(folder / "model.onnx", threads=2, device=DEVICE)
    assert session.get_providers()[0] == PROVIDER
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=[PROVIDER]
    )
    session.run(["logits"], feed(session))
    events = json.loads(Path(session.end_profiling()).read_text())
    places = {
        (each["args"]["op_name"], each["args"]["provider"])
        for each in events
        if each.get("cat") == "Node" and "provider" in each.get("args", {})
    }
    assert {"GroupQueryAttention", "SkipSimplifiedLayerNormalization"} <= {op for op, _ in places}
    elsewhere = {op for op, provider in places if provider != PROVIDER}
    assert not elsewhere & {
        "FusedMatMul",
        "GroupQueryAttention",
        "MatMul",
        "MatMulNBits",
        "SkipSimplifiedLayerNormalization",
    }


def feed(session: Any) -> dict[str, NDArray[Any]]:
    """Eight tokens, and an empty cache in buffers of the type that the graph wants."""
    inputs: dict[str, NDArray[Any]] = {
        "input_ids": np.arange(1000, 1008)[None],
        "logit_positions": np.array([7]),
        "seqlens_k": np.array([7], np.int32),
        "total_sequence_length": np.array(8, np.int32),
    }
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    for each in session.get_inputs():
        if each.name not in inputs:
            _, heads, _, size = each.shape
            inputs[each.name] = np.zeros((1, heads, 16, size), types[each.type])
    return inputs


def test_logits_are_those_of_the_cpu(
    decoder: Decoder, reference: Decoder, tokens: list[int]
) -> None:
    found = divergence(read(reference, tokens), read(decoder, tokens))
    print(f"\nKL to fp32 on the CPU: {found:.6f} nats a token")
    assert found < CLOSE


def test_a_prompt_in_pieces(decoder: Decoder, tokens: list[int]) -> None:
    """A piece that continues the cache is as good as one run."""
    whole = read(decoder, tokens[:CHUNK])
    decoder.read(tokens[:50], row=3, position=0)
    rest = decoder.read(tokens[50:CHUNK], row=3, position=50, all_logits=True)
    assert divergence(whole[50:], rest) < SAME


def test_rows_that_share_a_run(decoder: Decoder, tokens: list[int]) -> None:
    """Eight texts of other lengths: what each gets alone, and what it gets with the others."""
    lengths = [20 + 7 * row for row in range(SLOTS)]
    for row, length in enumerate(lengths):
        decoder.read(tokens[row : row + length], row=row, position=0)
    following = [tokens[row + length] for row, length in enumerate(lengths)]
    alone = [
        decoder.write(following[row : row + 1], first=row, positions=lengths[row : row + 1])[
            0
        ].copy()
        for row in range(SLOTS)
    ]
    together = decoder.write(following, first=0, positions=lengths)
    assert divergence(np.stack(alone), together) < SAME


async def answers(engine: LanguageEngine, questions: Sequence[str]) -> list[Choice]:
    """The greedy answers, all asked for at once."""
    options = GenerationOptions(
        sampling=SamplingParameters(temperature=0), n=1, max_tokens=32, stop=(), logprobs=None
    )
    prompts = [
        engine.encode_chat([{"role": "user", "content": question}]) for question in questions
    ]
    generations = [engine.submit([prompt], options) for prompt in prompts]
    found = await asyncio.gather(*(collect(each, count=1) for each in generations))
    return [choice for (choice,) in found]


def test_eight_streams_at_once(engine: LanguageEngine) -> None:
    """All end, and know what a small model knows."""
    found = asyncio.run(answers(engine, [question for question, _ in QUESTIONS]))
    assert all(each.finish_reason in ("stop", "length") for each in found)
    wrong = [
        (question, choice.text)
        for (question, word), choice in zip(QUESTIONS, found, strict=True)
        if word not in choice.text.lower()
    ]
    assert len(wrong) <= 2, wrong
    first = asyncio.run(answers(engine, [QUESTIONS[0][0]]))[0]
    assert "paris" in first.text.lower()


def test_speed(folder: Path, decoder: Decoder, tokens: list[int]) -> None:
    """Prints tokens a second; machines differ too much for a limit."""
    decoder.warm_up()
    read(decoder, tokens[:CHUNK])
    start = time.perf_counter()
    for piece in range(0, len(tokens) - CHUNK + 1, CHUNK):
        decoder.read(tokens[piece : piece + CHUNK], row=0, position=piece)
    prefill = len(tokens) // CHUNK * CHUNK / (time.perf_counter() - start)
    print(f"\n{json.loads((folder / 'model.json').read_text())['quantization']} on {DEVICE}:")
    print(f"  prompt {prefill:.0f} tokens/s")
    for rows in (1, SLOTS):
        decoder.write(tokens[:rows], first=0, positions=[100] * rows)
        start = time.perf_counter()
        for step in range(64):
            decoder.write(tokens[:rows], first=0, positions=[101 + step] * rows)
        print(f"  {rows} at once {64 * rows / (time.perf_counter() - start):.0f} tokens/s")


@pytest.mark.parametrize("quantization", ["fp32", "fp16", "int8"])
def test_embeddings_are_those_of_the_cpu(quantization: str) -> None:
    lines = [line for line in SAMPLE.read_text(encoding="utf-8").split("\n") if line.strip()]
    texts = [line[:300] for line in lines]
    vectors = []
    for device, name in (("cpu", "fp32"), (DEVICE, quantization)):
        model = EmbeddingModel(name="minilm", path=compiled("embedding", name, device))
        engine = model.load(threads=2, max_queue=1, device=device)
        vectors.append(asyncio.run(embedded(engine, texts)))
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    print(f"\n{quantization}: smallest cosine {cosines.min():.6f}")
    assert cosines.min() > 0.999


async def embedded(engine: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = await engine.embed(engine.encode(texts))
    await engine.close()
    return found
