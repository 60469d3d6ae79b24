"""The wording of what is allowed and most likely a mistake, and of notes on spellings."""

from stackc.diagnostics.edits import part_replaced
from stackc.diagnostics.report import Diagnostic, Label
from stackc.environment import Malformed
from stackc.source import Span
from stackc.values import Name


def empty_default(field: str, variable: str, span: Span) -> Diagnostic:
    right = f"${{env.{variable}}}"
    return Diagnostic(
        "empty-default",
        f"`{field}` needs a value, and `{variable}` has an empty default",
        Label(span, f"the stack does not start where {variable} is not set"),
        help=f"write `{right}`, which says so",
        severity="warning",
        fix=part_replaced(span, f"${{env.{variable}:=}}", right),
    )


def never_enabled(what: str, why: str, span: Span) -> Diagnostic:
    remedy = "an id" if what == "provider" else "the id of a provider"
    return Diagnostic(
        "never-enabled",
        f"this {what} can never be enabled",
        Label(span, why),
        help=f"remove it, or give it {remedy}",
        severity="warning",
    )


def unread_switch(provider: Name, variable: str, read: str | None) -> Diagnostic:
    seen = f"; it reads `{read}`" if read else ""
    return Diagnostic(
        "unread-switch",
        f"`{variable}` enables `{provider.text}`, whose config never reads it",
        Label(provider.span, f"whatever {variable} holds is not used{seen}"),
        notes=("a variable that is only a switch is best called `ENABLE_...`",),
        help=f"use `${{env.{variable}}}` in the config",
        severity="warning",
    )


def unused_variable(variable: str, why: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "unused-variable",
        f"`{variable}` has no effect here",
        Label(span, why),
        help="write the value itself, or leave it out",
        severity="warning",
    )


def secret_in_file(name: str, span: Span, *, default: bool) -> Diagnostic:
    what = "the default of" if default else ""
    return Diagnostic(
        "secret-in-file",
        f"{what} `{name}` is a secret that is written into the file".strip(),
        Label(span, "anyone who reads the distribution or the image has it"),
        help="read it from a variable without a default: `${env.NAME}` or `${env.NAME:=}`",
        secret=span,
        severity="warning",
    )


def localhost(name: str, span: Span, secret: Span | None, default: str | None) -> Diagnostic:
    """`default` is the address that the field has where it is given none."""
    return Diagnostic(
        "localhost-in-container",
        f"`{name}` points at this machine, which in a container is the container itself",
        Label(span, f"without a value it is `{default}`" if default else ""),
        notes=("`stackc run` on the same machine reaches it; `docker run` does not",),
        help="let a variable without a default hold the address: `${env.NAME}`",
        secret=secret,
        severity="warning",
    )


def unused_backend(name: Name) -> Diagnostic:
    return Diagnostic(
        "unused-backend",
        f"nothing is kept in the backend `{name.text}`",
        Label(name.span),
        help="remove it, or name it in a store",
        severity="warning",
    )


def shadowed_rule(span: Span, earlier: Span) -> Diagnostic:
    return Diagnostic(
        "shadowed-rule",
        "this rule never decides anything",
        Label(span, "whatever it fits, an earlier rule has decided"),
        (Label(earlier, "this one"),),
        help="put the narrower rule first, or remove it",
        severity="warning",
    )


def old_expression(fault: Malformed, span: Span, *, fixed: bool) -> Diagnostic:
    """`fixed`: whether the right form may be told, which that of a secret may not."""
    return Diagnostic(
        "old-spelling",
        f"`{fault.text}` is written `{fault.right_form}` today",
        Label(span),
        help=f"write `{fault.right_form}`",
        severity="note",
        fix=part_replaced(span, fault.text, fault.right_form) if fixed else (),
    )


def old_spelling(old: str, new: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "old-spelling",
        f"{old} is written {new} today",
        Label(span),
        help="`stackc migrate` writes the whole file anew",
        severity="note",
    )
