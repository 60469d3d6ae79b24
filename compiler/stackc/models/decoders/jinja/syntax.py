"""Reads a chat template as transformers does: the same syntax, white space and extensions."""

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stackc.models.errors import UnsupportedTemplateError


class _Generation(Extension):
    """``{% generation %}`` marks what the model wrote; it prints its body as it is."""

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


_Generation.tags = {"generation"}


def parse(template: str) -> nodes.Template:
    """The syntax tree of a chat template.

    Raises:
        UnsupportedTemplateError: it is not Jinja.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    try:
        return environment.parse(template)
    except TemplateSyntaxError as error:
        raise UnsupportedTemplateError(f"wrong syntax ({error.message})", error.lineno) from None
    except RecursionError:
        raise UnsupportedTemplateError("too deep a nesting", 1) from None
