"""Budgets: what a distribution says that its stack may take, beside what it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from packaging.utils import canonicalize_name

from stackc.diagnostics import supply_errors
from stackc.diagnostics.report import Diagnostic
from stackc.lock import Lock
from stackc.resolve import name_of
from stackc.source import Span
from stackc.supply.image_size import ImageSize
from stackc.tree import Document, Mapping, Scalar

LARGEST = 5
"""How many of the largest parts are told."""


@dataclass(frozen=True)
class Limit:
    """What a figure may be at most, and where that is said."""

    most: float
    span: Span


@dataclass(frozen=True)
class Budget:
    """The limits of a distribution; None where it sets none."""

    packages: Limit | None = None
    image_mb: Limit | None = None
    start_ms: Limit | None = None
    rss_mb: Limit | None = None


def budget_of(document: Document) -> Budget:
    """The budget of a checked document."""
    return Budget(*(_limit(document, key) for key in Budget.__dataclass_fields__))


def _limit(document: Document, key: str) -> Limit | None:
    budget = document.root.get("budget")
    value = budget.get(key) if isinstance(budget, Mapping) else None
    if not isinstance(value, Scalar) or value.value is None:
        return None
    return Limit(cast(float, value.value), value.span)


def over_budget(budget: Budget, lock: Lock, size: ImageSize | None) -> Iterator[Diagnostic]:
    """An error for each limit that the lock and the size of the image, where known, are over."""
    if budget.packages and len(lock.packages) > budget.packages.most:
        parts = tuple(f"{name} brings {count}" for name, count in brought(lock)[:LARGEST])
        most, span = budget.packages.most, budget.packages.span
        yield supply_errors.too_many_packages(len(lock.packages), int(most), parts, span)
    if budget.image_mb and size and size.megabytes > budget.image_mb.most:
        parts = tuple(f"{name} {count / 1e6:.1f} MB" for name, count in size.largest(LARGEST))
        most, span = budget.image_mb.most, budget.image_mb.span
        yield supply_errors.image_too_large(size.megabytes, most, parts, span)


def over_when_running(budget: Budget, start_ms: float, rss_mb: float) -> Iterator[Diagnostic]:
    """An error for each limit that a stack was measured to be over."""
    if budget.start_ms and start_ms > budget.start_ms.most:
        yield supply_errors.starts_too_slowly(start_ms, budget.start_ms.most, budget.start_ms.span)
    if budget.rss_mb and rss_mb > budget.rss_mb.most:
        yield supply_errors.too_much_memory(rss_mb, budget.rss_mb.most, budget.rss_mb.span)


def brought(lock: Lock) -> list[tuple[str, int]]:
    """For each package that is asked for directly, how many come with it, itself too; most first."""
    asked = {canonicalize_name(name_of(each)) for each in lock.requires}
    found = ((name, len(_below(name, lock))) for name in asked)
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _below(name: str, lock: Lock) -> set[str]:
    below, todo = {name}, [name]
    while todo:
        above = todo.pop()
        for package in lock.packages:
            child = str(canonicalize_name(package.name))
            if child not in below and above in {
                str(canonicalize_name(each)) for each in package.via
            }:
                below.add(child)
                todo.append(child)
    return below
