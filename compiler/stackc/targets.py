"""Targets: which template folders a build prints, and where below the generated folder they go."""

from collections.abc import Iterable

from stackc.values import Array, Object

TARGETS = ("compose", "container", "helm", "kubernetes", "package", "systemd")
"""The template folders. `package` is always printed, the others where they are asked for."""

BESIDE = frozenset(("compose", "container"))
"""Targets whose files stand beside the package; other ones have a folder of their own name."""

RUN_THE_IMAGE = ("compose", "helm", "kubernetes")
"""Targets that run what `container` builds, and so bring it along."""

DEFAULT = ("container",)


def offered() -> tuple[str, ...]:
    """The targets that can be asked for."""
    return tuple(name for name in TARGETS if name != "package")


def chosen(sections: Object, more: Iterable[str]) -> tuple[str, ...]:
    """The targets of a distribution and `more` of them, with what they bring along; sorted."""
    declared = sections.get("targets")
    asked = {str(name) for name in declared.items} if isinstance(declared, Array) else set(DEFAULT)
    names = asked | set(more)
    brought = {"container"} if names & set(RUN_THE_IMAGE) else set()
    return tuple(sorted(names | brought | {"package"}))


def folder(target: str, package: str) -> str:
    """What the paths of a target's files begin with."""
    if target in BESIDE:
        return ""
    return f"{package if target == 'package' else target}/"
