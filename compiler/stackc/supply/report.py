"""The licence report of a stack: what each package and model is under, and what is denied."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stackc.lock import Lock
from stackc.plan import Plan
from stackc.supply.licences import is_known, permits
from stackc.supply.purls import version

UNKNOWN = "unknown"
"""In the place of a licence that is not told; `--deny unknown` denies it."""


@dataclass(frozen=True)
class Licensed:
    """A part of the stack, its licence as an SPDX expression, and who says so."""

    kind: Literal["package", "model"]
    name: str
    version: str
    licence: str | None
    said_by: str | None

    def is_denied(self, denied: Set[str]) -> bool:
        """Whether it cannot be had without a denied licence."""
        if self.licence is None:
            return UNKNOWN in denied
        return not permits(self.licence, denied)


def licensed_parts(plan: Plan) -> tuple[Licensed, ...]:
    """The packages, then the models, in the order of the lock and the plan."""
    return (*_packages(plan.lock), *_models(plan))


def _packages(lock: Lock) -> Iterator[Licensed]:
    for package in lock.packages:
        by = "package" if package.licence else None
        yield Licensed("package", package.name, version(package), package.licence, by)


def _models(plan: Plan) -> Iterator[Licensed]:
    for model in plan.models:
        locked = model.locked
        source = str(locked.pinned_source)
        yield Licensed("model", model.folder, source, locked.licence, locked.licence_by)


def as_json(parts: Sequence[Licensed], denied: Set[str]) -> dict[str, Any]:
    """The report for programs."""
    return {"parts": [{**asdict(part), "denied": part.is_denied(denied)} for part in parts]}


def text(parts: Sequence[Licensed], denied: Set[str]) -> str:
    """The report for people: a line for each part, then what there is to know of all."""
    rows = [(part.name, _version(part), _licence(part, denied)) for part in parts]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]
    return "\n".join([*lines, *_summary(parts, denied)]) + "\n"


def _version(part: Licensed) -> str:
    return part.version if part.kind == "package" else "model"


def _licence(part: Licensed, denied: Set[str]) -> str:
    remarks = []
    if part.kind == "model" and part.licence:
        remarks.append(f"its {part.said_by} says")
    if part.licence and not is_known(part.licence):
        remarks.append("not in the list of SPDX")
    if part.is_denied(denied):
        remarks.append("denied")
    return (part.licence or UNKNOWN) + (f" ({', '.join(remarks)})" if remarks else "")


def _summary(parts: Sequence[Licensed], denied: Set[str]) -> Iterator[str]:
    unknown = [part.name for part in parts if part.licence is None]
    if unknown:
        yield f"{len(unknown)} unknown: {', '.join(unknown)}"
    against = [part.name for part in parts if part.is_denied(denied)]
    if against:
        yield f"{len(against)} denied: {', '.join(against)}"
