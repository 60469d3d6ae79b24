"""The forms that a request may ask of a text: JSON, a JSON Schema, an expression, a grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stackrt.engine.grammar import (
    Grammar,
    GrammarCompiler,
    GrammarError,
    Part,
    choice,
    json_schema,
    lark,
    regex,
)
from stackrt.engine.openai.fields import Fields
from stackrt.errors import ApiError, bad_request

# `response_format` is OpenAI's, with the type `grammar` of Llama Stack and `regex` beside it;
# the others are vLLM's, as it spelled them first and as it does now.
KNOWN = frozenset(
    {
        "guided_choice",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "response_format",
        "structured_outputs",
    }
)

_ANY_OBJECT = {"type": "object"}

_TYPES = "text, json_object, json_schema, grammar, regex"


@dataclass(frozen=True, kw_only=True)
class Format:
    """What the text is to be, and the field of the request that says so."""

    part: Part
    param: str
    schema: object | None = None

    def compile(self, compiler: GrammarCompiler) -> Grammar:
        """The grammar of such texts. Takes its time. Raises a 400."""
        try:
            return compiler.compile(self.part)
        except GrammarError as error:
            raise self.refused(compiler, error) from error

    def refused(self, compiler: GrammarCompiler, error: GrammarError) -> ApiError:
        """The 400 for a format that cannot be honoured, or is with `error` part of what cannot."""
        if self.schema is None:
            return not_honoured(error, self.param)
        try:
            compiler.check_schema(self.schema)
        except GrammarError as cause:
            return not_honoured(cause, ".".join((self.param, *cause.path)))
        return not_honoured(error, self.param)


def read_grammar(fields: Fields, compiler: GrammarCompiler) -> Grammar | None:
    """The grammar that the text must keep to, if there is one. Takes its time. Raises a 400."""
    wanted = read_format(fields)
    return None if wanted is None else wanted.compile(compiler)


def read_format(fields: Fields) -> Format | None:
    """The form that the request asks for, if it asks for one. Raises a 400."""
    wanted = [*_response_format(fields), *_guided(fields), *_structured_outputs(fields)]
    if len(wanted) > 1:
        raise bad_request(
            f"`{wanted[0].param}` and `{wanted[1].param}` exclude each other", param=wanted[1].param
        )
    return wanted[0] if wanted else None


def not_honoured(error: GrammarError, param: str) -> ApiError:
    """400: what the field `param` asks of a text cannot be kept to."""
    return bad_request(f"`{param}` cannot be honoured: {error.message}", param=param)


def _response_format(fields: Fields) -> Iterator[Format]:
    given = fields.get("response_format")
    if given is None:
        return
    kind = given.get("type") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or kind is None:
        raise bad_request("`response_format` must have a `type`", param="response_format")
    if kind == "json_object":
        yield Format(part=json_schema(_ANY_OBJECT), param="response_format")
    elif kind == "json_schema":
        yield _json_schema_format(given.get("json_schema"))
    elif kind == "grammar":
        yield _grammar(given.get("grammar"), "response_format.grammar")
    elif kind == "regex":
        yield _regex(given.get("regex"), "response_format.regex")
    elif kind != "text":
        raise bad_request(
            f"`response_format.type` must be one of {_TYPES}", param="response_format.type"
        )


def _json_schema_format(given: object) -> Format:
    param = "response_format.json_schema"
    if not isinstance(given, Mapping):
        raise bad_request(f"`{param}` must be an object", param=param)
    if not isinstance(given.get("name"), str):
        raise bad_request(f"`{param}.name` must be a string", param=f"{param}.name")
    schema = given.get("schema")
    return _schema(_ANY_OBJECT if schema is None else schema, f"{param}.schema")


def _guided(fields: Fields) -> Iterator[Format]:
    for name, read in _READERS.items():
        given = fields.get(f"guided_{name}")
        if given is not None:
            yield read(given, f"guided_{name}")


def _structured_outputs(fields: Fields) -> Iterator[Format]:
    given = fields.get("structured_outputs")
    if given is None:
        return
    if not isinstance(given, Mapping) or not given.keys() <= _READERS.keys():
        raise bad_request(
            f"`structured_outputs` must be an object with one of {', '.join(_READERS)}",
            param="structured_outputs",
        )
    for name, value in given.items():
        if value is not None:
            yield _READERS[name](value, f"structured_outputs.{name}")


def _schema(given: object, param: str) -> Format:
    if not isinstance(given, Mapping | bool):
        raise bad_request(f"`{param}` must be a JSON Schema: an object", param=param)
    return Format(part=json_schema(given), param=param, schema=given)


def _regex(given: object, param: str) -> Format:
    return _written(regex, given, param)


def _grammar(given: object, param: str) -> Format:
    return _written(lark, given, param)


def _written(part: Callable[[str], Part], given: object, param: str) -> Format:
    if not isinstance(given, str):
        raise bad_request(f"`{param}` must be a string", param=param)
    try:
        return Format(part=part(given), param=param)
    except GrammarError as error:
        raise not_honoured(error, param) from error


def _choice(given: object, param: str) -> Format:
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise bad_request(f"`{param}` must be a list of strings", param=param)
    return Format(part=choice(given), param=param)


_READERS: Mapping[str, Callable[[object, str], Format]] = {
    "choice": _choice,
    "grammar": _grammar,
    "json": _schema,
    "regex": _regex,
}
