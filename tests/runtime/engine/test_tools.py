"""The grammar of calls: which texts call tools in which form, and which do not."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stackrt.engine.artifact import read_decoder
from stackrt.engine.calls import HERMES, LLAMA, MISTRAL, Arguments, CallForm, CallParser, CallStart
from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.grammar import GrammarCompiler, GrammarError, Part, json_schema, regex
from stackrt.engine.tokenizer import Tokenizer
from stackrt.engine.tools import MAX_CALLS, Tool, ToolUse, call_grammar

VOCABULARY = 49155
# Tokens of models that were trained to call tools.
MARKERS = {"<tool_call>": False, "</tool_call>": False, "[TOOL_CALLS]": True}


@dataclass(frozen=True)
class Tokens:
    """The tokens of a model, and what compiles grammars for them."""

    tokenizer: Tokenizer
    compiler: GrammarCompiler


@pytest.fixture(scope="module", params=["spelled", "tokens"])
def tokens(
    request: pytest.FixtureRequest, language_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tokens:
    """Those of a model that spells the markers, and of one that has tokens for them."""
    folder = tmp_path_factory.mktemp("tokenizer")
    file = json.loads((language_folder / "tokenizer.json").read_text())
    if request.param == "tokens":
        for id, (name, special) in enumerate(MARKERS.items(), 49152):
            token = {"id": id, "content": name, "special": special, "normalized": False}
            flags = {"single_word": False, "lstrip": False, "rstrip": False}
            file["added_tokens"].append({**token, **flags})
    (folder / "tokenizer.json").write_text(json.dumps(file))
    artifact = replace(read_decoder(language_folder), vocab_size=VOCABULARY)
    return Tokens(Tokenizer(folder / "tokenizer.json"), GrammarCompiler(folder, artifact))


def tool(name: str, **properties: str) -> Tool:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return Tool(name=name, description="", parameters=schema, declaration={}, param="tools")


TOOLS = [tool("weather", city="string"), tool("add", a="integer", b="integer"), tool("now")]


def fits(
    tokens: Tokens,
    text: str,
    form: CallForm,
    *,
    required: bool = False,
    parallel: bool = True,
    content: Part | None = None,
) -> bool:
    """Whether `text` may be all that is written, token by token under the masks."""
    use = ToolUse(tools=TOOLS, required=required, parallel=parallel)
    constraint = call_grammar(tokens.compiler, form, use, content).constraint()
    logits = np.zeros(VOCABULARY, np.float32)
    for token in tokens.tokenizer.encode(text, limit=5000, special_tokens=False):
        if constraint.restrict(logits)[token] != 0:
            return False
        constraint.advance(token)
    return bool(constraint.restrict(logits)[2] == 0)


FORMS = pytest.mark.parametrize(
    "form", [HERMES, LLAMA, MISTRAL], ids=["hermes", "llama", "mistral"]
)


def written(form: CallForm, *calls: tuple[str, str]) -> str:
    texts = [form.call(*call) for call in calls]
    return form.opening + (form.separator or "").join(texts) + form.closing


@FORMS
def test_calls_are_under_the_schema_of_their_tool(tokens: Tokens, form: CallForm) -> None:
    for required in (False, True):
        for call, good in {
            ("weather", '{"city": "Oslo"}'): True,
            ("add", '{"a": 1, "b": -2}'): True,
            ("now", "{}"): True,
            ("add", '{"city": "Oslo"}'): False,
            ("now", '{"city": "Oslo"}'): False,
            ("weather", '{"city": 1}'): False,
            ("weather", '{"city": "Oslo", "day": 1}'): False,
            ("other", "{}"): False,
        }.items():
            assert fits(tokens, written(form, call), form, required=required) == good


@FORMS
def test_text_may_stand_instead_of_calls_unless_one_is_required(
    tokens: Tokens, form: CallForm
) -> None:
    for text in ("Hello.", "I can call {tools}: <tool_cal>", "", "\n\n"):
        assert fits(tokens, text, form)
        assert not fits(tokens, text, form, required=True)


@pytest.mark.parametrize("form", [HERMES, MISTRAL], ids=["hermes", "mistral"])
def test_text_may_stand_before_calls_and_none_behind(tokens: Tokens, form: CallForm) -> None:
    calls = written(form, ("now", "{}"))
    assert fits(tokens, f"Wait.\n{calls}", form)
    assert not fits(tokens, f"Wait.\n{calls}", form, required=True)
    assert not fits(tokens, f"{calls}\nDone.", form)
    assert not fits(tokens, f"Wait {form.marker} a moment", form)


@pytest.mark.parametrize("form", [HERMES, MISTRAL], ids=["hermes", "mistral"])
def test_calls_in_parallel(tokens: Tokens, form: CallForm) -> None:
    for count, parallel, good in [
        (2, True, True),
        (2, False, False),
        (1, False, True),
        (MAX_CALLS, True, True),
        (MAX_CALLS + 1, True, False),
    ]:
        text = written(form, *[("now", "{}")] * count)
        for required in (False, True):
            assert fits(tokens, text, form, parallel=parallel, required=required) == good


@pytest.mark.parametrize("form", [HERMES, MISTRAL], ids=["hermes", "mistral"])
def test_content_may_have_a_form_of_its_own(tokens: Tokens, form: CallForm) -> None:
    content = json_schema({"type": "object", "properties": {"x": {"type": "integer"}}})
    assert fits(tokens, '{"x": 1}', form, content=content)
    assert fits(tokens, written(form, ("now", "{}")), form, content=content)
    assert not fits(tokens, "Hello.", form, content=content)
    assert fits(tokens, "12", form, content=regex("[0-9]+"))


@FORMS
def test_markers_reach_the_parser_whatever_tokens_they_are(tokens: Tokens, form: CallForm) -> None:
    use = ToolUse(tools=TOOLS, required=False, parallel=True)
    grammar = call_grammar(tokens.compiler, form, use, None)
    detokenizer = Detokenizer(tokens.tokenizer, special_tokens=grammar.special_tokens)
    parser = CallParser(form)
    text = written(form, ("weather", '{"city": "Oslo"}'))
    ids = tokens.tokenizer.encode(text, limit=500, special_tokens=False)
    events = [event for id in ids for event in parser.feed(detokenizer.feed(id))]
    assert events[0] == CallStart(0, "weather")
    pieces = "".join(event.json for event in events if isinstance(event, Arguments))
    assert (pieces, parser.complete) == ('{"city": "Oslo"}', True)


def test_a_tool_with_an_unusable_schema_is_refused(language_folder: Path) -> None:
    compiler = GrammarCompiler(language_folder, read_decoder(language_folder))
    bad = replace(tool("bad"), parameters={"type": "object", "properties": {"a": {"not": {}}}})
    with pytest.raises(GrammarError, match="not"):
        call_grammar(
            compiler, HERMES, ToolUse(tools=[*TOOLS, bad], required=True, parallel=True), None
        )
