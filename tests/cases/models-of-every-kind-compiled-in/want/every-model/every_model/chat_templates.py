"""Chat templates of the language models: how each was trained to read a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackrt.engine.template import item, joined, text


def cpu_writer(messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None, add_generation_prompt: bool) -> str:
    out: list[str] = []
    for m in messages:
        out.append(text(item(m, "role")) + ": " + text(item(m, "content")))
    return joined(out)


def gpu_writer(messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None, add_generation_prompt: bool) -> str:
    out: list[str] = []
    for m in messages:
        out.append(text(item(m, "role")) + ": " + text(item(m, "content")))
    return joined(out)


def writer_in_four_bits(messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None, add_generation_prompt: bool) -> str:
    out: list[str] = []
    for m in messages:
        out.append(text(item(m, "role")) + ": " + text(item(m, "content")))
    return joined(out)
