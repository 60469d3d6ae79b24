"""Why a stack reads a variable: every place of the distribution that refers to it."""

from collections.abc import Iterator

from stackc import environment
from stackc.reasons.parts import Known
from stackc.reasons.reason import Answer, Reason
from stackc.settings import Setting
from stackc.tree import Mapping, Scalar, Sequence, Value


def variable_names(known: Known) -> tuple[str, ...]:
    """Every variable that the stack reads."""
    return tuple(setting.variable for setting in known.plan.settings)


def variable_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a variable is read, what it must be, and what it is where it is not set."""
    for setting in known.plan.settings:
        if setting.variable == word:
            root = known.stack.spec.document.root
            told = f"{word} is read when the stack starts: {_about(setting)}"
            yield Answer("variable", word, told, tuple(_reasons(word, root, "")))


def _about(setting: Setting) -> str:
    need = "required" if setting.required else "not required"
    if setting.needed_with:
        need = f"required where {' or '.join(setting.needed_with)} is set"
    kind = f"a secret {setting.kind}" if setting.secret else f"a {setting.kind}"
    return f"{kind.replace('a i', 'an i')}, {need}, {_default(setting)}"


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "no default"
    return "a default that is a secret" if setting.secret else f"default `{setting.example}`"


def _reasons(name: str, value: Value, path: str) -> Iterator[Reason]:
    if isinstance(value, Mapping):
        for entry in value.entries:
            yield from _reasons(name, entry.value, f"{path}.{entry.key}".strip("."))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value.items):
            yield from _reasons(name, item, f"{path}[{_id(item) or index}]")
    elif isinstance(value.value, environment.Text):
        for reference in value.value.references:
            if reference.name == name:
                yield Reason(_words(reference, path), value.span)


def _words(reference: environment.Reference, path: str) -> str:
    if reference.operator != ":+":
        return f"`{path}` reads it"
    whole = path.removesuffix(".provider_id")
    return (
        f"`{whole}` is there where it is set" if whole != path else f"`{path}` looks if it is set"
    )


def _id(item: Value) -> str | None:
    """What a list's item is called, such as by its `provider_id`."""
    for entry in item.entries if isinstance(item, Mapping) else ():
        if entry.key.endswith("_id") and isinstance(entry.value, Scalar):
            value = entry.value.value
            text = isinstance(value, environment.Text)
            switch = value.references[0].operand if isinstance(value, environment.Text) else ""
            return switch or None if text else str(value)
    return None
