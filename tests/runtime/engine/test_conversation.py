"""Conversations with tools, as models were trained to read them, and as plain text for the others."""

import json
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from stackc.models.decoders.chat_template import module_source, translate
from stackrt.engine.calls import HERMES, LLAMA, MISTRAL, CallForm
from stackrt.engine.conversation import ChatTemplate, ConversationWriter, tool_style

TEMPLATES = Path(__file__).parent.parent.parent / "compiler/models/templates"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def template(name: str, folder: Path) -> ChatTemplate:
    text = (TEMPLATES / f"{name}.jinja").read_text()
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    path = folder / "chat_templates.py"
    path.write_text(module_source([translate(text, "render", special)]))
    render: ChatTemplate = runpy.run_path(str(path))["render"]
    return render


def call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def asked(*calls: dict[str, Any], content: str = "") -> list[dict[str, Any]]:
    """A conversation in which the assistant has made `calls` and has their results."""
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": content, "tool_calls": list(calls)},
        *(
            {"role": "tool", "tool_call_id": each["id"], "content": f"result {index}"}
            for index, each in enumerate(calls)
        ),
    ]


PARIS = call("call_1a", "get_weather", '{"city": "Paris"}')
ROME = call("call_2b", "get_weather", '{"city":"Rome"}')


@pytest.mark.parametrize(
    ("name", "native", "form"),
    [
        ("chatml", False, HERMES),
        ("gemma", False, HERMES),
        ("hermes_tools", True, HERMES),
        ("llama2", False, HERMES),
        ("llama3", False, HERMES),
        ("llama3_1", True, LLAMA),
        ("mistral", True, MISTRAL),
        ("qwen2_5", True, HERMES),
        ("qwen3", True, HERMES),
        ("smollm2", False, HERMES),
        ("zephyr", False, HERMES),
    ],
)
def test_a_template_shows_how_it_has_tools(
    name: str, native: bool, form: CallForm, tmp_path: Path
) -> None:
    style = tool_style(template(name, tmp_path))
    assert (style.native, style.form) == (native, form)


@pytest.mark.parametrize(
    ("name", "calls", "wanted"),
    [
        (
            "qwen2_5",
            [PARIS, ROME],
            [
                '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
                '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>',
                "<tool_response>\nresult 0\n</tool_response>",
                "<tool_response>\nresult 1\n</tool_response>",
            ],
        ),
        ("llama3_1", [PARIS], ['{"name": "get_weather", "parameters": {"city": "Paris"}}']),
        (
            "mistral",
            [PARIS, ROME],
            [
                '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}, '
                '"id": "call00000"}, ',
                '"call_id": "call00001"}[/TOOL_RESULTS]',
            ],
        ),
    ],
)
def test_native_templates_get_what_they_know(
    name: str, calls: list[dict[str, Any]], wanted: list[str], tmp_path: Path
) -> None:
    text = ConversationWriter(template(name, tmp_path)).write(asked(*calls), [WEATHER])
    assert "Tells the weather." in text
    places = [text.index(each) for each in wanted]
    assert places == sorted(places)


def plain_conversation(
    messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]], folder: Path
) -> str:
    return ConversationWriter(template("smollm2", folder)).write(messages, tools)


def test_a_plain_template_gets_tools_in_the_system_message(tmp_path: Path) -> None:
    text = plain_conversation(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        [WEATHER],
        tmp_path,
    )
    system, user = text.split("<|im_end|>")[:2]
    assert system.startswith("<|im_start|>system\nBe brief.\n\n")
    assert json.dumps(WEATHER["function"]) in system
    assert user == "\n<|im_start|>user\nHi"


def test_a_plain_template_without_a_system_message_gets_one(tmp_path: Path) -> None:
    text = plain_conversation([{"role": "user", "content": "Hi"}], [WEATHER], tmp_path)
    assert text.count("<|im_start|>system") == 1
    assert "get_weather" in text
    assert "get_weather" not in plain_conversation(
        [{"role": "user", "content": "Hi"}], [], tmp_path
    )


def test_a_plain_template_reads_calls_and_results_as_text(tmp_path: Path) -> None:
    messages = [*asked(PARIS, ROME, content="Wait."), {"role": "user", "content": "And?"}]
    assert plain_conversation(messages, [], tmp_path).split("<|im_end|>\n")[2:] == [
        "<|im_start|>assistant\nWait.\n"
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather", "arguments": {"city":"Rome"}}\n</tool_call>',
        "<|im_start|>user\n<tool_response>\nresult 0\n</tool_response>\n"
        "<tool_response>\nresult 1\n</tool_response>\nAnd?",
        "<|im_start|>assistant\n",
    ]


@pytest.mark.parametrize("name", ["gemma", "llama2", "zephyr"])
def test_roles_stay_in_turns(name: str, tmp_path: Path) -> None:
    """Some templates refuse a conversation in which one speaks twice."""
    messages = [*asked(PARIS)[1:], {"role": "assistant", "content": "Rain."}]
    text = ConversationWriter(template(name, tmp_path)).write(messages, [])
    assert "result 0" in text
    assert "get_weather" in text
