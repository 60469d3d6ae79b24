"""Jinja's comparisons and tests, ``a == b`` and ``x is test``, as Python conditions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stackc.models.decoders.jinja.code import UNKNOWN, Code, Level, constant
from stackc.models.decoders.jinja.operands import call, comparison, conjunction, instance, negated

Comparison = Callable[[Code, Code], Code]


def compare(left: Code, operator: str, right: Code) -> Code:
    """``left operator right`` for an operator by Jinja's name, such as ``lteq``."""
    return _OPERATORS[operator](left, right)


def _equal(left: Code, right: Code) -> Code:
    if left.value is not UNKNOWN:
        if right.value is not UNKNOWN:
            return constant(left.value == right.value)
        left, right = right, left
    if left.kind == "undefined":
        left, right = right, left
    if right.kind == "undefined":
        return negated(_defined(left))
    if right.kind == "none":
        return _none(left)
    if right.kind == "bool" and right.value is not UNKNOWN:
        return call("equal", left, right, kind="bool")
    return comparison(left, "==", right.at(Level.SUM), "!=")


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _order(operator: str, function: str) -> Comparison:
    """``left operator right``; ``function`` is called where the operands may have no order."""

    def compare(left: Code, right: Code) -> Code:
        if not _ordered(left, right):
            operands = (right, left) if ">" in operator else (left, right)
            return call(function, *operands, kind="bool")
        if left.value is not UNKNOWN and right.value is UNKNOWN:
            mirrored = _MIRRORED[operator]
            return comparison(right, mirrored, left.at(Level.SUM), _OPPOSITE[mirrored])
        return comparison(left, operator, right.at(Level.SUM), _OPPOSITE[operator])

    return compare


def _ordered(left: Code, right: Code) -> bool:
    numbers = ("int", "float", "bool")
    both = (left.kind, right.kind)
    return both == ("str", "str") or (left.kind in numbers and right.kind in numbers)


def _in(value: Code, container: Code) -> Code:
    if container.kind == "list" or (container.kind == value.kind == "str"):
        return comparison(value, "in", container.at(Level.SUM), "not in")
    return call("contains", container, value, kind="bool")


def _not_equal(left: Code, right: Code) -> Code:
    return negated(_equal(left, right))


def _not_in(value: Code, container: Code) -> Code:
    return negated(_in(value, container))


def _defined(code: Code) -> Code:
    if code.kind == "undefined":
        return constant(False)
    if code.kind != "any" or code.present:
        return constant(True)
    return comparison(code, "is not", "UNDEFINED", "is")


def _none(code: Code) -> Code:
    if code.kind != "any":
        return constant(code.kind == "none")
    return comparison(code, "is", "None", "is not")


def _is(value: bool) -> Callable[[Code], Code]:
    def identity(code: Code) -> Code:
        if code.kind not in ("any", "bool"):
            return constant(False)
        if code.value is not UNKNOWN:
            return constant(code.value is value)
        return comparison(code, "is", repr(value), "is not")

    return identity


def _instance(type_name: str, *kinds: str) -> Callable[[Code], Code]:
    """A check of the type, decided at once where the kind is known."""

    def check(code: Code) -> Code:
        return constant(code.kind in kinds) if code.kind != "any" else instance(code, type_name)

    return check


def _integer(code: Code) -> Code:
    if code.kind != "any":
        return constant(code.kind == "int")
    return conjunction([instance(code, "int"), negated(instance(code, "bool"))])


def _called(function: str) -> Callable[[Code], Code]:
    return lambda code: call(function, code, kind="bool")


def _remainder(divisor: str, wanted: int) -> Callable[[Code], Code]:
    return lambda code: comparison(call("modulo", code, divisor), "==", str(wanted), "!=")


_less = _order("<", "less")
_less_or_equal = _order("<=", "less_or_equal")
_greater = _order(">", "less")
_greater_or_equal = _order(">=", "less_or_equal")

_OPERATORS: Final[Mapping[str, Comparison]] = {
    "eq": _equal,
    "ne": _not_equal,
    "lt": _less,
    "lteq": _less_or_equal,
    "gt": _greater,
    "gteq": _greater_or_equal,
    "in": _in,
    "notin": _not_in,
}

_BINARY_TESTS: Final[Mapping[str, Comparison]] = {
    **{name: function for name, function in _OPERATORS.items() if name != "notin"},
    "==": _equal,
    "!=": _not_equal,
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
    "le": _less_or_equal,
    "ge": _greater_or_equal,
    "equalto": _equal,
    "lessthan": _less,
    "greaterthan": _greater,
}

_UNARY_TESTS: Final[Mapping[str, Callable[[Code], Code]]] = {
    "defined": _defined,
    "undefined": lambda code: negated(_defined(code)),
    "none": _none,
    "string": _instance("str", "str"),
    "mapping": _instance("Mapping", "dict"),
    "number": _instance("int | float", "int", "float", "bool"),
    "integer": _integer,
    "float": _instance("float", "float"),
    "boolean": _instance("bool", "bool"),
    "true": _is(True),
    "false": _is(False),
    "iterable": _called("is_iterable"),
    "sequence": _called("is_sequence"),
    "odd": _remainder("2", 1),
    "even": _remainder("2", 0),
}


def test(name: str, code: Code, arguments: Sequence[Code]) -> Code | None:
    """``code is name(arguments)``, or None if there is no such test."""
    if name in _UNARY_TESTS and not arguments:
        return _UNARY_TESTS[name](code)
    if name in _BINARY_TESTS and len(arguments) == 1:
        return _BINARY_TESTS[name](code, arguments[0])
    return None
