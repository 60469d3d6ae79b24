"""Logits that are no numbers end the request that they are of, and no other."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stackrt.engine.decoder import Decoder
from stackrt.engine.language import ChatTemplate, LanguageModel
from stackrt.engine.openai.answers import Choice, collect
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sampling import LogitBias, SamplingParameters
from stackrt.errors import ApiError

# Never ends by itself: what ends a text is as unlikely as can be.
ENDLESS = LogitBias(np.array([0, 2]), np.full(2, -100, np.float32))


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_broken_row_ends_its_request_only(
    temperature: float,
    language_folder: Path,
    chat_template: ChatTemplate,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = LanguageModel(name="smollm2", path=language_folder, render=chat_template, slots=2)
    engine = model.load(threads=2, max_queue=4, device="cpu")
    options = GenerationOptions(
        sampling=SamplingParameters(temperature=temperature, seed=1, logit_bias=ENDLESS),
        n=1,
        max_tokens=24,
        stop=(),
        logprobs=None,
    )
    write, calls = Decoder.write, itertools.count()

    def break_one(self: Decoder, *arguments: Any, **where: Any) -> Any:
        logits = write(self, *arguments, **where).copy()
        if len(logits) == 2 and next(calls) == 3:
            logits[0, 1234] = np.nan
        return logits

    async def complete() -> Choice:
        generation = engine.submit([engine.encode_text("Once upon a time")], options)
        return (await collect(generation, count=1))[0]

    async def run() -> None:
        await engine.open()
        alone = await complete()
        monkeypatch.setattr(Decoder, "write", break_one)
        found = await asyncio.gather(complete(), complete(), return_exceptions=True)
        (error,) = (one for one in found if isinstance(one, ApiError))
        assert error.status == 500
        assert [one for one in found if one is not error] == [alone]
        assert await complete() == alone
        await engine.close()

    asyncio.run(run())
    assert "InvalidLogitsError" in caplog.text
