"""Jinja's statements as the body of a Python function that appends to a list of strings."""

import keyword
from collections.abc import Sequence
from typing import Final

from jinja2 import nodes

from stackc.models.decoders.jinja.branches import conditional
from stackc.models.decoders.jinja.code import (
    UNDEFINED,
    UNKNOWN,
    WIDTH,
    Assignment,
    Code,
    Level,
    Line,
    Suite,
    constant,
    pieces,
)
from stackc.models.decoders.jinja.expressions import Expressions, unsupported
from stackc.models.decoders.jinja.operands import (
    bare,
    call,
    concatenation,
    iterable,
    negated,
    printed,
)
from stackc.models.decoders.jinja.scopes import Names, Scope
from stackc.models.decoders.jinja.variables import (
    Statements,
    assigned,
    first_use,
    is_read,
    shape,
    targets,
    without_unread,
)

MESSAGES: Final = "messages"
OUT: Final = "out"
RETURN: Final = f"return joined({OUT})"
_ONE_LINE: Final = WIDTH // 2


class Body:
    """Translates the statements of one scope.

    ``declared`` are the variables of the Python function that have their annotation; ``bound`` are
    those of the scope that have a value on entry; ``out`` is the list that takes what is printed;
    only the ``outermost`` body may define macros.
    """

    def __init__(
        self,
        scope: Scope,
        names: Names,
        declared: set[str],
        *,
        bound: Sequence[str] = (),
        out: str = OUT,
        outermost: bool = False,
    ) -> None:
        self._scope = scope
        self._names = names
        self._declared = declared
        self._bound = bound
        self._out = out
        self._outermost = outermost
        self._set_once: set[str] = set()
        self._expression = Expressions(scope)

    def lines(self, statements: Statements) -> list[Line]:
        """The scope's variables, and then its statements, as Python.

        Raises:
            UnsupportedTemplateError: something has no translation.
        """
        settled = without_unread(self._settled(statements))
        for node in settled:
            if isinstance(node, nodes.Macro) and self._outermost:
                self._declare_macro(node, settled)
        return [*self._variables(settled), *self._block(settled)]

    def _settled(self, statements: Statements) -> list[nodes.Node]:
        """The statements with every ``if`` that is decided replaced by the branch that runs.

        A test is decided here if it asks about names that no statement before it assigns.
        """
        waiting, settled = list(statements), list[nodes.Node]()
        while waiting:
            node = waiting.pop(0)
            branch = self._decided(node, assigned(settled)) if isinstance(node, nodes.If) else None
            if branch is None:
                settled.append(node)
            else:
                waiting = [*branch, *waiting]
        return settled

    def _decided(self, node: nodes.If, before: Sequence[str]) -> Statements | None:
        for branch in (node, *node.elif_):
            used = [branch.test, *branch.test.find_all(nodes.Name)]
            if any(isinstance(each, nodes.Name) and each.name in before for each in used):
                return None
            certain = self._expression(branch.test).certain
            if certain is not False:
                return branch.body if certain else None
        return node.else_

    def _variables(self, statements: Statements) -> list[Line]:
        """Binds what the scope assigns; what may be read before gets the outer value first."""
        lines: list[Line] = []
        found = assigned(statements)
        for name in dict.fromkeys(found):
            if name in self._bound or self._scope.owns(name):
                continue
            outer = self._scope.find(name)
            variable = self._scope.bind(name)
            if first_use(statements, name) == "read":
                lines.append(self._assignment(variable, outer))
            elif found.count(name) == 1:
                self._set_once.add(name)
        return lines

    def _block(self, statements: Statements) -> list[Line]:
        return [line for node in statements for line in self._statement(node)]

    def _statement(self, node: nodes.Node) -> list[Line]:
        match node:
            case nodes.Output():
                return self._output(node)
            case nodes.If():
                return self._if(node)
            case nodes.For():
                return self._for(node)
            case nodes.Assign():
                return self._assign(node.target, self._expression(node.node))
            case nodes.AssignBlock():
                return self._assign_block(node)
            case nodes.FilterBlock():
                return self._filter_block(node)
            case nodes.Macro():
                return self._macro(node)
            case nodes.With():
                return self._with(node)
            case nodes.Scope():
                return self._inner(self._scope.inner()).lines(node.body)
            case nodes.Break() | nodes.Continue():
                return [type(node).__name__.lower()]
        return unsupported(node, f"a statement of the kind `{type(node).__name__}`")

    def _inner(self, scope: Scope, bound: Sequence[str] = (), out: str = "") -> "Body":
        return Body(scope, self._names, self._declared, bound=bound, out=out or self._out)

    def _output(self, node: nodes.Output) -> list[Line]:
        lines: list[Line] = []
        codes: list[Code] = []
        for part in node.nodes:
            if _refuses(part):
                lines += [*self._append(codes), self._expression(part).text]
                codes = []
            else:
                codes.append(printed(self._expression(_unmarked(part))))
        return [*lines, *self._append(codes)]

    def _append(self, codes: Sequence[Code]) -> list[Line]:
        """One line for what is printed in one go, or one for each part where that is too long."""
        whole = concatenation(codes)
        if whole.value == "":
            return []
        if len(whole.text) <= _ONE_LINE:
            return [f"{self._out}.append({whole.text})"]
        parts = [part for code in whole.summands or (whole,) for part in _cut(code)]
        return [f"{self._out}.append({part.text})" for part in parts]

    def _if(self, node: nodes.If) -> list[Line]:
        branches = []
        for branch in (node, *node.elif_):
            test = self._expression(branch.test)
            # What never runs may use what has no translation.
            body = [] if test.certain is False else self._block(branch.body)
            branches.append((test, body))
        return conditional(branches, self._block(node.else_))

    def _for(self, node: nodes.For) -> list[Line]:
        if node.recursive:
            unsupported(node, "a recursive loop")
        if node.else_ and _jumps(node.body):
            unsupported(node, "a loop with `else` and a jump")  # Jinja may run both
        scope = self._scope.inner()
        variables = [scope.bind(name, role="target") for name in targets(node.target)]
        self._declared.update(variables)
        entries = self._entries(node, variables, scope)
        before: list[Line] = []
        if node.else_:
            known = self._names.new("entries")
            listed = f"list({iterable(entries)})" if node.test is None else entries.text
            before = [f"{known} = {listed}"]
            entries = Code(known, "list")
        head = self._loop_head(node, _loop_variables(node, variables), entries, scope)
        inner = self._inner(scope, ("loop", *targets(node.target)))
        loop = Suite(head, None, inner.lines(node.body) or ["continue"])
        otherwise = self._inner(self._scope.inner()).lines(node.else_)
        return [*before, loop, *conditional([(negated(entries), otherwise)], [])]

    def _entries(self, node: nodes.For, variables: Sequence[str], scope: Scope) -> Code:
        """What the loop goes through, without what its condition leaves out."""
        entries = self._expression(node.iter)
        if node.test is None:
            return entries
        target, test = ", ".join(variables), Expressions(scope)(node.test)
        text = f"[{_grouped(target)} for {target} in {iterable(entries)} if {test.at(Level.OR)}]"
        return Code(text, "list")

    def _loop_head(self, node: nodes.For, target: str, entries: Code, scope: Scope) -> str:
        if is_read(node.body, "loop"):
            position = scope.bind("loop", "loop")
            return f"for {position}, {_grouped(target)} in loops({bare(entries)})"
        # Of the type Any, so that the variables fit other loops of the function, too.
        untyped = entries.text != MESSAGES or assigned(node.body)
        return f"for {target} in " + (f"each({bare(entries)})" if untyped else entries.text)

    def _assign(self, target: nodes.Node, value: Code) -> list[Line]:
        if isinstance(target, nodes.NSRef):
            return self._assign_attribute(target, value)
        if not isinstance(target, nodes.Name):
            return unsupported(target, "an assignment to several variables")
        variable = self._scope.find(target.name)
        if target.name in self._set_once:
            if value.kind in ("bool", "none") and value.value is not UNKNOWN:
                self._scope.define(target.name, value)
                return []
            self._scope.define(target.name, Code(variable.text, value.kind))
        elif value.kind in ("loop", "macro", "namespace"):
            unsupported(target, f"a variable that is not always a {value.kind}")
        return [self._assignment(variable.text, value)]

    def _assign_attribute(self, target: nodes.NSRef, value: Code) -> list[Line]:
        namespace = self._scope.find(target.name)
        if namespace.kind != "namespace":
            unsupported(target, f"an attribute of `{target.name}`, which is no namespace")
        if keyword.iskeyword(target.attr):
            unsupported(target, f"an attribute with the name `{target.attr}`")
        return [f"{namespace.text}.{target.attr} = {_held(value).text}"]

    def _assignment(self, variable: str, value: Code) -> Assignment:
        declares = variable not in self._declared
        self._declared.add(variable)
        return Assignment(variable, _held(value), declares)

    def _assign_block(self, node: nodes.AssignBlock) -> list[Line]:
        lines, captured = self._captured(node.body)
        value = self._through(node.filter, captured) if node.filter else captured
        assignment = self._assign(node.target, value)
        return [*lines, *assignment] if assignment else []

    def _filter_block(self, node: nodes.FilterBlock) -> list[Line]:
        lines, captured = self._captured(node.body)
        return [*lines, *self._append([printed(self._through(node.filter, captured))])]

    def _captured(self, statements: Statements) -> tuple[list[Line], Code]:
        """The statements that collect what a block prints, and the text that they collect."""
        out = self._names.new("captured")
        inner = self._inner(self._scope.inner(), out=out)
        lines = [f"{out}: list[str] = []", *inner.lines(statements)]
        return lines, Code(f"joined({out})", "str")

    def _through(self, node: nodes.Filter, code: Code) -> Code:
        """A chain of filters, the last of them outermost, around an expression."""
        inside = node.node
        return self._expression.filtered(
            node, self._through(inside, code) if isinstance(inside, nodes.Filter) else code
        )

    def _with(self, node: nodes.With) -> list[Line]:
        scope = self._scope.inner()
        lines: list[Line] = []
        bound: list[str] = []
        for target, value in zip(node.targets, node.values, strict=True):
            if not isinstance(target, nodes.Name):
                unsupported(node, "an assignment to several variables")
            code = self._expression(value)
            if is_read(node.body, target.name):
                lines.append(self._assignment(scope.bind(target.name), code))
            bound.append(target.name)
        return [*lines, *self._inner(scope, bound).lines(node.body)]

    def _declare_macro(self, node: nodes.Macro, statements: Statements) -> None:
        if assigned(statements).count(node.name) > 1:
            unsupported(node, f"several values for the macro `{node.name}`")
        function = self._scope.bind(node.name)
        parameters = tuple((each.name, self._names.python(each.name)) for each in node.args)
        macro = Code(function, "macro", certain=True, parameters=parameters)
        self._scope.define(node.name, macro)

    def _macro(self, node: nodes.Macro) -> list[Line]:
        macro = self._scope.find(node.name)
        if macro.kind != "macro":
            unsupported(node, "a macro inside a block")
        scope, declared = self._scope.inner(), {python for _, python in macro.parameters}
        for name, python in macro.parameters:
            scope.define(name, Code(python))
        bound = [name for name, _ in macro.parameters]
        body = Body(scope, self._names, declared, bound=bound).lines(node.body)
        head = f"def {macro.text}({', '.join(self._parameters(node, macro))}) -> str"
        return ["", Suite(head, None, ["enter()", f"{OUT}: list[str] = []", *body, RETURN]), ""]

    def _parameters(self, node: nodes.Macro, macro: Code) -> list[str]:
        """Jinja lets every argument be left out; it is undefined then, or the default."""
        missing: list[Code] = [UNDEFINED] * (len(node.args) - len(node.defaults))
        defaults = [*missing, *(self._expression(default) for default in node.defaults)]
        if any(code.value is UNKNOWN and code.kind != "undefined" for code in defaults):
            unsupported(node, "a default that is not a constant")
        pairs = zip(macro.parameters, defaults, strict=True)
        return [f"{python}: Any = {default.text}" for (_, python), default in pairs]


def _held(value: Code) -> Code:
    """What a variable takes: a text put together of others is not longer than texts may be."""
    if any(part.value is UNKNOWN for part in value.summands):
        return call("limited", value, kind="str")
    return value


def _refuses(node: nodes.Node) -> bool:
    """Whether an output is nothing but ``raise_exception(...)``."""
    function = node.node if isinstance(node, nodes.Call) else None
    return isinstance(function, nodes.Name) and function.name == "raise_exception"


def _unmarked(node: nodes.Node) -> nodes.Node:
    """What ``safe`` marks: nothing is escaped here, so the mark says nothing."""
    while isinstance(node, nodes.Filter) and node.name == "safe" and node.node is not None:
        node = node.node
    return node


def _cut(code: Code) -> list[Code]:
    if isinstance(code.value, str):
        return [constant(piece) for piece in pieces(code.value)]
    return [code]


def _jumps(statements: Statements) -> bool:
    """Whether the body of a loop has a ``break`` or ``continue`` of its own."""
    branches = [branch for node in statements for branch in shape(node).branches]
    own = any(isinstance(node, nodes.Break | nodes.Continue) for node in statements)
    return own or any(_jumps(branch) for branch in branches)


def _loop_variables(node: nodes.For, variables: Sequence[str]) -> str:
    """The variables of a loop; those that its body does not read get an underscore in front."""
    pairs = zip(targets(node.target), variables, strict=True)
    used = [
        variable if is_read(node.body, name) or name in assigned(node.body) else f"_{variable}"
        for name, variable in pairs
    ]
    return ", ".join(used)


def _grouped(target: str) -> str:
    return f"({target})" if "," in target else target
