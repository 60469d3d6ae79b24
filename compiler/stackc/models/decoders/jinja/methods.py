"""Methods of strings and mappings that templates call, as Python calls on checked values."""

from collections.abc import Mapping
from typing import Final

from stackc.models.decoders.jinja.code import Code, Kind, Level
from stackc.models.decoders.jinja.filters import Arguments
from stackc.models.decoders.jinja.operands import call, integer, string

_STRING_METHODS: Final[Mapping[str, tuple[Kind, tuple[str, ...]]]] = {
    "capitalize": ("str", ()),
    "endswith": ("bool", ("str",)),
    "find": ("int", ("str", "int", "int")),
    "isdigit": ("bool", ()),
    "isspace": ("bool", ()),
    "lower": ("str", ()),
    "lstrip": ("str", ("str",)),
    "removeprefix": ("str", ("str",)),
    "removesuffix": ("str", ("str",)),
    "replace": ("str", ("str", "str", "int")),
    "rfind": ("int", ("str", "int", "int")),
    "rsplit": ("list", ("str", "int")),
    "rstrip": ("str", ("str",)),
    "split": ("list", ("str", "int")),
    "splitlines": ("list", ()),
    "startswith": ("bool", ("str",)),
    "strip": ("str", ("str",)),
    "title": ("str", ()),
    "upper": ("str", ()),
}
"""What a method of a string yields, and the kinds of its arguments, as many as are given."""

_FEWEST: Final[Mapping[str, int]] = {
    "endswith": 1,
    "find": 1,
    "removeprefix": 1,
    "removesuffix": 1,
    "replace": 2,
    "rfind": 1,
    "startswith": 1,
}

MAPPING_METHODS: Final = ("get", "items", "keys", "values")
"""Methods of mappings; as entries, such names are only reached with brackets."""


def method_call(receiver: Code, name: str, arguments: Arguments) -> Code | None:
    """``receiver.name(arguments)``, or None if there is no such method or form of it."""
    if arguments.named:
        return None
    if name in _STRING_METHODS:
        return _on_string(receiver, name, arguments.positional)
    if name == "join" and len(arguments.positional) == 1:
        joined = arguments.positional[0].text
        return call("join", joined, string(receiver).text, kind="str")
    if name in MAPPING_METHODS:
        return _on_mapping(receiver, name, arguments.positional)
    return None


def _on_string(receiver: Code, name: str, arguments: tuple[Code, ...]) -> Code | None:
    kind, wanted = _STRING_METHODS[name]
    if not _FEWEST.get(name, 0) <= len(arguments) <= len(wanted):
        return None
    checked = [
        (string if each == "str" else integer)(argument).text
        for each, argument in zip(wanted, arguments, strict=False)
    ]
    if name == "replace":
        return call("replaced", string(receiver), *checked, kind="str")
    return Code(f"{string(receiver).at(Level.ATOM)}.{name}({', '.join(checked)})", kind)


def _on_mapping(receiver: Code, name: str, arguments: tuple[Code, ...]) -> Code | None:
    mapping = f"mapping({receiver.text})"
    texts = [argument.text for argument in arguments]
    if name == "get":
        return Code(f"{mapping}.get({', '.join(texts)})") if texts and len(texts) < 3 else None
    if texts:
        return None
    if name == "keys":
        return Code(f"list({mapping})", "list")
    return Code(f"{mapping}.{name}()")
