"""Tools that a model may call, and the grammar of texts that call them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackrt.engine.calls import CallForm
from stackrt.engine.grammar import Grammar, GrammarCompiler, Part, json_schema, quoted

# Calls in one text: models that cannot stop would fill the context with them.
MAX_CALLS = 16


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function of the client; `parameters` is the JSON Schema of its arguments.

    `declaration` is how OpenAI's API has it, which is what chat templates know; `param` is the
    field of the request that has the parameters.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    declaration: Mapping[str, Any]
    param: str


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """Which tools a text may call, whether it must, and whether more than once."""

    tools: Sequence[Tool]
    required: bool
    parallel: bool


def arguments_schema(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a call's arguments: always an object, and nothing that nobody asked for."""
    closed = {} if parameters.keys() & _OPEN else {"additionalProperties": False}
    return {**parameters, **closed, "type": "object"}


# Keywords that tell of properties beside `properties`; `type` alone stands for any object.
_OPEN = frozenset({"$ref", "additionalProperties", "allOf", "anyOf", "oneOf", "patternProperties"})


def call_grammar(
    compiler: GrammarCompiler, form: CallForm, use: ToolUse, content: Part | None
) -> Grammar:
    """Texts that use tools as `use` says, and otherwise are `content`, or any text.

    Beside `content` the `form` must have a marker.

    Raises GrammarError.
    """
    others = {
        f"arguments_{index}": json_schema(arguments_schema(tool.parameters), one_line=True)
        for index, tool in enumerate(use.tools)
    }
    if content is not None:
        others["content"] = content
    rules = "\n".join(_rules(compiler, form, use, with_content=content is not None))
    return compiler.compile({"lark_grammar": rules}, special_tokens=True, **others)


def _rules(
    compiler: GrammarCompiler, form: CallForm, use: ToolUse, *, with_content: bool
) -> Iterator[str]:
    """A Lark grammar, rule by rule."""
    head = form.opening + form.before
    first = _written(compiler, head)
    if use.required:
        yield f"start: {first} calls"
    elif with_content:
        yield f"start: @content | {first} calls"
    elif form.marker is None:
        # What begins like a call is one.
        yield f"start: TEXT | {first} calls"
        yield r"TEXT: /([^{](.|\n)*)?/"
    else:
        rest = _written(compiler, head[len(form.marker) :])
        yield f"start: TEXT | tagged {rest} calls"
        marker = compiler.marker(form.marker)
        # A marker that is spelled ends the text before it as soon as it is complete.
        spelled = marker == quoted(form.marker)
        yield f"tagged{'[lazy]' if spelled else ''}: TEXT {marker}"
        yield r"TEXT: /(.|\n)*/"
    more = ""
    if use.parallel and form.separator is not None:
        between = _written(compiler, form.separator + form.before)
        more = f" ({between} call){{0,{MAX_CALLS - 1}}}"
    yield f"calls: call{more} {_written(compiler, form.closing)}"
    yield f"call: {' | '.join(f'call_{index}' for index in range(len(use.tools)))}"
    after = _written(compiler, form.after)
    for index, tool in enumerate(use.tools):
        yield f"call_{index}: {quoted(tool.name + form.between)} @arguments_{index} {after}"


_MARKERS = re.compile(r"(</?tool_call>|\[TOOL_CALLS\])")


def _written(compiler: GrammarCompiler, text: str) -> str:
    """`text` in Lark, with markers as the tokens that models have for them."""
    parts = [part for part in _MARKERS.split(text) if part]
    return " ".join(
        compiler.marker(part) if _MARKERS.fullmatch(part) else quoted(part) for part in parts
    )
