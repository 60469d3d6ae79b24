"""Access policies: whether each rule can be read, and whether it can ever decide anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackc.check import Spec
from stackc.diagnostics import section_errors, warnings
from stackc.diagnostics.report import Diagnostic
from stackc.source import Span
from stackc.tree import Mapping, Scalar, Sequence, Value

ATTRIBUTES = ("namespaces", "projects", "roles", "teams")
"""What is known of a user beside the name."""

ACTIONS = ("create", "delete", "read", "update")

MOST_PARTS = 8
"""Parts of a resource's name behind which a `*` is looked for."""


@dataclass(frozen=True)
class Rule:
    """What a rule fits: no principal is everybody, no resource is everything.

    `conditions` are those under `when` or `unless`, after that word; without them it always decides.
    """

    principal: str | None
    actions: frozenset[str]
    resource: str | None
    conditions: tuple[str, ...]
    span: Span

    def covers(self, other: "Rule") -> bool:
        """Whether it decides whatever the other one fits."""
        return (
            self.conditions in ((), other.conditions)
            and self.principal in (None, other.principal)
            and self.actions >= other.actions
            and _covers(self.resource, other.resource)
        )


def policy_diagnostics(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with the rules of `server.auth`, and which of them are shadowed."""
    auth = _at(spec.document.root, "server", "auth")
    for route in _items(_at(auth, "route_policy")):
        yield from _form_faults(route)
    rules: list[Rule] = []
    for item in _items(_at(auth, "access_policy")):
        faults = list(_form_faults(item))
        yield from faults
        rules += [] if faults else [_rule(item)]
    yield from shadowed(rules)


def _form_faults(rule: Mapping) -> Iterator[Diagnostic]:
    effects = [key for key in ("permit", "forbid") if _given(rule, key)]
    if len(effects) != 1:
        problem = "a rule either permits or forbids" + (", not both" if effects else "")
        yield section_errors.bad_rule(problem, rule.span, "write one `permit:` or `forbid:`")
    if _given(rule, "when") and _given(rule, "unless"):
        problem = "a rule has conditions under `when` or under `unless`, not both"
        yield section_errors.bad_rule(problem, rule.span, "keep one of them")
    for key in ("when", "unless"):
        for condition in _texts(rule.get(key)):
            yield from _condition_faults(condition)
    for effect in effects:
        for action in _texts(_at(rule.get(effect), "actions")):
            if action.raw not in ACTIONS:
                yield section_errors.unknown_action(action.raw, ACTIONS, action.span)
        yield from _resource_faults(_at(rule.get(effect), "resource"))
        for path in _texts(_at(rule.get(effect), "paths")):
            yield from _path_faults(path)


def _condition_faults(condition: Scalar) -> Iterator[Diagnostic]:
    match condition.raw.split():
        case ["user", "is", "owner"] | ["user", "is", "not", "owner"]:
            return
        case ["resource", "is", "unowned"]:
            return
        case (
            ["user", "with", _, "in", name]
            | ["user", "with", _, "not", "in", name]
            | ["user", "in", "owners", name]
            | ["user", "not", "in", "owners", name]
        ):
            if name not in ATTRIBUTES:
                yield section_errors.unknown_attribute(name, ATTRIBUTES, condition.span)
        case _:
            yield section_errors.bad_condition(condition.raw, condition.span)


def _resource_faults(resource: Value | None) -> Iterator[Diagnostic]:
    for text in _texts(resource):
        if text.raw.startswith("regex:"):
            yield from _pattern_faults(text)
        elif not re.fullmatch(r"[a-z_]+::.+", text.raw):
            problem = f"`{text.raw}` is no resource"
            yield section_errors.bad_rule(
                problem, text.span, "write `type::id`, `type::*` or `regex:` and a pattern"
            )


def _path_faults(path: Scalar) -> Iterator[Diagnostic]:
    if path.raw.startswith("regex:"):
        yield from _pattern_faults(path)
    elif path.raw != "*" and not path.raw.startswith("/"):
        remedy = "write a path, `prefix*`, `*` or `regex:` and a pattern"
        yield section_errors.bad_rule(f"`{path.raw}` is no path", path.span, remedy)


def _pattern_faults(text: Scalar) -> Iterator[Diagnostic]:
    try:
        re.compile(text.raw.removeprefix("regex:"))
    except (re.error, RecursionError, OverflowError) as error:
        reason = "it is too deep" if isinstance(error, RecursionError) else error
        problem = f"`{text.raw}` is no pattern: {reason}"
        yield section_errors.bad_rule(problem, text.span, "mend the pattern")


def shadowed(rules: list[Rule]) -> Iterator[Diagnostic]:
    """The rules that one before them covers."""
    before: dict[tuple[str | None, str | None], list[tuple[int, Rule]]] = {}
    for index, rule in enumerate(rules):
        alike = (before.get(key, ()) for key in _covering(rule))
        covering = ((i, each) for found in alike for i, each in found if each.covers(rule))
        first = min(covering, key=lambda pair: pair[0], default=None)
        if first:
            yield warnings.shadowed_rule(rule.span, first[1].span)
        else:
            before.setdefault((rule.principal, rule.resource), []).append((index, rule))


def _covering(rule: Rule) -> Iterator[tuple[str | None, str | None]]:
    """The principals and resources of rules that may cover a rule: few, however many there are."""
    parts = rule.resource.split("::", MOST_PARTS)[:-1] if rule.resource else []
    wide = ("::".join((*parts[: end + 1], "*")) for end in range(len(parts)))
    for resource in (None, rule.resource, *wide):
        yield from ((None, resource), (rule.principal, resource))


def _rule(rule: Mapping) -> Rule:
    scope = rule.get("permit" if _given(rule, "permit") else "forbid")
    resource = next((each.raw for each in _texts(_at(scope, "resource"))), None)
    principal = next((each.raw for each in _texts(_at(scope, "principal"))), None)
    return Rule(
        principal=principal,
        actions=frozenset(each.raw for each in _texts(_at(scope, "actions"))),
        resource=resource,
        conditions=tuple(_conditions(rule)),
        span=rule.span,
    )


def _conditions(rule: Mapping) -> Iterator[str]:
    for key in ("when", "unless"):
        if _given(rule, key):
            yield key
            yield from (each.raw for each in _texts(rule.get(key)))


def _covers(resource: str | None, other: str | None) -> bool:
    """Whether a resource pattern fits everything that another one fits."""
    if resource is None or resource == other:
        return True
    if other is None or resource.startswith("regex:") or not resource.endswith("::*"):
        return False
    return other.startswith(resource.removesuffix("*"))


def _given(rule: Mapping, key: str) -> bool:
    value = rule.get(key)
    return value is not None and not (isinstance(value, Scalar) and value.value is None)


def _texts(value: Value | None) -> Iterator[Scalar]:
    """One text, or the texts of a list."""
    for each in value.items if isinstance(value, Sequence) else (value,):
        if isinstance(each, Scalar) and isinstance(each.value, str):
            yield each


def _items(value: Value | None) -> Iterator[Mapping]:
    for each in value.items if isinstance(value, Sequence) else ():
        if isinstance(each, Mapping):
            yield each


def _at(value: Value | None, *path: str) -> Value | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
