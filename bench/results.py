"""What was measured, and how it is shown."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """The median of several measurements of one thing, in `unit`.

    `versus` is the value of the group's yardstick at the same place, if there is one.
    """

    group: str
    subject: str
    what: str
    value: float
    unit: str
    versus: float | None = None

    @property
    def ratio(self) -> float | None:
        """How the subject does, with the yardstick as 1."""
        return self.value / self.versus if self.versus else None


def median(values: Iterable[float]) -> float:
    """The middle value: one slow round of a busy machine does not move it."""
    return statistics.median(values)


def show(results: Sequence[Result], console: Console) -> None:
    """A table for each group."""
    for group in dict.fromkeys(result.group for result in results):
        table = Table(title=group, title_justify="left")
        for column in ("", "what"):
            table.add_column(column)
        for column in ("median", "unit", "ratio"):
            table.add_column(column, justify="right")
        for result in (each for each in results if each.group == group):
            ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
            digits = 0 if result.value >= 100 else 2 if result.unit else 4
            value = f"{result.value:,.{digits}f}"
            table.add_row(result.subject, result.what, value, result.unit, ratio)
        console.print(table)


def save(results: Sequence[Result], path: Path) -> None:
    """All results as a JSON list."""
    rows = [{**asdict(result), "ratio": result.ratio} for result in results]
    path.write_text(json.dumps(rows, indent=2) + "\n")
