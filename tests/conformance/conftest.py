"""The starter, serving: one for all suites."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from stacks import running


@pytest.fixture(scope="session")
def starter(built: dict[str, Path]) -> Iterator[str]:
    """The URL of a running starter, without `/v1`."""
    with running(built["starter"], "starter") as stack:
        yield stack.url
