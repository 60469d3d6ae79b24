"""The wording of what is wrong with external providers, one function each."""

from collections.abc import Sequence

from stackc.diagnostics.errors import listed
from stackc.diagnostics.report import Diagnostic, Label
from stackc.diagnostics.suggest import nearest
from stackc.source import Span
from stackc.values import Name

_FORMS = "the forms are `file:folder` and `pypi:package==version#folder`"


def bad_source(text: str, problem: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "bad-source",
        f"`{text}` is not a source of providers: {problem}",
        Label(span),
        notes=(_FORMS,),
    )


def entry(problem: str, span: Span, help_: str | None = None, label: str = "") -> Diagnostic:
    return Diagnostic("bad-catalog-entry", problem, Label(span, label), help=help_)


def no_entry(span: Span) -> Diagnostic:
    return entry("this file holds no provider type", span, "start it with `type:`")


def out_of_place(path: str, span: Span) -> Diagnostic:
    problem = f"`{path}` is not where a provider type can be"
    return entry(problem, span, "move it to `providers/<api>/<type>.yaml`")


def other_api(api: Name, folder: str) -> Diagnostic:
    problem = f"the provider type is one of `{api.text}`, and its file is in the folder `{folder}`"
    return entry(problem, api.span, f"write `api: {folder}`, or move the file")


def other_type(type_: Name, file: str, stem: str) -> Diagnostic:
    problem = f"the type `{type_.text}` is in a file that is called `{stem}.yaml`"
    return entry(problem, type_.span, f"call it `{file}`")


def api_without_providers(api: Name) -> Diagnostic:
    problem = f"the API `{api.text}` takes no providers"
    return entry(problem, api.span, "see `stackc list-apis`")


def unknown_name(what: str, name: Name, known: Sequence[str]) -> Diagnostic:
    near = nearest(name.text, known)
    return Diagnostic(
        "bad-catalog-entry",
        f"there is no {what} `{name.text}`",
        Label(name.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"there is {listed(known)}",),
        help=f"write `{near}`" if near else None,
    )


def bad_schema(path: str, problem: str, span: Span) -> Diagnostic:
    return entry(f"`{path}` is not JSON Schema: {problem}", span)


def no_parameter(field: str, span: Span) -> Diagnostic:
    problem = f"`{field}` cannot be the name of a parameter"
    return entry(problem, span, "use letters, digits and `_`, or pass it on by `arguments`")


def bad_requirement(text: str, problem: str, span: Span) -> Diagnostic:
    return entry(f"`{text}` is not a requirement: {problem}", span, "write `name>=1.2,<2`")


def other_version(text: str, source: str, span: Span) -> Diagnostic:
    problem = f"`{text}` is another version than the one that this file comes from"
    return entry(problem, span, "leave it out: the stack installs that package", f"from {source}")


def unknown_class(problem: str, span: Span) -> Diagnostic:
    return entry(problem, span, "write `package.module:Class`")


def without_parameter(name: str, class_: str, span: Span) -> Diagnostic:
    problem = f"`{class_}` has no parameter `{name}`"
    return entry(problem, span, "add it to the constructor, or leave it out here")


def without_value(name: str, class_: str, span: Span) -> Diagnostic:
    problem = f"the parameter `{name}` of `{class_}` has no default, and may be given no value"
    return entry(problem, span, "give it a default, or make a field of its name `required`")


def duplicate_type(type_: Name, api: str, first: Span) -> Diagnostic:
    return Diagnostic(
        "duplicate-provider-type",
        f"the provider type `{type_.text}` of `{api}` is there twice",
        Label(type_.span, "again"),
        (Label(first, "first"),),
        help="give one of them another name, or leave its source out",
    )


def known_type(type_: Name, api: str, file: str) -> Diagnostic:
    return Diagnostic(
        "duplicate-provider-type",
        f"the provider type `{type_.text}` of `{api}` is in the catalog of stackc",
        Label(type_.span, "again"),
        notes=(f"first: `{file}`",),
        help="give it another name",
    )


def code(problem: str, span: Span, help_: str | None = None) -> Diagnostic:
    return Diagnostic("bad-provider-code", problem, Label(span), help=help_)


def not_python(problem: str, span: Span) -> Diagnostic:
    return code(f"this is not Python: {problem}", span)


def dynamic_loading(span: Span) -> Diagnostic:
    return Diagnostic(
        "bad-provider-code",
        "this loads code by a name that only a run can tell",
        Label(span),
        notes=("a stack holds exactly what its imports reach, which must be there to read",),
        help="import what is needed by its name",
    )


def no_module(name: str, span: Span) -> Diagnostic:
    return code(f"there is no module `{name}`", span, "write the name of one that there is")


def taken_module(path: str, owner: str, span: Span) -> Diagnostic:
    problem = f"`{path}` would stand in the place of {owner}"
    return code(problem, span, "give the module another name")


def undeclared_package(module: str, via: str, owners: Sequence[str], span: Span) -> Diagnostic:
    """`via` is the module of ours that imports it, if any; `owners` have it and are not declared."""
    what = f"`{via}`, which imports `{module}`" if via else f"`{module}`"
    return Diagnostic(
        "undeclared-package",
        f"this imports {what}, and no package that the provider type declares has it",
        Label(span),
        notes=(f"it is in {listed(owners)}",) if owners else (),
        help=f"add {listed(owners[:1]) if owners else 'its package'} to `packages`",
    )


def class_not_installed(symbol: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "undeclared-package",
        f"no package that the provider type declares has `{symbol}`",
        Label(span),
        help="add its package to `packages`, or correct `class`",
    )
