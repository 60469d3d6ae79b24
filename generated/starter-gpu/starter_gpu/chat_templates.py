"""Chat templates of the language models: how each was trained to read a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackrt.engine.template import item, joined, loops, string


def smollm2_135m_instruct(messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None, add_generation_prompt: bool) -> str:
    out: list[str] = []
    for loop, message in loops(messages):
        if loop.first and item(messages, 0, "role") != "system":
            out.append("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n")
        out.append("<|im_start|>" + string(item(message, "role")) + "\n" + string(item(message, "content")) + "<|im_end|>\n")
    if add_generation_prompt:
        out.append("<|im_start|>assistant\n")
    return joined(out)
