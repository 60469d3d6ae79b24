"""A stack with the embedded engine, written by hand: `python -m embedded`.

It serves one language model twice: as `onnx/chat` it chooses tools itself, as `onnx/choosing` by
similarity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackrt.apis.inference import Inference
from stackrt.apis.models import Model, ModelRegistry
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.language import LanguageModel
from stackrt.engine.tool_choice import EmbeddingToolChoice
from stackrt.errors import exception_handlers
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.onnx import Onnx
from stackrt.serve import main
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the compiled models are."""

    language: str
    embedding: str


def render(
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
) -> str:
    """A chat as SmolLM2 reads it."""
    turns = [f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n" for each in messages]
    return "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")


async def health(request: Request) -> Response:
    """The stack serves."""
    return Response()


def build(settings: Settings) -> Starlette:
    """The application."""
    language = Path(settings.language)
    onnx = Onnx(
        models=[
            LanguageModel(name="chat", path=language, render=render, slots=4),
            LanguageModel(
                name="choosing",
                path=language,
                render=render,
                slots=2,
                tool_choice=EmbeddingToolChoice(model="minilm", threshold=0.3),
            ),
            EmbeddingModel(name="minilm", path=Path(settings.embedding)),
        ]
    )
    models = [
        Model(
            identifier=f"onnx/{name}",
            provider_id="onnx",
            provider_resource_id=name,
            model_type="llm",
            metadata={},
        )
        for name in ("chat", "choosing")
    ]
    inference = Inference(registry=ModelRegistry(models=models, providers={"onnx": onnx}))
    return Starlette(
        routes=[
            Route("/v1/chat/completions", inference.chat_completions, methods=["POST"]),
            Route("/v1/completions", inference.completions, methods=["POST"]),
            Route("/v1/health", health, methods=["GET"]),
        ],
        exception_handlers=exception_handlers,
        lifespan=lifespan(onnx),
    )


if __name__ == "__main__":
    main(build, Settings, host=lambda _: "127.0.0.1", port=lambda _: 0)
