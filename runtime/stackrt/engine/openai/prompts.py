"""Makes prompts of requests, and a plain 400 of what does not fit or cannot be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stackrt.engine.language import LanguageEngine, Prompt
from stackrt.engine.openai.fields import not_supported
from stackrt.engine.openai.parameters import MAX_CHOICES
from stackrt.engine.template_limits import TemplateError
from stackrt.engine.tokenizer import TooManyTokensError
from stackrt.errors import ApiError, bad_request

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})

# What a part of a message may hold that this engine cannot read.
_OTHER_PARTS = {"image_url": "image input", "input_audio": "audio input", "file": "file input"}
_TEXT_PARTS = {"text": "text", "refusal": "refusal"}


def read_chat(
    engine: LanguageEngine,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> Prompt:
    """The prompt for the next message of a chat, which may call `tools`.

    Raises ApiError 400, or 501 for other media.
    """
    if not messages:
        raise bad_request("`messages` is empty", param="messages")
    plain = [_plain(message, f"messages.{index}") for index, message in enumerate(messages)]
    with within_context(engine.artifact.context_length, "messages"):
        try:
            return engine.encode_chat(plain, tools)
        except TemplateError as error:
            raise bad_request(str(error), param="messages") from error


@dataclass(frozen=True)
class TextPrompt:
    """A text to continue, and its tokens."""

    text: str
    tokens: Prompt


def read_prompts(
    engine: LanguageEngine, given: str | list[str] | list[int] | list[list[int]]
) -> list[TextPrompt]:
    """The prompts of a completion: one text, several, or either as tokens. Raises ApiError 400."""
    prompts: Sequence[Any] = [given] if is_single(given) else given
    if not 1 <= len(prompts) <= MAX_CHOICES:
        raise bad_request(f"`prompt` must have 1 to {MAX_CHOICES} prompts", param="prompt")
    with within_context(engine.artifact.context_length, "prompt"):
        return [_text_prompt(engine, prompt) for prompt in prompts]


def is_single(given: str | Sequence[object]) -> bool:
    """Whether `given` is one text, or the tokens of one, and not several."""
    return isinstance(given, str) or (len(given) > 0 and isinstance(given[0], int))


def _text_prompt(engine: LanguageEngine, prompt: str | list[int]) -> TextPrompt:
    if isinstance(prompt, str):
        return TextPrompt(prompt, engine.encode_text(prompt))
    check_tokens(prompt, vocab_size=engine.artifact.vocab_size, param="prompt")
    if len(prompt) > engine.longest_prompt:
        raise TooManyTokensError(len(prompt), exact=True)
    return TextPrompt(engine.tokenizer.decode(prompt, special_tokens=True), prompt)


def check_tokens(tokens: Sequence[int], *, vocab_size: int, param: str) -> None:
    """Raises a 400 unless `tokens` are some of the model's own."""
    if not tokens:
        raise bad_request(f"`{param}` has an empty list of tokens", param=param)
    if min(tokens) < 0 or max(tokens) >= vocab_size:
        raise bad_request(
            f"`{param}` has tokens that are not the model's, which are 0 to {vocab_size - 1}",
            param=param,
        )


def context_overflow(error: TooManyTokensError, *, limit: int, param: str) -> ApiError:
    """400: what `param` holds does not fit into a context of `limit` tokens."""
    tokens = f"{error.count}" if error.exact else f"more than {error.count}"
    return bad_request(
        f"This model's maximum context length is {limit} tokens. However, your {param} resulted in "
        f"{tokens} tokens. Please reduce the length of the {param}.",
        param=param,
        code="context_length_exceeded",
    )


@contextmanager
def within_context(limit: int, param: str) -> Iterator[None]:
    """Turns a TooManyTokensError into the 400 for the field `param`."""
    try:
        yield
    except TooManyTokensError as error:
        raise context_overflow(error, limit=limit, param=param) from error


def _plain(message: Mapping[str, Any], param: str) -> dict[str, Any]:
    """A message as templates know them: `developer` is `system`, and content is one string."""
    role = message["role"]
    if role not in ROLES:
        raise bad_request(
            f"`{param}.role` must be one of {', '.join(sorted(ROLES))}, not `{role}`",
            param=f"{param}.role",
        )
    plain = {key: value for key, value in message.items() if value is not None}
    plain["role"] = "system" if role == "developer" else role
    plain["content"] = _text(message.get("content"), role, f"{param}.content")
    calls = plain.pop("tool_calls", None)
    if calls and role == "assistant":
        plain["tool_calls"] = [
            _call(call, f"{param}.tool_calls.{index}") for index, call in enumerate(calls)
        ]
    return plain


def _call(call: Mapping[str, Any], param: str) -> dict[str, Any]:
    """A call of a tool in an earlier message, with a name and a JSON object of arguments."""
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_request(
            f"`{param}` must have a `function` with its `name`", param=f"{param}.function"
        )
    arguments = function.get("arguments")
    if not isinstance(arguments, str) or not _is_object(arguments):
        where = f"{param}.function.arguments"
        raise bad_request(f"`{where}` must be a JSON object as a string", param=where)
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def last_request(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """What the user asks in the last message; None if that is another's. Raises as `read_chat`."""
    index = len(messages) - 1
    if index < 0 or messages[index]["role"] != "user":
        return None
    return _text(messages[index].get("content"), "user", f"messages.{index}.content")


def _text(content: object, role: str, param: str) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = enumerate(content)
        return "\n".join(_part(part, f"{param}.{index}") for index, part in parts)
    if content is None and role == "assistant":
        return ""
    raise bad_request(f"`{param}` must be a string or an array of parts", param=param)


def _part(part: object, param: str) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, Mapping) and isinstance(kind, str):
        if kind in _OTHER_PARTS:
            raise not_supported(_OTHER_PARTS[kind], param)
        text = part.get(_TEXT_PARTS.get(kind, ""))
        if isinstance(text, str):
            return text
    raise bad_request(f"`{param}` must be a part of type `text` with its `text`", param=param)
