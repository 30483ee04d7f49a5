"""The packed counter against a dict. If it failed, a buyer's limit would be miscounted, or an operation that
left memory would be taken for a new one.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.packed import COUNT_MAX, PackedCounter

# Few distinct keys that collide in segment and slot, and some at random
KEYS = st.one_of(
    st.integers(0, 40).map(lambda number: number << 8),
    st.integers(0, 40).map(lambda number: number << 40),
    st.integers(0, 2**64 - 1),
)


def identifier(key: int) -> bytes:
    return bytes(8) + key.to_bytes(8, "big")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(KEYS, st.integers(-3, 5)), max_size=400))
def test_it_counts_as_a_dict_does(steps: list[tuple[int, int]]) -> None:
    table, counts = PackedCounter(), dict[int, int]()
    for key, amount in steps:
        stored = key or 1
        amount = max(amount, -counts.get(stored, 0))
        table.add(identifier(key), amount)
        counts[stored] = counts.get(stored, 0) + amount
        assert table.get(identifier(key)) == counts[stored]
    alive = {key: count for key, count in counts.items() if count}
    assert dict(table.items()) == alive
    assert len(table) == len(alive)
    assert table.is_untouched == (not steps)
    loaded = PackedCounter.load(table.dump())
    assert loaded == table
    for key in counts:
        assert loaded.get(identifier(key)) == counts[key]
        loaded.add(identifier(key), 1)
        assert loaded.get(identifier(key)) == counts[key] + 1


def test_keys_that_come_and_go_do_not_make_it_grow() -> None:
    """Holds of a busy event are placed and released for hours; only what is alive may take room."""
    table = PackedCounter()
    for number in range(20_000):
        table.add(identifier(number << 8 | 7), 1)
        table.add(identifier(number << 8 | 7), -1)
    assert sum(len(keys) for keys, _ in table.dump()) <= 8 * 64
    assert len(table) == 0


def test_many_keys_are_all_found() -> None:
    table = PackedCounter()
    step = 0x9E37_79B9_7F4A_7C15
    keys = [number * step % 2**64 for number in range(1, 50_001)]
    for key in keys:
        table.add(identifier(key), key % 5 + 1)
    assert all(table.get(identifier(key)) == key % 5 + 1 for key in keys)
    assert len(table) == len(keys)
    stored = sum(len(counted) + len(found) for counted, found in table.dump())
    assert stored <= 60 * len(keys)


@pytest.mark.parametrize("amount", [-1, COUNT_MAX + 1])
def test_a_count_outside_its_bounds_is_a_bug_that_is_seen(amount: int) -> None:
    with pytest.raises(OverflowError):
        PackedCounter().add(identifier(5), amount)
