"""Putting names in an order in which each comes after what it needs."""

from collections.abc import Mapping, Sequence


class CycleError(ValueError):
    """Names that need each other; `path` starts and ends with the same one."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(" -> ".join(path))
        self.path = path


def in_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names, each after its needs and otherwise sorted; raises CycleError.

    Every need must be a name itself.
    """
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise CycleError((*path[path.index(name) :], name))
        if name not in done:
            for need in sorted(needs[name]):
                visit(need, (*path, name))
            done[name] = None

    for name in sorted(needs):
        visit(name, ())
    return tuple(done)
