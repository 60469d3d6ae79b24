"""Budgets: what direct requirements bring, and the largest parts of an image."""

from stackc.lock import Lock, Package
from stackc.supply.budget import Budget, brought, over_budget, over_when_running
from stackc.supply.image_size import ImageSize


def test_what_a_requirement_brings() -> None:
    packages = (
        Package("a-b==1", ()),
        Package("c==1", (), ("A_b", "e")),
        Package("d==1", (), ("c", "d")),
        Package("e==1", ()),
    )
    lock = Lock(("a.b>=1", "e"), (), packages, ())
    assert brought(lock) == [("a-b", 3), ("e", 3)]


def test_the_largest_parts() -> None:
    size = ImageSize((("a", 2_500_000), ("b", 5_000_000), ("c", 2_500_000)))
    assert size.megabytes == 10
    assert size.largest(2) == (("b", 5_000_000), ("a", 2_500_000))


def test_without_limits_nothing_is_over() -> None:
    size = ImageSize((("a", 10**12),))
    lock = Lock((), (), (Package("a==1", ()),), ())
    assert not [*over_budget(Budget(), lock, size), *over_when_running(Budget(), 1e9, 1e9)]
