"""Progress of what takes long, drawn by rich on a terminal and told in lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Report = Callable[[int, int], None]
"""Takes what is done and the whole, in the same unit; a whole of 0 is not known yet."""


@contextmanager
def task(description: str) -> Iterator[None]:
    """Shows a task of unknown length while the block runs."""
    with measured(description) as report:
        report(0, 0)
        yield


@contextmanager
def measured(description: str) -> Iterator[Report]:
    """Shows a task from its first report on: one that finds its work done is never seen."""
    with ExitStack() as shown:
        reports: list[Report] = []

        def report(done: int, whole: int) -> None:
            if not reports:
                reports.append(shown.enter_context(_shown(description)))
            reports[0](done, whole)

        yield report


@contextmanager
def _shown(description: str) -> Iterator[Report]:
    if not sys.stderr.isatty():
        print(f"{description} ...", file=sys.stderr, flush=True)
        yield lambda done, whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        row = progress.add_task(description, total=None)
        yield lambda done, whole: progress.update(row, completed=done, total=whole or None)
