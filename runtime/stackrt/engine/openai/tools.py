"""The tools of a request, and which of them the text may or must call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stackrt.engine.calls import CallForm
from stackrt.engine.grammar import Grammar, GrammarCompiler, GrammarError
from stackrt.engine.openai.fields import Fields, not_supported
from stackrt.engine.openai.formats import Format, not_honoured
from stackrt.engine.tools import Tool, ToolUse, arguments_schema, call_grammar
from stackrt.errors import ApiError, bad_request

# OpenAI API reference: at most so many tools, and what they may be called.
MAX_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

KNOWN = frozenset({"parallel_tool_calls", "tool_choice", "tools"})

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def read_tool_use(fields: Fields) -> ToolUse | None:
    """Which tools may be called; None for none. Raises ApiError 400, or 501 for custom tools."""
    tools = _tools(fields.get("tools"))
    parallel = fields.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        raise bad_request("`parallel_tool_calls` must be a boolean", param="parallel_tool_calls")
    chosen, required = _chosen(fields.get("tool_choice"), tools)
    if not chosen:
        return None
    return ToolUse(tools=chosen, required=required, parallel=parallel is not False)


def read_call_grammar(
    compiler: GrammarCompiler, form: CallForm, use: ToolUse, content: Format | None
) -> Grammar:
    """The grammar of texts that use tools as `use` says. Takes its time. Raises a 400."""
    try:
        return call_grammar(compiler, form, use, content.part if content is not None else None)
    except GrammarError as error:
        raise _refused(compiler, use.tools, content, error) from error


def _refused(
    compiler: GrammarCompiler, tools: Sequence[Tool], content: Format | None, error: GrammarError
) -> ApiError:
    """The 400 for the first tool whose parameters cannot be honoured, or for the content."""
    for tool in tools:
        try:
            compiler.check_schema(arguments_schema(tool.parameters))
        except GrammarError as cause:
            return not_honoured(cause, ".".join((tool.param, *cause.path)))
    return not_honoured(error, "tools") if content is None else content.refused(compiler, error)


def _tools(given: object) -> list[Tool]:
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MAX_TOOLS:
        raise bad_request(f"`tools` must be a list of at most {MAX_TOOLS} tools", param="tools")
    tools: dict[str, Tool] = {}
    for index, declaration in enumerate(given):
        tool = _tool(declaration, f"tools.{index}")
        if tool.name in tools:
            param = f"tools.{index}.function.name"
            raise bad_request(f"`{param}`: there are two tools called `{tool.name}`", param=param)
        tools[tool.name] = tool
    return list(tools.values())


def _tool(given: object, param: str) -> Tool:
    function = _named(given, "function", param)
    param = f"{param}.function"
    description = _optional(function, "description", str, param)
    parameters = _optional(function, "parameters", dict, param)
    _optional(function, "strict", bool, param)
    if parameters is not None and parameters.get("type", "object") != "object":
        where = f"{param}.parameters.type"
        raise bad_request(f"`{where}` must be `object`", param=where)
    shown = {"name": function["name"], "description": description or ""}
    schema = _NO_PARAMETERS if parameters is None else parameters
    return Tool(
        name=function["name"],
        description=description or "",
        parameters=schema,
        declaration={"type": "function", "function": {**shown, "parameters": schema}},
        param=f"{param}.parameters",
    )


def _named(given: object, kind: str, param: str) -> Mapping[str, Any]:
    """The function in an object of type `kind`, which has a name that functions may have."""
    if not isinstance(given, Mapping):
        raise bad_request(f"`{param}` must be an object", param=param)
    if given.get("type") == "custom":
        raise not_supported("custom tools", f"{param}.type")
    if given.get("type") != kind:
        raise bad_request(f"`{param}.type` must be `{kind}`", param=f"{param}.type")
    function = given.get("function")
    if not isinstance(function, Mapping):
        raise bad_request(f"`{param}.function` must be an object", param=f"{param}.function")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_request(
            f"`{param}.function.name` must be 1 to 64 letters, digits, `_` or `-`",
            param=f"{param}.function.name",
        )
    return function


def _optional(function: Mapping[str, Any], key: str, kind: type, param: str) -> Any:
    value = function.get(key)
    if value is not None and not isinstance(value, kind):
        words = {str: "a string", dict: "a JSON Schema: an object", bool: "a boolean"}
        raise bad_request(f"`{param}.{key}` must be {words[kind]}", param=f"{param}.{key}")
    return value


def _chosen(choice: object, tools: Sequence[Tool]) -> tuple[Sequence[Tool], bool]:
    """Which of `tools` may be called, and whether one must be."""
    if choice in (None, "auto"):
        return tools, False
    if choice == "none":
        return (), False
    if not tools:
        raise bad_request("`tool_choice` needs `tools`", param="tool_choice")
    if choice == "required":
        return tools, True
    if not isinstance(choice, Mapping):
        raise bad_request(
            "`tool_choice` must be `none`, `auto`, `required` or an object", param="tool_choice"
        )
    if choice.get("type") == "allowed_tools":
        return _allowed(choice.get("allowed_tools"), tools)
    return [_find(choice, tools, "tool_choice")], True


def _allowed(given: object, tools: Sequence[Tool]) -> tuple[Sequence[Tool], bool]:
    param = "tool_choice.allowed_tools"
    if not isinstance(given, Mapping) or given.get("mode") not in ("auto", "required"):
        raise bad_request(f"`{param}.mode` must be `auto` or `required`", param=f"{param}.mode")
    allowed = given.get("tools")
    if not isinstance(allowed, list) or not allowed:
        raise bad_request(f"`{param}.tools` must be a list of tools", param=f"{param}.tools")
    wanted = [_find(one, tools, f"{param}.tools.{index}") for index, one in enumerate(allowed)]
    return [tool for tool in tools if tool in wanted], given["mode"] == "required"


def _find(given: object, tools: Sequence[Tool], param: str) -> Tool:
    name = _named(given, "function", param)["name"]
    for tool in tools:
        if tool.name == name:
            return tool
    where = f"{param}.function.name"
    raise bad_request(f"`{where}` is `{name}`, which is none of `tools`", param=where)
