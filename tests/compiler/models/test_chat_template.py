"""Translated chat templates print what Jinja prints, and refuse what Jinja refuses."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from stackc.models.decoders import chat_template
from stackc.models.decoders.chat_template import module_source, translate
from stackc.models.errors import UnsupportedTemplateError
from stackrt.engine import template as support

Render = Callable[..., str]

TEMPLATES = Path(__file__).parent / "templates"
PUBLISHED = sorted(TEMPLATES.glob("*.jinja"))
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
REFUSED = "refused"


def reference(text: str) -> Render:
    """The template in Jinja, set up as transformers does it."""

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda layout: datetime.now().strftime(layout)
    template = environment.from_string(text)
    return lambda messages, **options: template.render(
        messages=messages, documents=None, **SPECIAL_TOKENS, **options
    )


def translated(text: str, folder: Path) -> Render:
    path = folder / "chat_templates.py"
    path.write_text(module_source([translate(text, "render", SPECIAL_TOKENS)]))
    render: Render = runpy.run_path(str(path))["render"]
    return render


def outcome(render: Render, messages: Any, tools: Any, prompt: bool) -> str:
    """What is printed; a refusal is the same whatever it is called."""
    try:
        return render(messages, tools=tools, add_generation_prompt=prompt)
    except (jinja2.TemplateError, TypeError, ZeroDivisionError, support.TemplateError):
        return REFUSED


SYSTEM = {"role": "system", "content": " Be brief. "}
USER = {"role": "user", "content": "What is 2 + 2?\n"}
ASSISTANT = {"role": "assistant", "content": "  4 \u2014 four \U0001f600 "}
CALL = {
    "id": "abcdefghi",
    "type": "function",
    "function": {"name": "weather", "arguments": {"city": "Z\u00fcrich", "days": 2}},
}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": '{"t": 3}', "tool_call_id": "abcdefghi"}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the <weather> & more.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": " Where. "},
                "days": {"type": "integer", "description": "How many."},
                "more": {
                    "type": "object",
                    "additionalProperties": {"type": "number"},
                    "description": "",
                },
            },
            "required": ["city"],
        },
    },
}
CONVERSATIONS: Sequence[Sequence[Mapping[str, Any]]] = (
    [],
    [USER],
    [SYSTEM, USER],
    [USER, ASSISTANT, USER],
    [SYSTEM, USER, ASSISTANT, USER, ASSISTANT],
    [USER, USER],
    [ASSISTANT],
    [USER, CALLING, RESULT],
    [USER, CALLING, RESULT, RESULT, ASSISTANT, USER],
    [USER, {**CALLING, "content": "Let me see."}, RESULT],
    [USER, {**CALLING, "tool_calls": [CALL, CALL]}, RESULT, RESULT],
    [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nyes"}, USER],
    [USER, {"role": "assistant", "content": "x", "reasoning_content": "because"}],
    [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": None}],
    [{"role": "user"}],
    [{"content": "x"}],
    [{"role": "critic", "content": ""}],
)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_templates(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    want, got = reference(text), translated(text, tmp_path)
    outcomes = []
    for messages in CONVERSATIONS:
        for tools in (None, [], [TOOL], [TOOL, TOOL]):
            for prompt in (False, True):
                outcomes.append(outcome(want, messages, tools, prompt))
                try:
                    rendered = got(messages, tools=tools, add_generation_prompt=prompt)
                except support.TemplateError:
                    rendered = REFUSED
                assert rendered == outcomes[-1], (messages, tools)
    assert len(set(outcomes)) > 3  # not all refused, not all alike


text = st.text(max_size=6) | st.sampled_from(
    ["a\nb", " x ", "<think>", "</think>", "{{", "ü", "\\"]
)
call = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": text, "arguments": st.dictionaries(text, text)})},
    optional={"id": st.sampled_from(["abcdefghi", "x"]), "type": st.just("function")},
)
message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": text | st.none() | st.lists(st.fixed_dictionaries({"type": text, "text": text})),
        "tool_calls": st.lists(call, max_size=2) | st.none(),
        "tool_call_id": st.sampled_from(["abcdefghi", "x"]),
        "reasoning_content": text,
    },
)
turns = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": text})
)


@pytest.fixture(scope="module", params=PUBLISHED, ids=lambda path: path.stem)
def renderers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = request.param.read_text()
    return reference(source), translated(source, tmp_path_factory.mktemp("template"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(message, max_size=4) | turns, st.sampled_from([None, [TOOL]]), st.booleans())
def test_any_conversation(renderers: Any, messages: Any, tools: Any, prompt: bool) -> None:
    want, got = renderers
    try:
        rendered = got(messages, tools=tools, add_generation_prompt=prompt)
    except support.TemplateError:
        rendered = REFUSED
    assert rendered == outcome(want, messages, tools, prompt)


# Forms that templates of some model use: sections of a file, each a name and a template.
FORMS = {
    name: template.removesuffix("\n")
    for section in (TEMPLATES / "forms.txt").read_text().split("=== ")[1:]
    for name, template in [section.split("\n", 1)]
} | {
    "long_text": "{{ '" + "Speak of \\n many things. " * 40 + "' }}" + "word" * 200,
    "long_condition": "{% if "
    + " and ".join(f"messages[{i}].content is not string" for i in range(12))
    + " %}a{% endif %}b",
}


def without_generation(text: str) -> str:
    return text.replace("{% generation %}", "").replace("{% endgeneration %}", "")


@pytest.mark.parametrize("text", FORMS.values(), ids=list(FORMS))
def test_forms(text: str, tmp_path: Path) -> None:
    want, got = reference(without_generation(text)), translated(text, tmp_path)
    for messages in (*CONVERSATIONS, [SYSTEM, SYSTEM, USER, RESULT, ASSISTANT] * 3):
        for tools in (None, [TOOL]):
            expected = outcome(want, messages, tools, True)
            try:
                rendered = got(messages, tools=tools, add_generation_prompt=True)
            except support.TemplateError:
                rendered = REFUSED
            assert rendered == expected, messages


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the functions in one module, with the settings of generated code."""
    texts = {path.stem: path.read_text() for path in PUBLISHED}
    texts |= {f"form_{name}": text for name, text in FORMS.items()}
    functions = [translate(text, name, SPECIAL_TOKENS) for name, text in texts.items()]
    folder = tmp_path_factory.mktemp("generated")
    (folder / "chat_templates.py").write_text(module_source(functions), encoding="utf-8")
    (folder / "ruff.toml").write_text('line-length = 320\ntarget-version = "py311"\n')
    return folder


def run(*command: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_functions_are_formatted_and_clean(package: Path) -> None:
    rules = "E,F,I,UP,B,SIM,C4,RUF,ASYNC,PTH,RET,N,D100"
    run("ruff", "format", "--check", "--diff", ".", folder=package)
    run("ruff", "check", "--select", rules, ".", folder=package)


def test_functions_are_typed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Path(support.__file__).parents[2]
    monkeypatch.setenv("MYPYPATH", str(runtime))
    run("mypy", "--strict", "--explicit-package-bases", "chat_templates.py", folder=package)


UNSUPPORTED = {
    "{% include 'x' %}": "`Include`",
    "a\n{{ x | frobnicate }}": "`frobnicate`",
    "{{ messages is frobnicated }}": "`frobnicated`",
    "{{ lipsum() }}": "`lipsum`",
    "{{ messages.append(1) }}": "`append`",
    "{{ messages[0].items }}": "`items`",
    "{% for m in messages recursive %}{% endfor %}": "recursive",
    "{% for m in messages %}{{ loop.depth }}{% endfor %}": "`loop.depth`",
    "{% set a, b = messages %}{{ a }}": "several variables",
    "{{ '%s' % messages }}": "`%`",
    "{{ 2 ** 3 }}": "`Pow`",
    "{{ dict(*messages) }}": "stars",
    "{% call x() %}{% endcall %}": "`CallBlock`",
    "{% for m in messages %}{% macro f() %}{% endmacro %}{{ f() }}{% endfor %}": "macro",
    "{% if messages": "syntax",
}


@pytest.mark.parametrize("template", UNSUPPORTED)
def test_what_has_no_translation_is_named(template: str) -> None:
    with pytest.raises(UnsupportedTemplateError) as caught:
        translate(template, "render", SPECIAL_TOKENS)
    assert UNSUPPORTED[template] in caught.value.construct
    assert caught.value.line == template.count("\n") + 1
    assert "\n" not in str(caught.value)


def test_refusals_carry_the_message_of_the_template(tmp_path: Path) -> None:
    render = translated("{{ raise_exception('No ' ~ messages[0].role ~ ' here') }}", tmp_path)
    with pytest.raises(support.TemplateError, match="No user here"):
        render([USER], tools=None, add_generation_prompt=True)


def test_support_functions_exist() -> None:
    assert all(hasattr(support, name) for name in chat_template.SUPPORT)
