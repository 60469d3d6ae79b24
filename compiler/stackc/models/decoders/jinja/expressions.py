"""Jinja's expressions as Python expressions."""

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from jinja2 import nodes

from stackc.models.decoders.jinja import comparisons, selections
from stackc.models.decoders.jinja.code import UNDEFINED, Code, Kind, Level, constant
from stackc.models.decoders.jinja.filters import Arguments
from stackc.models.decoders.jinja.methods import MAPPING_METHODS, method_call
from stackc.models.decoders.jinja.operands import (
    call,
    concatenation,
    conjunction,
    disjunction,
    integer,
    item,
    negated,
    printed,
    string,
)
from stackc.models.decoders.jinja.scopes import Scope
from stackc.models.errors import UnsupportedTemplateError

LOOP_ATTRIBUTES: Final[Mapping[str, Kind]] = {
    "first": "bool",
    "last": "bool",
    "index": "int",
    "index0": "int",
    "revindex": "int",
    "revindex0": "int",
    "length": "int",
    "previtem": "any",
    "nextitem": "any",
}
"""What a template may ask of `loop`."""

# Each may be as long as a text may be, and all of them are in memory at once.
_MOST_SUMMANDS: Final = 100

_OPERATORS: Final[Mapping[type[nodes.BinExpr], tuple[str, Level, str]]] = {
    nodes.Sub: ("-", Level.SUM, "subtract"),
    nodes.Mul: ("*", Level.PRODUCT, "multiply"),
    nodes.Div: ("/", Level.PRODUCT, "divide"),
    nodes.FloorDiv: ("//", Level.PRODUCT, "floor_divide"),
    nodes.Mod: ("%", Level.PRODUCT, "modulo"),
}


def unsupported(node: nodes.Node, construct: str) -> NoReturn:
    """Raises the error for a construct without a translation."""
    raise UnsupportedTemplateError(construct, node.lineno)


class Expressions:
    """Translates the expressions of one scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, node: nodes.Node) -> Code:
        """The Python expression for a Jinja expression.

        Raises:
            UnsupportedTemplateError: there is none.
        """
        match node:
            case nodes.Const():
                return self._constant(node)
            case nodes.TemplateData():
                return constant(node.data)
            case nodes.Name():
                return self._scope.find(node.name)
            case nodes.Getattr() | nodes.Getitem():
                return self._entry(node)
            case nodes.Call():
                return self._call(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.List() | nodes.Tuple() | nodes.Dict():
                return self._literal(node)
        return self._operation(node)

    def _operation(self, node: nodes.Node) -> Code:
        match node:
            case nodes.And():
                return conjunction([self(node.left), self(node.right)])
            case nodes.Or():
                return disjunction([self(node.left), self(node.right)])
            case nodes.Not():
                return negated(self(node.node))
            case nodes.CondExpr():
                return self._conditional(node)
            case nodes.Compare():
                return self._compare(node)
            case nodes.Concat():
                return _sum(node, [printed(self(each)) for each in node.nodes])
            case nodes.Add():
                return self._add(node)
            case nodes.Neg():
                return self._negative(node)
            case nodes.BinExpr() if type(node) in _OPERATORS:
                return self._arithmetic(node)
        return unsupported(node, f"an expression of the kind `{type(node).__name__}`")

    def arguments(self, node: nodes.Call | nodes.Filter | nodes.Test) -> Arguments:
        """The arguments of a call; those with stars are refused."""
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            unsupported(node, "arguments with stars")
        named = {str(pair.key): self(pair.value) for pair in node.kwargs}
        return Arguments(tuple(self(each) for each in node.args), named)

    def filtered(self, node: nodes.Filter, code: Code) -> Code:
        """The filter applied to an expression that is translated already."""
        found = selections.apply(node.name, code, self.arguments(node))
        return found or unsupported(node, f"a form of the filter `{node.name}`")

    def _constant(self, node: nodes.Const) -> Code:
        if isinstance(node.value, str | int | float | None):
            return constant(node.value)
        return unsupported(node, f"a constant of the type `{type(node.value).__name__}`")

    def _conditional(self, node: nodes.CondExpr) -> Code:
        test, then = self(node.test), self(node.expr1)
        otherwise = self(node.expr2) if node.expr2 else UNDEFINED
        if test.certain is not None:
            return then if test.certain else otherwise
        kind = then.kind if then.kind == otherwise.kind else "any"
        if then.value is True and otherwise.value is False:
            return call("bool", test, kind="bool")
        if then.value is False and otherwise.value is True:
            return negated(test)
        branches = then.at(Level.OR), otherwise.at(Level.CONDITIONAL)
        text = f"{branches[0]} if {test.at(Level.OR)} else {branches[1]}"
        return Code(text, kind, Level.CONDITIONAL)

    def _compare(self, node: nodes.Compare) -> Code:
        values = [self(node.expr), *(self(operand.expr) for operand in node.ops)]
        pairs = zip(values, node.ops, values[1:], strict=False)
        return conjunction([comparisons.compare(a, operand.op, b) for a, operand, b in pairs])

    def _add(self, node: nodes.Add) -> Code:
        """A sum with a string in it is one of strings only, whatever else stands in it."""
        codes = [self(each) for each in _summands(node)]
        if any(code.kind == "str" for code in codes):
            return _sum(node, [string(code) for code in codes])
        total = codes[0]
        for code in codes[1:]:
            if total.kind == code.kind == "int":
                total = Code(f"{total.text} + {code.at(Level.PRODUCT)}", "int", Level.SUM)
            else:
                total = call("add", total, code)
        return total

    def _arithmetic(self, node: nodes.BinExpr) -> Code:
        operator, level, function = _OPERATORS[type(node)]
        left, right = self(node.left), self(node.right)
        if "str" in (left.kind, right.kind):
            unsupported(node, f"`{operator}` with a string")
        plain = left.kind == right.kind == "int" and (operator == "-" or right.certain)
        # A product of two variables, multiplied again and again, grows without end.
        plain = plain and (operator != "*" or isinstance(right.value, int))
        if not plain:
            return call(function, left, right)
        text = f"{left.at(level)} {operator} {right.at(Level(level + 1))}"
        return Code(text, "int", level)

    def _negative(self, node: nodes.Neg) -> Code:
        code = self(node.node)
        if isinstance(code.value, int | float):
            return constant(-code.value)
        return call("subtract", constant(0), code)

    def _literal(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> Code:
        if isinstance(node, nodes.Dict):
            pairs = [f"{self(pair.key).text}: {self(pair.value).text}" for pair in node.items]
            return Code(f"{{{', '.join(pairs)}}}", "dict", certain=bool(pairs))
        texts = [self(each).text for each in node.items]
        if isinstance(node, nodes.List):
            return Code(f"[{', '.join(texts)}]", "list", certain=bool(texts))
        comma = "," if len(texts) == 1 else ""
        return Code(f"({', '.join(texts)}{comma})", "list", certain=bool(texts))

    def _entry(self, node: nodes.Getattr | nodes.Getitem) -> Code:
        code = self(node.node)
        if isinstance(node, nodes.Getattr):
            return self._attribute(node, code)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(node.arg, code)
        return item(code, self(node.arg).text)

    def _attribute(self, node: nodes.Getattr, code: Code) -> Code:
        if code.kind == "namespace":
            if node.attr.startswith("__"):
                unsupported(node, f"an attribute with the name `{node.attr}`")
            return Code(f"{code.text}.{node.attr}")
        if code.kind == "loop":
            if node.attr not in LOOP_ATTRIBUTES:
                unsupported(node, f"`loop.{node.attr}`")
            return Code(f"{code.text}.{node.attr}", LOOP_ATTRIBUTES[node.attr])
        if node.attr in MAPPING_METHODS:
            unsupported(node, f"the method `{node.attr}` without a call")
        return item(code, constant(node.attr).text)

    def _slice(self, node: nodes.Slice, code: Code) -> Code:
        ends = [self(each) if each else None for each in (node.start, node.stop, node.step)]
        simple = all(end is None or isinstance(end.value, int) for end in ends[:2])
        if code.kind in ("list", "str") and simple and ends[2] is None:
            start, stop = ("" if end is None else end.text for end in ends[:2])
            return Code(f"{code.at(Level.ATOM)}[{start}:{stop}]", code.kind)
        names = ("start", "stop", "step")
        given = [f"{name}={end.text}" for name, end in zip(names, ends, strict=True) if end]
        return call("part", code, *given)

    def _filter(self, node: nodes.Filter) -> Code:
        if node.node is None:
            return unsupported(node, "a filter without a value")
        return self.filtered(node, self(node.node))

    def _test(self, node: nodes.Test) -> Code:
        arguments = self.arguments(node)
        found = None
        if not arguments.named:
            found = comparisons.test(node.name, self(node.node), arguments.positional)
        return found or unsupported(node, f"a form of the test `{node.name}`")

    def _call(self, node: nodes.Call) -> Code:
        arguments = self.arguments(node)
        if isinstance(node.node, nodes.Getattr):
            return self._method(node, node.node, arguments)
        if not isinstance(node.node, nodes.Name):
            return unsupported(node, "a call of an expression")
        name = node.node.name
        known = self._scope.find(name)
        if known.kind == "macro":
            return _macro_call(node, known, arguments)
        found = _function_call(name, arguments) if known is UNDEFINED else None
        return found or unsupported(node, f"a call of `{name}` in this form")

    def _method(self, node: nodes.Call, method: nodes.Getattr, arguments: Arguments) -> Code:
        receiver = self(method.node)
        if receiver.kind == "loop" and method.attr == "cycle" and not arguments.named:
            return call(f"{receiver.text}.cycle", *arguments.positional)
        found = method_call(receiver, method.attr, arguments)
        return found or unsupported(node, f"a call of the method `{method.attr}` in this form")


def _sum(node: nodes.Node, codes: Sequence[Code]) -> Code:
    """The texts, one behind the other."""
    total = concatenation(codes)
    if len(total.summands) > _MOST_SUMMANDS:
        unsupported(node, f"a sum of more than {_MOST_SUMMANDS} texts")
    return total


def _function_call(name: str, arguments: Arguments) -> Code | None:
    """A call of one of the functions that transformers gives to templates."""
    positional, named = arguments.positional, arguments.named
    pairs = [f"{key}={value.text}" for key, value in named.items()]
    match name:
        case "namespace" if not positional:
            return Code(f"Namespace({', '.join(pairs)})", "namespace")
        case "dict" if not positional:
            entries = [f"{constant(key).text}: {code.text}" for key, code in named.items()]
            return Code(f"{{{', '.join(entries)}}}", "dict", certain=bool(entries))
        case "range" if 0 < len(positional) < 4 and not named:
            return call("numbers", *(integer(each).text for each in positional), kind="list")
        case "raise_exception" if len(positional) == 1 and not named:
            return call("fail", positional[0])
        case "strftime_now" if len(positional) == 1 and not named:
            return call("strftime_now", string(positional[0]), kind="str")
    return None


def _macro_call(node: nodes.Call, macro: Code, arguments: Arguments) -> Code:
    free = dict(macro.parameters[len(arguments.positional) :])
    surplus = len(arguments.positional) > len(macro.parameters)
    if surplus or not all(name in free for name in arguments.named):
        unsupported(node, "arguments that the macro does not have")
    pairs = [f"{free[name]}={code.text}" for name, code in arguments.named.items()]
    return call(macro.text, *(each.text for each in arguments.positional), *pairs, kind="str")


def _summands(node: nodes.Node) -> list[nodes.Node]:
    """The operands of a chain of ``+``, which Jinja nests to the left."""
    if isinstance(node, nodes.Add):
        return [*_summands(node.left), node.right]
    return [node]
