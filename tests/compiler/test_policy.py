"""Policies: a rule that is reported as shadowed decides for nobody, nothing and no action."""

import re
from collections.abc import Iterator
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from stackc.policy import ACTIONS, Rule, shadowed
from stackc.source import Source, Span

SOURCE = Source(Path("distribution.yaml"), "")

PRINCIPALS = ("ada", "bob")
RESOURCES = ("model::a", "model::b", "model::", "shield::a", "shield:::", "model:", "models::a")
PATTERNS = (
    *("model::a", "model::*", "shield::a", "shield::*", "models::*", "model::"),
    *("regex:model::*", "regex:.*", "regex:model::a", "regex:shield::.*"),
)
CONDITIONS = ("user is owner", "user with admin in roles")

Request = tuple[str, str, str, frozenset[str]]
"""Who does what with what, and which conditions hold."""


def fits(rule: Rule, request: Request) -> bool:
    """Whether a rule decides a request, as an evaluator of policies would see it."""
    principal, action, resource, holding = request
    return (
        rule.principal in (None, principal)
        and action in rule.actions
        and (rule.resource is None or _matches(rule.resource, resource))
        and _holds(rule.conditions, holding)
    )


def _holds(conditions: tuple[str, ...], holding: frozenset[str]) -> bool:
    if not conditions:
        return True
    word, *others = conditions
    return (set(others) <= holding) is (word == "when")


def _matches(pattern: str, resource: str) -> bool:
    if pattern.startswith("regex:"):
        return re.match(pattern.removeprefix("regex:"), resource) is not None
    prefix = pattern.endswith("::*") and resource.startswith(pattern[:-1])
    return pattern == resource or prefix


def requests() -> Iterator[Request]:
    holdings = (frozenset[str](), frozenset(CONDITIONS[:1]), frozenset(CONDITIONS))
    for principal in (*PRINCIPALS, "somebody else"):
        for action in ACTIONS:
            for resource in RESOURCES:
                for holding in holdings:
                    yield principal, action, resource, holding


def numbered(rules: list[Rule]) -> list[Rule]:
    """The rules, each on a line of its own, by which a diagnostic names it."""
    spans = (Span(SOURCE, line, 1, line, 2) for line in range(1, len(rules) + 1))
    return [
        Rule(each.principal, each.actions, each.resource, each.conditions, span)
        for each, span in zip(rules, spans, strict=True)
    ]


def rule(
    principal: str | None = None,
    actions: tuple[str, ...] = ACTIONS,
    resource: str | None = None,
    conditions: tuple[str, ...] = (),
) -> Rule:
    place = Span.start_of(SOURCE)
    return Rule(principal, frozenset(actions), resource, conditions, place)


def lines(rules: list[Rule]) -> set[int]:
    """The rules that are reported, counted from 1."""
    return {each.primary.span.line for each in shadowed(numbered(rules))}


rules = st.builds(
    Rule,
    principal=st.none() | st.sampled_from(PRINCIPALS),
    actions=st.frozensets(st.sampled_from(ACTIONS)),
    resource=st.none() | st.sampled_from(PATTERNS),
    conditions=st.just(())
    | st.tuples(st.sampled_from(("when", "unless")), st.sampled_from(CONDITIONS)),
    span=st.just(Span.start_of(SOURCE)),
)


@given(st.lists(rules, max_size=8))
@example([rule(resource="regex:model::*"), rule(resource="model::a")])
@example([rule(conditions=("when", "user is owner")), rule(conditions=("when", "user is owner"))])
def test_a_shadowed_rule_never_decides(policy: list[Rule]) -> None:
    reported = lines(policy)
    for request in requests():
        deciding = (line for line, each in enumerate(policy, 1) if fits(each, request))
        assert next(deciding, None) not in reported


def test_the_narrower_rule_behind_the_wider_one_is_reported() -> None:
    wide = rule(actions=("read", "update"), resource="model::*")
    assert lines([wide, rule("ada", ("read",), "model::a")]) == {2}
    assert lines([wide, rule("ada", ("read",), "model::*")]) == {2}
    assert lines([rule(), rule("ada", ("read",), "regex:.*"), rule()]) == {2, 3}


def test_the_wider_rule_behind_the_narrower_one_is_not() -> None:
    narrow = rule("ada", ("read",), "model::a")
    for wide in (rule("ada", ("read",), "model::*"), rule(None, ("read",), "model::a"), rule()):
        assert lines([narrow, wide]) == set()


def test_a_condition_shadows_only_the_same_one() -> None:
    owner = rule(conditions=("when", "user is owner"))
    assert lines([owner, rule()]) == set()
    assert lines([owner, rule(conditions=("unless", "user is owner"))]) == set()
    assert lines([owner, rule("ada", conditions=("when", "user is owner"))]) == {2}
