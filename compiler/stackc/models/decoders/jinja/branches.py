"""Conditional statements in the form that a person would give them."""

from collections.abc import Sequence

from stackc.models.decoders.jinja.code import WIDTH, Assignment, Code, Level, Line, Suite
from stackc.models.decoders.jinja.operands import conjunction, disjunction, negated

Branch = tuple[Code, list[Line]]


def conditional(branches: Sequence[Branch], otherwise: list[Line]) -> list[Line]:
    """``if``, ``elif`` and ``else`` without what never runs, does nothing or is said twice."""
    live: list[Branch] = []
    for test, body in branches:
        if test.certain is False:
            continue
        if test.certain is True:
            otherwise = body
            break
        if live and live[-1][1] == body:
            live[-1] = disjunction([live[-1][0], test]), body
        else:
            live.append((test, body))
    if len(live) == 1 and (choice := _choice(*live[0], otherwise)):
        return [choice]
    return _chain(live, otherwise)


def _chain(branches: list[Branch], otherwise: list[Line]) -> list[Line]:
    if not branches:
        return otherwise
    (test, body), *rest = branches
    following = _chain(rest, otherwise)
    if body == following:
        return body
    if not body:
        return [_only(negated(test), following)]
    if not following:
        return [_only(test, body)]
    head = Suite("if", test, body)
    if body[-1] in ("break", "continue"):
        return [head, *following]
    match following:
        case [Suite("if", condition, inner), *others] if _is_tail(others):
            return [head, Suite("elif", condition, inner), *others]
    return [head, Suite("else", None, following)]


def _is_tail(lines: Sequence[Line]) -> bool:
    return all(isinstance(line, Suite) and line.keyword in ("elif", "else") for line in lines)


def _only(test: Code, body: list[Line]) -> Suite:
    """An ``if`` without ``else``; one that is all of another one's body becomes one with it."""
    match body:
        case [Suite("if", condition, inner)] if condition:
            return Suite("if", conjunction([test, condition]), inner)
    return Suite("if", test, body)


def _choice(test: Code, body: list[Line], otherwise: list[Line]) -> Assignment | None:
    """One assignment instead of two to the same variable, where a line has room for it."""
    match body, otherwise:
        case [Assignment(variable, then, declares)], [Assignment(other, alternative)]:
            if variable != other:
                return None
            condition = test.at(Level.OR)
            text = f"{then.at(Level.OR)} if {condition} else {alternative.text}"
            chosen = Assignment(variable, Code(text, level=Level.CONDITIONAL), declares)
            return chosen if len(str(chosen)) < WIDTH * 3 // 4 else None
    return None
