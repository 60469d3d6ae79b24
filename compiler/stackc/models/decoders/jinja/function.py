"""A whole chat template as one Python function."""

from collections.abc import Mapping, Sequence

from stackc.models.decoders.jinja.code import Code, constant, render
from stackc.models.decoders.jinja.scopes import Names, Scope
from stackc.models.decoders.jinja.selections import ENTRY
from stackc.models.decoders.jinja.statements import MESSAGES, OUT, RETURN, Body
from stackc.models.decoders.jinja.syntax import parse

_PARAMETERS = (MESSAGES, "tools", "add_generation_prompt")


def write(
    template: str, name: str, special_tokens: Mapping[str, str], support: Sequence[str]
) -> str:
    """The source of a function ``name`` that renders the template; see ``translate``.

    ``support`` are the names that the generated code imports.
    """
    tree = parse(template)
    names = Names([*support, *_PARAMETERS, name, OUT, ENTRY])
    outer = Scope(names, None, _context(special_tokens))
    body = Body(outer.inner(), names, set(), outermost=True).lines(tree.body)
    lines = render([f"{OUT}: list[str] = []", *body, RETURN], depth=1)
    return "\n".join([_signature(name), *_spaced(lines)]) + "\n"


def _context(special_tokens: Mapping[str, str]) -> dict[str, Code]:
    """What transformers gives to a template, beside the functions."""
    return {
        MESSAGES: Code(MESSAGES, "list"),
        "tools": Code("tools", present=True),
        "add_generation_prompt": Code("add_generation_prompt", "bool"),
        "documents": constant(None),
        **{token: constant(text) for token, text in special_tokens.items()},
    }


def _signature(name: str) -> str:
    parameters = (
        "messages: Sequence[Mapping[str, Any]]",
        "*",
        "tools: Sequence[Mapping[str, Any]] | None",
        "add_generation_prompt: bool",
    )
    return f"def {name}({', '.join(parameters)}) -> str:"


def _spaced(lines: Sequence[str]) -> list[str]:
    """The lines with no two blank ones in a row."""
    return [line for before, line in zip(["", *lines], lines, strict=False) if line or before]
