"""The wording of what is wrong with resources, stores, policies and overlays, one function each."""

from collections.abc import Iterable, Sequence

from stackc.diagnostics.errors import listed
from stackc.diagnostics.report import Diagnostic, Label
from stackc.diagnostics.suggest import nearest
from stackc.source import Span
from stackc.values import Name


def not_yet_supported(key: str, what: str, span: Span, instead: str | None = None) -> Diagnostic:
    return Diagnostic(
        "not-yet-supported",
        f"`{key}` is not supported yet" + (f": {what}" if what != key.replace("_", " ") else ""),
        Label(span, "read and checked, but not built"),
        help=instead or f"leave `{key}` out",
    )


def planned_provider(type_: Name, api: str) -> Diagnostic:
    return Diagnostic(
        "not-yet-supported",
        f"the provider type `{type_.text}` of `{api}` is not supported yet",
        Label(type_.span, "read and checked, but not built"),
        help=f"see `stackc list-providers {api}`, and leave the provider out",
    )


def planned_api(api: Name) -> Diagnostic:
    return Diagnostic(
        "not-yet-supported",
        f"the API `{api.text}` is not supported yet",
        Label(api.span, "read and checked, but not built"),
        help=f"leave `{api.text}` out of `apis`",
    )


def planned_everywhere(model: Name, provider: Name) -> Diagnostic:
    return Diagnostic(
        "not-yet-supported",
        f"the model `{model.text}` is to be served by whichever provider there is, "
        "which is not supported yet",
        Label(provider.span, "not a provider of its own"),
        help="name one provider",
    )


def unknown_resource_provider(
    resource: Name, provider: Name, api: str, known: Iterable[str]
) -> Diagnostic:
    known = sorted(known)
    near = nearest(provider.text, known)
    return Diagnostic(
        "unknown-resource-provider",
        f"`{resource.text}` is bound to `{provider.text}`, which is no provider of `{api}`",
        Label(provider.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"providers of `{api}`: {listed(known) if known else 'none'}",),
        help=f"write `{near}`" if near else f"add `{provider.text}` under `providers: {api}:`",
    )


def unknown_default_provider(provider: Name, api: str, known: Sequence[str]) -> Diagnostic:
    near = nearest(provider.text, known)
    return Diagnostic(
        "unknown-resource-provider",
        f"`{provider.text}` is no provider of `{api}`",
        Label(provider.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"providers of `{api}`: {listed(known) if known else 'none'}",),
        help=f"write `{near}`" if near else f"add `{provider.text}` under `providers: {api}:`",
    )


def ambiguous_provider(resource: Name, api: str, known: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "ambiguous-provider",
        f"`{resource.text}` names no provider, and `{api}` has {len(known) or 'none'}",
        Label(resource.span, "needs `provider_id`" if known else f"needs a provider of `{api}`"),
        notes=(f"providers of `{api}`: {listed(known)}",) if known else (),
        help="add `provider_id:`" if known else f"add a provider under `providers: {api}:`",
    )


def duplicate_resource(kind: str, id_: Name, first: Span) -> Diagnostic:
    return Diagnostic(
        "duplicate-resource",
        f"two entries of `{kind}` are called `{id_.text}`",
        Label(id_.span, "again"),
        (Label(first, "first"),),
        help="give each an id of its own",
    )


def unknown_resource(what: str, name: Name, known: Iterable[str]) -> Diagnostic:
    known = sorted(known)
    near = nearest(name.text, known)
    return Diagnostic(
        "unknown-resource",
        f"`{name.text}` is no {what} of this distribution",
        Label(name.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"the {what}s are {listed(known)}",) if known else (),
        help=f"write `{near}`" if near else f"declare it under `registered_resources: {what}s:`",
    )


def wrong_backend_kind(store: str, backend: Name, kind: str, type_: str) -> Diagnostic:
    needs = "keys and values" if kind == "kv" else "tables"
    return Diagnostic(
        "wrong-backend-kind",
        f"the store {store} needs {needs}, and the backend `{backend.text}` is a `{type_}`",
        Label(backend.span, f"must be a `{kind}_` backend"),
        help=f"name a backend whose type starts with `{kind}_`",
    )


def bad_rule(problem: str, span: Span, remedy: str) -> Diagnostic:
    return Diagnostic("bad-access-rule", problem, Label(span), help=remedy)


def bad_condition(text: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "bad-access-rule",
        f"`{text}` is no condition",
        Label(span),
        notes=(
            "the conditions are `user with VALUE in ATTRIBUTE`, `user with VALUE not in ATTRIBUTE`, "
            "`user is owner`, `user is not owner`, `user in owners ATTRIBUTE`, "
            "`user not in owners ATTRIBUTE` and `resource is unowned`",
        ),
        help="write one of them",
    )


def unknown_action(name: str, known: Sequence[str], span: Span) -> Diagnostic:
    near = nearest(name, known)
    return Diagnostic(
        "bad-access-rule",
        f"`{name}` is no action",
        Label(span, f"did you mean `{near}`?" if near else ""),
        notes=(f"the actions are {listed(known)}",),
        help=f"write `{near}`" if near else "write one of them",
    )


def unknown_attribute(name: str, known: Sequence[str], span: Span) -> Diagnostic:
    near = nearest(name, known)
    return Diagnostic(
        "bad-access-rule",
        f"`{name}` is no attribute of a user",
        Label(span, f"did you mean `{near}`?" if near else ""),
        notes=(f"the attributes are {listed(known)}",),
        help=f"write `{near}`" if near else "write one of them",
    )


def extends_cycle(paths: Sequence[str], span: Span) -> Diagnostic:
    itself = len(paths) == 2
    return Diagnostic(
        "extends-cycle",
        "this distribution extends itself" if itself else "these distributions extend each other",
        Label(span, "comes back to where it began"),
        notes=(f"the cycle: {' -> '.join(paths)}",),
        help="remove `extends`" + (" from one of them" if not itself else ""),
    )


def unreadable_base(path: str, reason: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "unreadable-file",
        f"`{path}` cannot be read: {reason.lower()}",
        Label(span, "extended here"),
        help="write the path of a distribution, from this one's folder",
    )


def nothing_to_remove(name: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "nothing-to-remove",
        f"there is no `{name}` here to remove",
        Label(span, "not in the distribution that is extended"),
        help="leave this entry out",
    )
