"""Serves models from memory, on onnxruntime: `inline::onnx`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TypeVar

from stackrt.apis.inference import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingsRequest,
    RerankRequest,
)
from stackrt.apis.models import Model
from stackrt.apis.providers import Health
from stackrt.engine.classification import Classification, ClassifierEngine, ClassifierModel
from stackrt.engine.cores import usable_cores
from stackrt.engine.embedding import EmbeddingEngine, EmbeddingModel
from stackrt.engine.language import LanguageEngine, LanguageModel
from stackrt.engine.metrics import Metrics
from stackrt.engine.openai import chat, completions, embeddings, rerank
from stackrt.engine.openai.prompts import within_context
from stackrt.engine.rerank import RerankEngine, RerankModel
from stackrt.engine.session import Device
from stackrt.engine.tool_choice import ToolChooser
from stackrt.errors import not_found

Engine = TypeVar("Engine", LanguageEngine, EmbeddingEngine, RerankEngine, ClassifierEngine)


class Onnx:
    """Runs each of its models in a thread of its own; the event loop never waits for one.

    `device` is what the models were compiled for. `threads` is how many cores one run may use, 0
    for all that the process has. `max_queue` is how many requests may wait for a model before the
    next gets a 429.
    """

    def __init__(
        self,
        *,
        models: Sequence[LanguageModel | EmbeddingModel | RerankModel | ClassifierModel],
        device: Device = "cpu",
        threads: int = 0,
        max_queue: int = 64,
    ) -> None:
        threads = threads or usable_cores()
        with ThreadPoolExecutor(max(1, len(models))) as pool:
            engines = list(
                pool.map(
                    lambda model: model.load(threads=threads, max_queue=max_queue, device=device),
                    models,
                )
            )
        self._language = {one.name: one for one in engines if isinstance(one, LanguageEngine)}
        self._embedding = {one.name: one for one in engines if isinstance(one, EmbeddingEngine)}
        self._rerank = {one.name: one for one in engines if isinstance(one, RerankEngine)}
        self._classifier = {one.name: one for one in engines if isinstance(one, ClassifierEngine)}
        self._choosers = {
            name: ToolChooser(
                self._embedding[engine.tool_choice.model], threshold=engine.tool_choice.threshold
            )
            for name, engine in self._language.items()
            if engine.tool_choice is not None
        }
        self._engines = engines

    @property
    def open_models(self) -> bool:
        """Only declared models are served."""
        return False

    async def open(self) -> None:
        """Starts the threads of the models."""
        for engine in self._engines:
            await engine.open()

    async def close(self) -> None:
        """Ends what runs, and the threads."""
        for engine in self._engines:
            await engine.close()

    async def list_models(self) -> Sequence[str]:
        """Nothing beyond what is declared."""
        return ()

    def metrics(self) -> dict[str, Metrics]:
        """How much each language model has to do and did."""
        return {name: engine.metrics() for name, engine in self._language.items()}

    async def health(self) -> Health:
        """Whether every model would work on a request, and their metrics."""
        metrics = {name: asdict(one) for name, one in self.metrics().items()}
        stopped = [engine.name for engine in self._engines if not engine.alive]
        if stopped:
            message = f"not running: {', '.join(stopped)}"
            return Health(status="Error", message=message, metrics=metrics)
        return Health(status="OK", metrics=metrics)

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        """A `chat.completion` object. Raises ApiError 400, 429 or 501."""
        answer = await self._start_chat(model, request)
        return await answer.body()

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        """Frames of `chat.completion.chunk`. Raises as `chat_completion`, before the first."""
        answer = await self._start_chat(model, request)
        return answer.frames()

    async def _start_chat(self, model: Model, request: ChatCompletionRequest) -> chat.ChatAnswer:
        engine = _find(self._language, model)
        chooser = self._choosers.get(engine.name)
        return await chat.start(engine, request, model.identifier, chooser)

    async def completion(self, model: Model, request: CompletionRequest) -> bytes:
        """A `text_completion` object. Raises ApiError 400, 429 or 501."""
        answer = await completions.start(_find(self._language, model), request, model.identifier)
        return await answer.body()

    async def stream_completion(
        self, model: Model, request: CompletionRequest
    ) -> AsyncIterator[bytes]:
        """Frames of `text_completion`. Raises as `completion`, before the first."""
        answer = await completions.start(_find(self._language, model), request, model.identifier)
        return answer.frames()

    async def embeddings(self, model: Model, request: EmbeddingsRequest) -> bytes:
        """A list of `embedding` objects. Raises ApiError 400 or 429."""
        return await embeddings.answer(_find(self._embedding, model), request, model.identifier)

    async def rerank(self, model: Model, request: RerankRequest) -> bytes:
        """The items of `request`, the most relevant first. Raises ApiError 400, 429 or 501."""
        return await rerank.answer(_find(self._rerank, model), request)

    async def classify(self, model: Model, texts: Sequence[str]) -> list[Classification]:
        """The classes of each text, for what judges texts in this process.

        Raises ApiError 400 for a text that is too long, and 429.
        """
        engine = _find(self._classifier, model)
        with within_context(engine.longest_text, "input"):
            return await engine.classify(texts)


def _find(engines: Mapping[str, Engine], model: Model) -> Engine:
    engine = engines.get(model.provider_resource_id)
    if engine is None:
        raise not_found(
            f"`{model.identifier}` is not a model that this provider can use for that",
            param="model",
            code="model_not_found",
        )
    return engine
