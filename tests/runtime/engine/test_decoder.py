"""The numbers of a text do not depend on how it is cut, where it lies, or what is beside it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from stackrt.engine.artifact import read_decoder, read_encoder
from stackrt.engine.decoder import CHUNK, Decoder
from stackrt.engine.language import LanguageModel
from stackrt.engine.session import DeviceError, open_session
from stackrt.engine.tokenizer import Tokenizer
from stackrt.lifecycle import StartError

SLOTS = 4
TOKENS = [(7 * index + index // 13) % 40000 + 100 for index in range(CHUNK + 49)]


@pytest.fixture(scope="module")
def decoder(language_folder: Path) -> Decoder:
    artifact = read_decoder(language_folder)
    return Decoder(language_folder, artifact, slots=SLOTS, threads=2, device="cpu")


def prefill(
    decoder: Decoder, tokens: list[int], *, row: int = 0, start: int = 0, step: int = CHUNK
) -> NDArray[np.float32]:
    for position in range(start, len(tokens), step):
        logits = decoder.read(tokens[position : position + step], row=row, position=position)
    return logits[0].copy()


@pytest.mark.parametrize("step", [2, 7, 32, 50])
def test_a_prompt_may_be_cut_anywhere(decoder: Decoder, step: int) -> None:
    tokens = TOKENS[: CHUNK + 22]
    assert len(tokens) % step != 1
    assert (prefill(decoder, tokens, step=step) == prefill(decoder, tokens)).all()


def test_rows_do_not_change_each_other(decoder: Decoder) -> None:
    texts = [TOKENS[7 * row : 7 * row + 11 * (row + 1)] for row in range(SLOTS)]
    alone = []
    for text in texts:
        prefill(decoder, text)
        alone.append(decoder.write([5], first=0, positions=[len(text)])[0].copy())
    for row, text in enumerate(texts):
        prefill(decoder, text, row=row)
    lengths = [len(text) for text in texts]
    together = decoder.write([5] * SLOTS, first=0, positions=lengths)
    assert (together == np.stack(alone)).all()
    assert (decoder.write([5, 5], first=2, positions=lengths[2:]) == alone[2:]).all()


def test_copied_and_exchanged_rows_are_as_good_as_computed_ones(decoder: Decoder) -> None:
    fresh = prefill(decoder, TOKENS, row=1)
    decoder.cache.copy(1, 3, 0, 90)
    assert (prefill(decoder, TOKENS, row=3, start=90) == fresh).all()
    other = prefill(decoder, TOKENS[20:60], row=0)
    decoder.cache.exchange(0, 3, len(TOKENS))
    assert (prefill(decoder, TOKENS, row=0, start=90) == fresh).all()
    assert (prefill(decoder, TOKENS[20:60], row=3, start=30) == other).all()


def test_every_position_has_its_logits(decoder: Decoder) -> None:
    tokens = TOKENS[:20]
    every = decoder.read(tokens, row=0, position=0, all_logits=True).copy()
    assert every.shape[0] == 20
    for count in (2, 11, 20):
        assert (every[count - 1] == prefill(decoder, tokens[:count])).all()


def test_text_is_continued_sensibly(decoder: Decoder, language_folder: Path) -> None:
    tokenizer = Tokenizer(language_folder / "tokenizer.json")
    tokens = tokenizer.encode("one two three four five six seven", limit=99, special_tokens=False)
    assert tokenizer.decode([int(prefill(decoder, tokens).argmax())]) == " eight"


def test_a_device_that_is_missing_is_an_error(language_folder: Path) -> None:
    with pytest.raises(DeviceError, match="onnxruntime-gpu"):
        open_session(language_folder / "model.onnx", threads=1, device="cuda")


def test_a_model_for_another_device_is_an_error(language_folder: Path) -> None:
    artifact = read_decoder(language_folder)
    with pytest.raises(DeviceError, match="not compiled for cuda: build the stack again"):
        Decoder(language_folder, artifact, slots=1, threads=1, device="cuda")


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "tokenizer.json"])
def test_a_file_that_is_broken_is_named(tmp_path: Path, language_folder: Path, name: str) -> None:
    for path in language_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text("{")
    model = LanguageModel(name="x", path=tmp_path, render=chat, slots=1)
    with pytest.raises(StartError, match=rf"{name} (is no|cannot be)"):
        model.load(threads=1, max_queue=1, device="cpu")


def chat(*_: object, **__: object) -> str:
    """A template for whom the conversation does not matter."""
    return ""


def test_artifacts_are_told_apart(language_folder: Path, embedding_folder: Path) -> None:
    with pytest.raises(ValueError, match="of kind `encoder`, not `decoder`"):
        read_decoder(embedding_folder)
    with pytest.raises(ValueError, match="of kind `decoder`, not `encoder`"):
        read_encoder(language_folder)
