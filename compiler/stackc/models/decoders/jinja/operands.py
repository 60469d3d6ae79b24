"""Makes Python expressions of a known kind from those whose kind is not known."""

from collections.abc import Sequence

from stackc.models.decoders.jinja.code import UNKNOWN, Code, Kind, Level, constant

_INDEXABLE: tuple[Kind, ...] = ("list", "str")


def call(function: str, *arguments: Code | str, kind: Kind = "any") -> Code:
    """A call; an argument with a name is a text, ``name=value``."""
    texts = [each if isinstance(each, str) else each.text for each in arguments]
    if len(arguments) == 1 and not isinstance(arguments[0], str):
        texts = [bare(arguments[0])]
    return Code(f"{function}({', '.join(texts)})", kind)


def bare(code: Code) -> str:
    """The text where brackets already stand around it, which a generator does not need twice."""
    return code.text[1:-1] if code.kind == "generator" else code.text


def printed(code: Code) -> Code:
    """What ``{{ code }}`` prints."""
    if code.kind == "str":
        return code
    if code.kind == "undefined":
        return constant("")
    if code.value is not UNKNOWN:
        return constant(str(code.value))
    return call("str" if code.kind in ("int", "float", "bool") else "text", code, kind="str")


def string(code: Code) -> Code:
    """The expression, refused where it is not a string."""
    return code if code.kind == "str" else call("string", code, kind="str")


def integer(code: Code) -> Code:
    """The expression, refused where it is not a whole number."""
    return code if code.kind == "int" else call("integer", code, kind="int")


def iterable(code: Code) -> str:
    """What a loop goes through."""
    return code.text if code.kind in ("list", "str", "generator") else f"each({code.text})"


def length(code: Code) -> Code:
    """How many entries the value has."""
    return call("len" if code.kind in _INDEXABLE else "length", code, kind="int")


def item(code: Code, key: str) -> Code:
    """The entry under a key; keys of keys become one call."""
    prefix = "item("
    if code.text.startswith(prefix) and code.level == Level.ATOM:
        return Code(f"{code.text[:-1]}, {key})")
    return call("item", code, key)


def negated(code: Code) -> Code:
    """``not code``."""
    if code.certain is not None:
        return constant(not code.certain)
    if code.opposite:
        return Code(code.opposite, "bool", Level.COMPARISON, opposite=code.text)
    return Code(f"not {code.at(Level.NOT)}", "bool", Level.NOT)


def comparison(left: Code, operator: str, right: str, opposite: str = "") -> Code:
    """``left operator right``, with the operator that means the opposite."""
    subject = left.at(Level.SUM)
    negation = f"{subject} {opposite} {right}" if opposite else ""
    text = f"{subject} {operator} {right}"
    return Code(text, "bool", Level.COMPARISON, opposite=negation)


def instance(code: Code, type_name: str) -> Code:
    """``isinstance(code, type_name)``."""
    text = f"isinstance({code.text}, {type_name})"
    return Code(text, "bool", instance=(code.text, type_name))


def conjunction(codes: Sequence[Code]) -> Code:
    """``a and b and ...``."""
    return _chain("and", [code for code in codes[:-1] if code.certain is not True] + [codes[-1]])


def disjunction(codes: Sequence[Code]) -> Code:
    """``a or b or ...``."""
    kept = [code for code in codes[:-1] if code.certain is not False] + [codes[-1]]
    merged = kept[:1]
    for code in kept[1:]:
        before = merged[-1].instance
        if before and code.instance and before[0] == code.instance[0]:
            merged[-1] = instance(Code(before[0]), f"{before[1]} | {code.instance[1]}")
        else:
            merged.append(code)
    return _chain("or", merged)


def _chain(operator: str, codes: Sequence[Code]) -> Code:
    if len(codes) == 1:
        return codes[0]
    level = Level.OR if operator == "or" else Level.AND
    # Python needs no parentheses around `and` inside `or`, readers and linters do.
    parts = [
        part
        for code in codes
        for part in (code.operands if code.level == level else (code.at(Level.NOT),))
    ]
    decisive = operator == "or"
    known = {code.certain for code in codes}
    certain = decisive if decisive in known else None if None in known else not decisive
    return Code(
        f" {operator} ".join(parts),
        "bool" if all(code.kind == "bool" for code in codes) else "any",
        level,
        operands=tuple(parts),
        certain=certain,
    )


def concatenation(codes: Sequence[Code]) -> Code:
    """The sum of expressions that yield strings; constants that meet become one."""
    merged: list[Code] = []
    for code in [part for total in codes for part in total.summands or (total,)]:
        if merged and isinstance(code.value, str) and isinstance(merged[-1].value, str):
            merged[-1] = constant(merged[-1].value + code.value)
        else:
            merged.append(code)
    merged = [code for code in merged if code.value != ""]
    if len(merged) < 2:
        return merged[0] if merged else constant("")
    text = " + ".join(code.at(Level.PRODUCT) for code in merged)
    return Code(text, "str", Level.SUM, summands=tuple(merged))
