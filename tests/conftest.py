"""Options of the test run, and the stacks that several tests look at."""

from pathlib import Path

import pytest
from stacks import DISTRIBUTIONS, build


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update",
        action="store_true",
        help="rewrite the wanted outputs of tests/cases; the run fails if any of them changed",
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every distribution of the repository, built with its container context, by name."""
    root = tmp_path_factory.mktemp("stacks")
    return {name: build(name, root / name) for name in DISTRIBUTIONS}
