"""The client makes identifiers of its own; the server must read them as what they are."""

import random

from client import new_identifier, new_operation
from domain import ids


def test_the_server_reads_what_the_client_makes() -> None:
    """Another alphabet, order or version would have every operation refused as malformed."""
    rng = random.Random(5)
    for now_ms in (0, 1, 1_700_000_000_123, 2**48 - 1):
        raw = ids.parse(ids.OPERATION, new_operation(now_ms, rng))
        assert ids.created_ms(raw) == now_ms
        assert raw[6] >> 4 == 7
        assert raw[8] >> 6 == 0b10
        assert ids.text(ids.OPERATION, raw).startswith("op_")


def test_identifiers_sort_by_time_and_do_not_repeat() -> None:
    """A repeated operation id would give somebody another operation's answer."""
    rng = random.Random(6)
    made = [new_identifier("op", now_ms, rng) for now_ms in range(2_000)]
    assert made == sorted(made)
    assert len({new_operation(7, rng) for _ in range(10_000)}) == 10_000
