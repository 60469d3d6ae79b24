"""A change as data: what was added, removed or changed, and whether that breaks what relies on it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["added", "removed", "changed"]

SECTIONS = (
    "server",
    "APIs",
    "routes",
    "providers",
    "models",
    "variables",
    "packages",
    "memory and sizes",
)
"""The parts of a comparison, in the order in which they are told."""


@dataclass(frozen=True)
class Detail:
    """A field with what it was and what it is, as people read it; None: it is not there."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One change; `breaking` says what no longer works with it, and is None where all does."""

    section: str
    kind: Kind
    name: str
    details: tuple[Detail, ...] = ()
    breaking: str | None = None


@dataclass(frozen=True)
class Comparison:
    """All changes, by section, then name."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that break what relies on the stack."""
        return tuple(change for change in self.changes if change.breaking)

    def section(self, name: str) -> tuple[Change, ...]:
        """The changes of one of the SECTIONS."""
        return tuple(change for change in self.changes if change.section == name)

    def as_json(self) -> dict[str, Any]:
        """The comparison for programs."""
        return {
            "breaking": len(self.breaking),
            "changes": [asdict(change) for change in self.changes],
        }
