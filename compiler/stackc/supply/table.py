"""The table of `stackc measure`: what a stack takes, beside what it may take."""

from collections.abc import Iterator

from stackc.supply.budget import Budget, Limit
from stackc.supply.image_size import ImageSize
from stackc.supply.trial import Measured

Row = tuple[str, str, str, str]


def table(budget: Budget, packages: int, size: ImageSize, measured: Measured) -> str:
    """The table, a line for each figure."""
    rows = [("", "measured", "budget", ""), *_rows(budget, packages, size, measured)]
    return "".join(f"{a:<10}{b:>10}{c:>10}  {d}".rstrip() + "\n" for a, b, c, d in rows)


def _rows(budget: Budget, packages: int, size: ImageSize, measured: Measured) -> Iterator[Row]:
    starts = [each.start_ms for each in measured.trials]
    spread = f"median of {len(starts)}, {min(starts):.0f} to {max(starts):.0f}"
    yield _row("packages", packages, budget.packages, "", "")
    yield _row("image", size.megabytes, budget.image_mb, " MB", "above its base")
    yield _row("start", measured.start_ms, budget.start_ms, " ms", spread)
    yield _row("memory", measured.rss_mb, budget.rss_mb, " MB", "when idle")


def _row(name: str, real: float, limit: Limit | None, unit: str, remark: str) -> Row:
    most = f"{limit.most:g}{unit}" if limit else "-"
    over = limit is not None and real > limit.most
    return name, f"{real:.0f}{unit}", most, ", ".join(filter(None, ("over" * over, remark)))
