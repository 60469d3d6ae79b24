"""Orders: every name after its needs, and cycles told as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.order import CycleError, in_order

graphs = st.lists(st.sets(st.integers(0, 9)), max_size=10).map(
    lambda sets: {str(i): [str(need) for need in needs if need < i] for i, needs in enumerate(sets)}
)


@given(graphs)
def test_each_comes_after_what_it_needs(needs: dict[str, list[str]]) -> None:
    order = in_order(needs)
    assert sorted(order) == sorted(needs)
    for name in order:
        assert all(order.index(need) < order.index(name) for need in needs[name])


@given(graphs, st.randoms())
def test_the_order_is_that_of_the_names(needs: dict[str, list[str]], random: object) -> None:
    shuffled = list(needs.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert in_order(dict(shuffled)) == in_order(needs)


def test_names_without_needs_are_sorted() -> None:
    assert in_order({"b": [], "a": [], "c": []}) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        ({"a": ["a"]}, ("a", "a")),
        ({"a": ["b"], "b": ["a"]}, ("a", "b", "a")),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ("b", "c", "b")),
    ],
)
def test_a_cycle_is_told_from_where_it_is_entered(
    needs: dict[str, list[str]], path: tuple[str, ...]
) -> None:
    with pytest.raises(CycleError) as caught:
        in_order(needs)
    assert caught.value.path == path
