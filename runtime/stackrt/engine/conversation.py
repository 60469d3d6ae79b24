"""Writes conversations with tools, for chat templates that know tools and those that do not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stackrt.engine.calls import HERMES, LLAMA, MISTRAL, CallForm
from stackrt.engine.template_limits import TemplateError, bounded

Message = Mapping[str, Any]


class ChatTemplate(Protocol):
    """Writes a conversation the way a model was trained to read it.

    Raises `stackrt.engine.template_limits.TemplateError` for a conversation that it has no form for.
    """

    def __call__(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] | None,
        add_generation_prompt: bool,
    ) -> str: ...


@dataclass(frozen=True, kw_only=True)
class ToolStyle:
    """How a chat template has tools: whether it knows them, and how it writes calls.

    `parsed` if it takes the arguments of calls as an object, and not as the JSON of one.
    """

    native: bool
    form: CallForm
    parsed: bool


_PLAIN = ToolStyle(native=False, form=HERMES, parsed=True)

_NAME = "look_up"
_ARGUMENTS = {"place": "Oslo"}
_RESULT = "rainy"


def tool_style(render: ChatTemplate) -> ToolStyle:
    """How `render` has tools, found out by having it write a call; plain text if it does not."""
    for parsed in (True, False):
        try:
            text = render(_probe(parsed=parsed), tools=[_TOOL], add_generation_prompt=True)
            declared = _NAME in render(_probe()[:1], tools=[_TOOL], add_generation_prompt=True)
        except TemplateError:
            continue
        for form in (HERMES, MISTRAL, LLAMA):
            call = f"{form.opening}{form.before}{_NAME}{form.between}{json.dumps(_ARGUMENTS)}"
            if declared and call in text and _RESULT in text:
                return ToolStyle(native=True, form=form, parsed=parsed)
    return _PLAIN


def _probe(*, parsed: bool = True) -> list[dict[str, Any]]:
    arguments = _ARGUMENTS if parsed else json.dumps(_ARGUMENTS)
    function = {"name": _NAME, "arguments": arguments}
    call = {"id": _call_id(0), "type": "function", "function": function}
    return [
        {"role": "user", "content": "What is it like?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": _RESULT, "tool_call_id": _call_id(0), "name": _NAME},
    ]


_TOOL = {
    "type": "function",
    "function": {
        "name": _NAME,
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}


def _call_id(index: int) -> str:
    """Mistral's templates take nine letters or digits; the others do not look."""
    return f"call{index:05}"


class ConversationWriter:
    """Makes of conversations in OpenAI's form the text that a model continues."""

    def __init__(self, render: ChatTemplate) -> None:
        self._render = bounded(render)
        self._style = tool_style(self._render)

    @property
    def form(self) -> CallForm:
        """How the model writes calls."""
        return self._style.form

    def write(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> str:
        """The text up to the next message, which may call `tools`.

        Messages have their content as one string; the arguments of calls are JSON objects as
        text. Raises TemplateError.
        """
        if self._style.native:
            native = _native(messages, parsed=self._style.parsed)
            return self._render(native, tools=tools or None, add_generation_prompt=True)
        plain: Sequence[Message] = _plain(messages, self._style.form)
        if tools:
            plain = _introduced(plain, tools, self._style.form)
        return self._render(plain, tools=None, add_generation_prompt=True)


def _native(messages: Sequence[Message], *, parsed: bool) -> list[dict[str, Any]]:
    """Messages as templates know them, with ids of calls that all of them take."""
    ids: dict[object, str] = {}
    written = []
    for message in messages:
        changed = dict(message)
        if "tool_calls" in message:
            changed["tool_calls"] = [
                {
                    "id": ids.setdefault(call["id"], _call_id(len(ids))),
                    "type": "function",
                    "function": _function(call["function"], parsed=parsed),
                }
                for call in message["tool_calls"]
            ]
        if message["role"] == "tool":
            id = message.get("tool_call_id")
            changed["tool_call_id"] = ids.setdefault(id, _call_id(len(ids)))
        written.append(changed)
    return written


def _function(function: Mapping[str, Any], *, parsed: bool) -> dict[str, Any]:
    arguments = function["arguments"]
    return {"name": function["name"], "arguments": json.loads(arguments) if parsed else arguments}


def _plain(messages: Sequence[Message], form: CallForm) -> list[dict[str, Any]]:
    """Messages without tools: calls are text of the assistant, and results text of the user."""
    written: list[dict[str, Any]] = []
    after_result = False
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "tool":
            content = f"<tool_response>\n{content}\n</tool_response>"
        if role in ("tool", "user") and after_result:
            # Templates that want the roles in turns see one message of the user.
            written[-1]["content"] += f"\n{content}"
        elif role == "tool":
            written.append({"role": "user", "content": content})
        else:
            calls = [
                form.call(call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls", ())
            ]
            text = "\n".join([content, *calls] if content else calls) if calls else content
            written.append({"role": role, "content": text})
        after_result = role == "tool" or (after_result and role == "user")
    return written


def _introduced(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], form: CallForm
) -> list[Message]:
    """Messages with a system message that tells of `tools`, added to the one that there is."""
    functions = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    example = form.call("name of the function", "{arguments as JSON}")
    section = f"You can call these functions:\n{functions}\n\nTo call one, answer:\n{example}"
    if messages[0]["role"] == "system":
        text = f"{messages[0]['content']}\n\n{section}"
        return [{"role": "system", "content": text}, *messages[1:]]
    return [{"role": "system", "content": section}, *messages]
