"""What a stack takes of its external sources: the pins of their files, and the code that it reaches."""

from collections.abc import Iterator, Sequence

from stackc.diagnostics import external_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.external.code import Code
from stackc.external.entries import ExternalType
from stackc.external.sources import Catalogued, pins_of
from stackc.names import package
from stackc.stack import External, Stack


def parts_of(
    stack: Stack, sources: Sequence[Catalogued], types: Sequence[ExternalType]
) -> tuple[External, ...]:
    """The external parts of a stack; raises CompileError with all that is wrong with their code."""
    used = {(each.type.api, each.type.type) for each in stack.providers}
    faults: list[Diagnostic] = []
    found: list[Code] = []
    for source in sources:
        code = Code(source)
        try:
            for each in types:
                if each.owner is source and (each.type.api, each.type.type) in used:
                    code.add(each)
        except CompileError as error:
            faults += error.diagnostics
        faults += code.faults
        found.append(code)
    faults += _collisions(found, package(stack.name))
    stop_at_errors(faults)
    return tuple(sorted(map(_part, found), key=lambda each: each.source))


def _part(code: Code) -> External:
    owner = code.owner
    files = pins_of({**owner.files, **code.files})
    return External(str(owner.source), files, owner.folder, code.files, tuple(code.installed))


def _collisions(found: Sequence[Code], own: str) -> Iterator[Diagnostic]:
    """Modules that two sources have, or that would be in the place of the generated package."""
    first: dict[str, str] = {}
    for code in found:
        source, place = str(code.owner.source), code.owner.place
        for path in code.files:
            if path.partition("/")[0].removesuffix(".py") == own:
                yield external_errors.taken_module(path, "the generated package", place)
            elif path in first:
                owner = f"that of `{first[path]}`"
                yield external_errors.taken_module(path, owner, place)
            first.setdefault(path, source)
