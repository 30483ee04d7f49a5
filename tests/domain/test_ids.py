"""Identifiers. If these failed, ids that people, URLs and other systems hold would not find their things, or
would find others; the valid and invalid texts are those of the TypeID specification, version 0.3.
"""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids

VALID = [
    ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
    ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
    ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
    ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
    ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
    ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
    ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
]


@pytest.mark.parametrize(("suffix", "number"), VALID)
@pytest.mark.parametrize("kind", ids.KINDS)
def test_vectors_of_the_specification(kind: str, suffix: str, number: str) -> None:
    raw = uuid.UUID(number).bytes
    assert ids.text(kind, raw) == f"{kind}_{suffix}"
    assert ids.parse(kind, f"{kind}_{suffix}") == raw


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "event",
        "event_",
        "_00000000000000000000000000",
        "order_00000000000000000000000000",
        "EVENT_00000000000000000000000000",
        "event-00000000000000000000000000",
        "event_0000000000000000000000000",
        "event_000000000000000000000000000",
        "event_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "event_0000000000000000000000000I",
        "event_0000000000000000000000000l",
        "event_0000000000000000000000000o",
        "event_0000000000000000000000000u",
        "event_0000000000000000000000000A",
        "event_000000000000 00000000000000",
        "event_ 0000000000000000000000000",
        "event_+0000000000000000000000000",
        "event_0000000000000_000000000000",
        "event_٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠",
        "event_0000000000000000000000000\ud800",
        "event_00000000000000000000000000\n",
    ],
)
def test_anything_else_is_malformed(wrong: str) -> None:
    with pytest.raises(ids.MalformedId):
        ids.parse(ids.EVENT, wrong)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_text_keeps_everything_and_the_order(one: bytes, other: bytes) -> None:
    assert ids.parse(ids.HOLD, ids.text(ids.HOLD, one)) == one
    assert (ids.text(ids.HOLD, one) < ids.text(ids.HOLD, other)) == (one < other)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        raw = ids.parse(ids.EVENT, text)
    except ids.MalformedId:
        return
    assert ids.text(ids.EVENT, raw) == text


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80))
def test_uuid7_says_when_it_was_made_and_what_it_is(now_ms: int, random_bits: int) -> None:
    made = uuid.UUID(bytes=ids.uuid7(now_ms, random_bits))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert ids.created_ms(made.bytes) == now_ms


def test_each_random_bit_makes_another_id() -> None:
    """74 random bits are what keeps ids of one millisecond apart; a bit that is dropped halves that."""
    made = {ids.uuid7(1, 1 << bit) for bit in range(74)} | {ids.uuid7(1, 0)}
    assert len(made) == 75
    assert ids.uuid7(1, 1 << 74) == ids.uuid7(1, 0)


def test_kinds_differ() -> None:
    assert len(set(ids.KINDS)) == len(ids.KINDS)
