"""The environment variables of a stack: each is one typed setting, whatever uses it."""

from collections.abc import Iterator
from dataclasses import dataclass

from stackc.check import ProviderSpec, ResourceSpec, Spec
from stackc.diagnostics import errors, warnings
from stackc.diagnostics.report import Diagnostic
from stackc.environment import Reference
from stackc.source import Span
from stackc.values import Kind, LateBound, Static, coerce, late_bound


@dataclass(frozen=True)
class Variable:
    """A setting. `required`: the stack does not start without it.

    A variable that switches something on has no default: it would always be on.
    `needed_with` names the variables that enable the providers that need it, where only they do.
    """

    name: str
    kind: Kind
    secret: bool
    required: bool
    default: Static
    needed_with: tuple[str, ...]


@dataclass(frozen=True)
class _Use:
    """One place that reads a variable; `typed` is False for a switch, which takes any text.

    `needed`: whether the stack cannot start without the variable. `may_lack` is the field that needs
    a value and would have none where the variable is not set.
    """

    reference: Reference
    kind: Kind
    typed: bool
    needed: bool
    secret: bool
    default: Static
    enabled_by: str | None
    may_lack: str | None
    span: Span


def variables_of(spec: Spec, faults: list[Diagnostic]) -> tuple[Variable, ...]:
    """Every variable that the distribution reads, sorted; adds the uses that contradict."""
    uses: dict[str, list[_Use]] = {}
    for use in _uses(spec):
        uses.setdefault(use.reference.name, []).append(use)
        if use.may_lack and use.needed:
            faults.append(warnings.empty_default(use.may_lack, use.reference.name, use.span))
        elif use.may_lack:
            faults.append(errors.empty_default(use.may_lack, use.reference.name, use.span))
    return tuple(_variable(name, uses[name], faults) for name in sorted(uses))


def _uses(spec: Spec) -> Iterator[_Use]:
    for provider in spec.providers:
        yield from _switch(provider)
        for value in late_bound(provider.config):
            yield from _of(value, provider.enabled_by, provider.enabled_by)
    enabled_by = {provider.id.text: provider.enabled_by for provider in spec.providers}
    for model in spec.models:
        switch = model.enabled_by or enabled_by.get(model.provider.text if model.provider else "")
        yield from _model_switch(model)
        for value in late_bound(model.fields):
            given = value.only is not None and value.only.operator == ":="
            if value.field != "provider_id":
                yield from _of(value, switch, switch if given else None)
    for value in late_bound(spec.server):
        yield from _of(value, None, None)


def _switch(provider: ProviderSpec) -> Iterator[_Use]:
    if provider.enabled_by:
        reference = Reference(provider.enabled_by, ":+", provider.id.text)
        yield _Use(reference, "string", False, False, False, None, None, None, provider.id.span)


def _model_switch(model: ResourceSpec) -> Iterator[_Use]:
    if model.enabled_by and model.provider:
        reference = Reference(model.enabled_by, ":+", model.provider.text)
        span = model.provider.span
        yield _Use(reference, "string", False, False, False, None, None, None, span)


def _of(value: LateBound, enabled_by: str | None, inside: str | None) -> Iterator[_Use]:
    """The uses of a value; `inside`: the variable that is set wherever the value is read."""
    for reference in value.text.references:
        kind = value.kind if value.only else "string"
        default: Static = None
        if reference.operator == ":=":
            default = coerce(reference.operand, kind) if reference.operand else value.fallback
        typed = reference.operator != ":+"
        may_lack = value.field if _may_lack(value, default, inside) else None
        yield _Use(
            reference, kind, typed, value.needs(reference), value.secret, default, enabled_by,
            may_lack, value.span,
        )  # fmt: skip


def _may_lack(value: LateBound, default: Static, inside: str | None) -> bool:
    """Whether a field that needs a value has none where its one variable is not set."""
    reference = value.only
    if reference is None or reference.operator == "" or default is not None:
        return False
    given = value.fallback if reference.operator == ":+" else None
    return not value.nullable and given is None and reference.name != inside


def _variable(name: str, uses: list[_Use], faults: list[Diagnostic]) -> Variable:
    typed = [use for use in uses if use.typed]
    kind: Kind = typed[0].kind if typed else "string"  # a switch takes any text
    secret = any(use.secret for use in typed)
    for use in typed[1:]:
        if use.kind != kind:
            faults.append(errors.conflicting_kinds(name, use.kind, kind, use.span, typed[0].span))
    given = [use for use in typed if use.reference.operator == ":=" and not use.needed]
    for use in given[1:]:
        if use.default != given[0].default:
            spans = use.span, given[0].span
            defaults = (None, None) if secret else (use.default, given[0].default)
            faults.append(errors.conflicting_defaults(name, defaults, *spans))
    needing = [use for use in uses if use.needed]
    switch = any(use.reference.operator == ":+" for use in uses)
    always = any(use.enabled_by is None for use in needing)
    switches = {use.enabled_by for use in needing if use.enabled_by not in (None, name)}
    return Variable(
        name=name,
        kind=kind,
        secret=secret,
        required=always,
        default=None if switch else given[0].default if given else None,
        needed_with=() if always else tuple(sorted(switch for switch in switches if switch)),
    )
