"""The wording of every diagnostic: one function each, and nothing of how it is shown."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from stackc.diagnostics.edits import part_replaced, replaced, respelt
from stackc.diagnostics.report import Diagnostic, Edit, Label
from stackc.diagnostics.secrets import names_secret
from stackc.diagnostics.suggest import certain, nearest
from stackc.environment import Malformed, Reference
from stackc.limits import MAX_BYTES, MAX_CHANGES, MAX_DEPTH, MAX_TEXT, MAX_VALUES
from stackc.source import Span
from stackc.tree import Mapping, Scalar, Value
from stackc.tree import Sequence as List
from stackc.values import Kind, Name, Static, reads_as

_ENVIRONMENT_FORMS = "the forms are `${env.X}`, `${env.X:=default}` and `${env.X:+value}`"
_ENVIRONMENT_NAMES = "a name is of capitals, digits and `_`"
_ENVIRONMENT_NESTED = "an expression cannot hold another one"


def unreadable(span: Span, reason: str) -> Diagnostic:
    message = f"`{span.source.path}` cannot be read: {reason.lower()}"
    return Diagnostic("unreadable-file", message, Label(span))


def bad_yaml(span: Span, problem: str) -> Diagnostic:
    return Diagnostic("bad-yaml", f"this is not YAML: {problem}", Label(span))


def bad_character(span: Span, code: int) -> Diagnostic:
    return bad_yaml(span, f"the character U+{code:04X} may only stand in it escaped")


def bad_syntax(place: Span, problem: str, inside: Span | None, context: str) -> Diagnostic:
    """What YAML's grammar does not allow at `place`, found on the way through `inside`."""
    at_the_end = "expected ',' or" in problem and not place.text
    if inside and (at_the_end or "end of stream" in problem):
        return replace(bad_yaml(inside, "what opens here is never closed"), help="close it")
    if inside and "could not find expected ':'" in problem:
        return replace(bad_yaml(inside, "this has no `:`"), help="write `key: value`")
    told, action = _syntax(problem, place)
    within = inside and inside != place and context.startswith("while")
    secondary = (Label(inside, context),) if inside and within else ()
    return replace(bad_yaml(place, told), secondary=secondary, help=action)


def _syntax(problem: str, place: Span) -> tuple[str, str | None]:
    """What a fault of the grammar is in words of the file, by the character there, and help."""
    before = place.source.lines[place.line - 1][: place.column - 1]
    if problem in _OUT_OF_LINE and before.strip():
        return "the value before this has ended", "put the whole value in quotes"
    found = (told for known, here, *told in _SYNTAX if known in problem and here in place.text)
    there = f", and there is `{place.text}`" if place.text.strip() and "',' or" in problem else ""
    plain = problem.replace("did not find expected", "expected") + there
    told, action = next(found, (plain, None))
    return told or "", action


_OUT_OF_LINE = (
    "did not find expected key",
    "did not find expected '-' indicator",
    "did not find expected <document start>",
)

_OUT_OF_LINE_TOLD = "this does not line up with what is above it", "check the indent"

_TAB = "a tab cannot stand here", "use spaces instead"

_SYNTAX = (
    *((problem, "", *_OUT_OF_LINE_TOLD) for problem in _OUT_OF_LINE),
    ("cannot start any token", "\t", *_TAB),
    ("found a tab character", "", *_TAB),
    ("cannot start any token", "@", "a text cannot start with `@`", "put it in quotes"),
    ("cannot start any token", "`", "a text cannot start with a backtick", "put it in quotes"),
    ("cannot start any token", "%", "a text cannot start with `%`", "put it in quotes"),
    ("expected ',' or", "{", "no `{` can stand here", "put a text with `{` in it in quotes"),
    ("expected node content", "", "a value should stand here", None),
    ("found another document", "", "a second document starts here", "keep one in this file"),
    ("escape code", "", "an escape in it stands for no character", None),
    (
        "mapping values are not allowed",
        "",
        "no `:` can stand here",
        "check the indent, and put a text with `: ` in it in quotes",
    ),
)
"""What libyaml says of the most common slips, what stands there, the same in plain words, and help."""


def not_migrated(span: Span) -> Diagnostic:
    return Diagnostic(
        "not-migrated",
        "this file cannot be rewritten without changing what it means",
        Label(span),
        notes=("old spellings inside of anchors and merge keys (`<<`) have to be mended by hand",),
        help="see the notes of `stackc check`",
    )


def not_a_distribution(span: Span) -> Diagnostic:
    return Diagnostic(
        "bad-yaml",
        "a distribution is a mapping, and this file holds none",
        Label(span),
        help="start it with `version: 2`",
    )


def too_large(span: Span) -> Diagnostic:
    note = (
        f"a distribution holds at most {MAX_VALUES:,} values, {MAX_DEPTH} levels deep, "
        f"each of {MAX_TEXT:,} characters, in {MAX_BYTES // 1_000_000} MB, "
        f"and {MAX_CHANGES:,} old spellings"
    )
    message = "the file is too large to be a distribution"
    return Diagnostic("bad-yaml", message, Label(span), notes=(note,))


def duplicate_key(key: str, span: Span, first: Span) -> Diagnostic:
    return Diagnostic(
        "duplicate-key",
        f"the key `{key}` stands here twice",
        Label(span, "again"),
        (Label(first, "first"),),
        help="remove one of the two",
    )


def unknown_key(
    key: str, span: Span, value: Span, known: Iterable[str], renamed: str | None
) -> Diagnostic:
    """`renamed` is what the key certainly stands for."""
    near = nearest(key, known)
    names = ", ".join(f"`{name}`" for name in known)
    return Diagnostic(
        "unknown-key",
        f"unknown key `{key}`",
        Label(span, f"did you mean `{near}`?" if near else ""),
        notes=(f"the keys here are {names}" if names else "no key is known here",),
        help=f"write `{near}`" if near else f"remove `{key}`",
        secret=value if near and names_secret(near) else None,
        fix=respelt(span, key, renamed) if renamed else (),
    )


def missing_key(key: str, owner: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "missing-key",
        f"`{key}` is missing from {_the(owner)}",
        Label(span, f"needs `{key}`"),
        help=f"add `{key}:`",
    )


def wrong_type(
    name: str,
    wanted: str | list[str],
    value: Value,
    secret: bool,
    fits: Callable[[object], bool],
) -> Diagnostic:
    """`fits` tells whether a plain value is all that the field asks for."""
    kinds = _kinds(wanted)
    nothing = isinstance(value, Scalar) and value.value is None
    return Diagnostic(
        "wrong-type",
        f"{_the(name)} must be {kinds}, {'and has no value' if nothing else _not(value)}",
        Label(value.span, kinds),
        help=_requoted(value, wanted, secret),
        secret=value.span if secret else None,
        fix=_requoting(value, wanted, fits),
    )


def _requoted(value: Value, wanted: str | list[str], secret: bool) -> str | None:
    """How the same value is written as what is wanted, if quotes are all that is wrong."""
    if not isinstance(value, Scalar) or value.value is None:
        return None
    if "string" in wanted:
        return "write it in quotes" + ("" if secret else f": `{json.dumps(value.raw)}`")
    kinds: tuple[Kind, ...] = ("integer", "number", "boolean")
    if any(kind in wanted and reads_as(value.raw, kind) for kind in kinds):
        return f"write it without quotes: `{value.raw}`"
    boolean = _SPOKEN.get(value.raw.lower()) if "boolean" in wanted else None
    return f"write `{boolean}`" if boolean else None


def _requoting(
    value: Value, wanted: str | list[str], fits: Callable[[object], bool]
) -> tuple[Edit, ...]:
    """The edit that says the same, where the value then fits its field."""
    if not isinstance(value, Scalar) or value.value is None:
        return ()
    text = json.dumps(value.raw) if "string" in wanted else _as_literal(value.raw)
    return replaced(value.span, value.raw, text) if text and fits(json.loads(text)) else ()


def _as_literal(raw: str) -> str | None:
    """A text as the number or boolean that it certainly stands for, in JSON."""
    if _NUMBER.fullmatch(raw):
        return raw
    word = raw.lower()
    return word if word in ("true", "false") else _SPOKEN.get(word)


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_SPOKEN = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}


def invalid_value(
    name: str, value: Value, rule: str, wanted: object, form: str, secret: bool
) -> Diagnostic:
    raw = value.raw if isinstance(value, Scalar) and not secret else None
    near = _nearest_value(raw, wanted) if raw and isinstance(wanted, list) else None
    near = str(wanted) if rule == "const" else near
    return Diagnostic(
        "invalid-value",
        f"{_shown(value, secret)} is not a value of {_the(name)}",
        Label(value.span, form or _rule(rule, wanted)),
        help=f"write `{near}`" if near else None,
        secret=value.span if secret else None,
        fix=_corrected(value, rule, wanted),
    )


def _corrected(value: Value, rule: str, wanted: object) -> tuple[Edit, ...]:
    """The edit to the only value that there can be, or to the one that is certainly meant."""
    if not isinstance(value, Scalar):
        return ()
    if rule == "const":
        return replaced(value.span, value.raw, json.dumps(wanted))
    if not isinstance(wanted, list) or value.raw.lower() in _MEANT:
        return ()
    near = certain(value.raw, [each for each in wanted if isinstance(each, str)])
    return respelt(value.span, value.raw, near) if near else ()


def _nearest_value(raw: str, wanted: list[object]) -> str | None:
    meant = _MEANT.get(raw.lower())
    return meant if meant in wanted else nearest(raw, map(str, wanted))


_MEANT = {"gpu": "cuda", "nvidia": "cuda"}


def _shown(value: Value, secret: bool) -> str:
    if not isinstance(value, Scalar) or secret:
        return "this"
    short = value.raw if len(value.raw) <= 60 else f"{value.raw[:57]}..."
    is_text = isinstance(value.value, str) and (not short or short[0].isdigit())
    return f"`{json.dumps(short)}`" if is_text else f"`{short}`"


def wrong_default(
    name: str, reference: Reference, schema: dict[str, object], kind: Kind, span: Span
) -> Diagnostic:
    form = schema.get("x-form")
    rules = ("enum", "minimum", "maximum", "exclusiveMinimum", "minLength")
    notes = [f"`{name}`: {_rule(rule, schema[rule])}" for rule in rules if rule in schema]
    return Diagnostic(
        "wrong-type",
        f"what `{reference}` gives is not a value of `{name}`",
        Label(span, f"`{name}` takes {form or _kinds(kind)}"),
        notes=tuple(notes),
    )


def mixed_text(name: str, kind: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "wrong-type",
        f"`{name}` must be {_kinds(kind)}, and text mixed with a variable is a string",
        Label(span),
        help="let the variable hold the whole value",
    )


def malformed_environment(fault: Malformed, span: Span) -> Diagnostic:
    nested = "${" in fault.text[2:]
    return Diagnostic(
        "malformed-environment-expression",
        f"`{fault.text}` is not an environment expression",
        Label(span, f"did you mean `{fault.right_form}`?"),
        notes=(_ENVIRONMENT_FORMS, _ENVIRONMENT_NESTED if nested else _ENVIRONMENT_NAMES),
        help=f"write `{fault.right_form}`, or `${fault.text}` for the text itself",
        fix=_rewritten(fault, span) if _keeps_all(fault) else (),
    )


def _rewritten(fault: Malformed, span: Span) -> tuple[Edit, ...]:
    return part_replaced(span, fault.text, fault.right_form)


def _keeps_all(fault: Malformed) -> bool:
    """Whether the right form has every letter and digit of what was written, its name in one piece."""
    written, right = _letters(fault.text), _letters(fault.right_form)
    name = re.findall(r"\w+", fault.right_form)[1]
    return right in (written, f"ENV{written}") and name in fault.text.upper()


def _letters(expression: str) -> str:
    return "".join(filter(str.isalnum, expression)).upper()


def late_bound_id(text: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "late-bound-value",
        f"`{text}` cannot be the id of a provider",
        Label(span, "must be known when the stack is built"),
        notes=("`${env.X:+name}` alone is allowed: it enables the provider where X is set",),
        help="write the id itself, or `${env.X:+id}`",
    )


def not_static(name: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "late-bound-value",
        f"{_the(name)} must be known when the stack is built",
        Label(span, "read when it starts"),
        help="write the value itself",
    )


def empty_default(field: str, variable: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "missing-value",
        f"`{field}` has no value where `{variable}` is not set",
        Label(span, "gives nothing then"),
        help=f"write `${{env.{variable}}}` to require it, or give a default after `:=`",
    )


def conflicting_kinds(name: str, kind: str, first: str, span: Span, first_span: Span) -> Diagnostic:
    return Diagnostic(
        "conflicting-variable",
        f"`{name}` is used as {_kinds(kind)} and as {_kinds(first)}",
        Label(span, _kinds(kind)),
        (Label(first_span, _kinds(first)),),
        help="use two variables",
    )


def conflicting_defaults(
    name: str, defaults: tuple[Static, Static], span: Span, first_span: Span
) -> Diagnostic:
    """`defaults` are that at `span` and that at `first_span`; None is not told."""
    told, first = (f"`{each}`" if each is not None else "" for each in defaults)
    return Diagnostic(
        "conflicting-variable",
        f"`{name}` has two defaults",
        Label(span, told),
        (Label(first_span, first),),
        notes=("a variable is one setting of the stack, with one default",),
        help="make them the same, or use two variables",
    )


def unknown_api(api: Name, known: Sequence[str], renamed: str | None) -> Diagnostic:
    """`renamed` is what the name certainly stands for."""
    near = nearest(api.text, known)
    return Diagnostic(
        "unknown-api",
        f"unknown API `{api.text}`",
        Label(api.span, f"did you mean `{near}`?" if near else ""),
        notes=(f"the APIs are {listed(known)}",),
        help=f"write `{near}`" if near else "see `stackc list-apis`",
        fix=respelt(api.span, api.text, renamed) if renamed else (),
    )


def no_provider(api: Name, types: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "api-without-provider",
        f"the API `{api.text}` has no provider",
        Label(api.span, "asked for here"),
        notes=(f"provider types: {listed(types)}",),
        help=f"add one under `providers: {api.text}:`",
    )


def unknown_provider(
    api: str, type_: Name, known: Sequence[str], built: Sequence[str]
) -> Diagnostic:
    near = nearest(type_.text, known)
    told = f"provider types of `{api}` today: {listed(built) if built else 'none'}"
    return Diagnostic(
        "unknown-provider",
        f"unknown provider type `{type_.text}` of the API `{api}`",
        Label(type_.span, f"did you mean `{near}`?" if near else ""),
        notes=(told,),
        help=f"write `{near}`" if near else f"see `stackc list-providers {api}`",
        fix=renamed(type_, known),
    )


def duplicate_provider(api: str, id_: Name, first: Span) -> Diagnostic:
    return Diagnostic(
        "duplicate-provider",
        f"two providers of `{api}` are called `{id_.text}`",
        Label(id_.span, "again"),
        (Label(first, "first"),),
        help="give each an id of its own",
    )


def missing_dependency(
    type_: str, api: str, span: Span, chain: tuple[str, ...], example: str | None
) -> Diagnostic:
    name = (example or "").rpartition("::")[2]
    entry = f"{api}: [{{provider_id: {name}, provider_type: {example}}}]" if example else api
    return Diagnostic(
        "missing-dependency",
        f"`{type_}` needs a provider of `{api}`, and this distribution has none",
        Label(span, f"requires: {api}"),
        notes=(f"needed by: {' <- '.join(chain)}",),
        help=f"add `{entry}` under `providers`",
    )


def dependency_cycle(path: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic(
        "dependency-cycle",
        f"the providers of {' and '.join(f'`{api}`' for api in sorted(set(path)))} need each other",
        Label(span, "inside the cycle"),
        notes=(f"the cycle: {' -> '.join(path)}",),
        help="choose a provider of one of them that does not need the other",
    )


def unused_provider(id_: Name, why: str) -> Diagnostic:
    return Diagnostic(
        "unused-provider",
        f"the provider `{id_.text}` is never used: {why}",
        Label(id_.span),
        help="remove it, or use it",
    )


def unknown_backend(store: str, backend: Name, known: Iterable[str]) -> Diagnostic:
    near = nearest(backend.text, known)
    return Diagnostic(
        "unknown-backend",
        f"the store {store} is kept in `{backend.text}`, which is no backend",
        Label(backend.span, f"did you mean `{near}`?" if near else ""),
        help=f"write `{near}`" if near else f"add `{backend.text}` under `storage: backends:`",
        fix=renamed(backend, known),
    )


def renamed(name: Name, known: Iterable[str]) -> tuple[Edit, ...]:
    near = certain(name.text, known)
    return respelt(name.span, name.text, near) if near else ()


def _the(name: str) -> str:
    return name if " " in name else f"`{name}`"


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def _kinds(wanted: str | list[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(_WORDS[name] for name in names)


def _not(value: Value) -> str:
    if isinstance(value, Mapping):
        return "not a mapping"
    if isinstance(value, List):
        return "not a list"
    names = {bool: "true or false", int: "an integer", float: "a number"}
    return f"not {names.get(type(value.value), 'a string')}"


def _rule(rule: str, wanted: object) -> str:
    match rule:
        case "enum" if isinstance(wanted, list):
            return "one of " + listed(map(str, wanted))
        case "const":
            return f"must be `{wanted}`"
        case "pattern":
            return f"must match `{wanted}`"
        case "minimum":
            return f"at least {wanted}"
        case "maximum":
            return f"at most {wanted}"
        case "exclusiveMinimum":
            return f"more than {wanted}"
        case "exclusiveMaximum":
            return f"less than {wanted}"
        case "minLength":
            return f"at least {wanted} character{'s' if wanted != 1 else ''}"
        case "maxLength":
            return f"at most {wanted} characters"
    return f"{rule}: {wanted}"
