"""Resources open in order and close in reverse, also when one of them fails."""

import asyncio

import pytest
from stackrt.lifecycle import lifespan
from starlette.applications import Starlette


class Part:
    """Writes down what happens to it."""

    def __init__(self, name: str, log: list[str], *, fails: bool = False) -> None:
        self._name = name
        self._log = log
        self._fails = fails

    async def open(self) -> None:
        if self._fails:
            raise RuntimeError(self._name)
        self._log.append(f"open {self._name}")

    async def close(self) -> None:
        self._log.append(f"close {self._name}")


def test_order() -> None:
    log: list[str] = []

    async def main() -> None:
        async with lifespan(Part("a", log), Part("b", log))(Starlette()):
            log.append("serve")

    asyncio.run(main())
    assert log == ["open a", "open b", "serve", "close b", "close a"]


def test_a_failure_closes_what_is_open() -> None:
    log: list[str] = []

    async def main() -> None:
        async with lifespan(Part("a", log), Part("b", log, fails=True), Part("c", log))(
            Starlette()
        ):
            log.append("serve")

    with pytest.raises(RuntimeError, match="b"):
        asyncio.run(main())
    assert log == ["open a", "close a"]
