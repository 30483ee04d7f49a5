"""The records that travel: over the websocket, between gateway and shard, into the journal. If these failed,
old journals or other people's clients could not be read, or what is not a message would be taken for one.
"""

import inspect

import msgspec
import pytest

from domain import commands as c
from domain import events as e
from domain import notices, wire
from domain.refusals import Code, Refusal
from tests.domain.stage import EVENT, NOW_MS, REGULAR, Stage, buyer, op
from tests.domain.test_operations import one_of_each

RECORDS = [
    record
    for _, record in inspect.getmembers(wire, inspect.isclass)
    if issubclass(record, msgspec.Struct) and record.__struct_config__.tag is not None
]
CLIENT = msgspec.json.Decoder(wire.ClientMessage)
ID = "event_00000000000000000000000000"


def example(of: object) -> object:
    """A value of a type of the protocol."""
    kind = msgspec.inspect.type_info(of)
    return _example(kind)


def _example(kind: msgspec.inspect.Type) -> object:
    match kind:
        case msgspec.inspect.Metadata():
            return _example(kind.type)
        case msgspec.inspect.StructType():
            return kind.cls(**{field.name: _example(field.type) for field in kind.fields})
        case msgspec.inspect.StrType():
            return "x" * (kind.min_length or 3)
        case msgspec.inspect.IntType():
            return kind.ge or 1
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.ListType():
            return [_example(kind.item_type)]
        case msgspec.inspect.DictType():
            return {"free": 1}
        case msgspec.inspect.UnionType():
            return _example(kind.types[0])
    raise AssertionError(kind)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_message_says_the_same_in_both_encodings(record: type[msgspec.Struct]) -> None:
    message = example(record)
    for encode, decode in (
        (msgspec.json.encode, msgspec.json.decode),
        (msgspec.msgpack.encode, msgspec.msgpack.decode),
    ):
        raw = encode(message)
        assert decode(raw, type=record) == message
        assert decode(raw)["type"] == record.__struct_config__.tag


def test_types_are_distinct_and_each_side_has_its_own() -> None:
    tags = [record.__struct_config__.tag for record in RECORDS if record.__struct_config__.tag != "Request"]
    assert len(tags) == len(set(tags))
    unions = set(wire.ClientMessage.__args__) | set(wire.ServerMessage.__args__)
    bases = {wire.Request, wire.Reply, wire.Push}
    assert set(RECORDS) - bases == unions - bases
    assert not set(wire.ClientMessage.__args__) & set(wire.ServerMessage.__args__)


@pytest.mark.parametrize(
    "wrong",
    [
        b'{"type":"ping"}',
        b'{"type":"ping","id":-1}',
        b'{"type":"ping","id":9007199254740992}',
        b'{"type":"ping","id":"1"}',
        b'{"type":"ping","id":1.5}',
        b'{"type":"ping","id":null}',
        b'{"type":"pong","id":1,"time_ms":1}',
        b'{"type":"nonsense","id":1}',
        b'{"id":1}',
        b"[]",
        b"1",
        b'{"type":"watch","id":1,"event":"short"}',
        b'{"type":"hold","id":1,"operation":"%s","event":"%s","lines":[]}' % (ID.encode(), ID.encode()),
        b'{"type":"hold","id":1,"operation":"%s","event":"%s","lines":[{"ticket_type":"%s","quantity":0}]}'
        % ((ID.encode(),) * 3),
        b'{"type":"hold","id":1,"operation":"%s","event":"%s","lines":[%s]}'
        % (
            ID.encode(),
            ID.encode(),
            b",".join([b'{"ticket_type":"%s","quantity":1}' % ID.encode()] * 21),
        ),
    ],
)
def test_what_is_no_message_is_refused(wrong: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        CLIENT.decode(wrong)


def test_unknown_fields_are_ignored() -> None:
    """A newer client says more; an older server answers what it understands."""
    assert CLIENT.decode(b'{"type":"ping","id":1,"mood":"good"}') == wire.Ping(1)


# --- between gateway, shard and journal ------------------------------------------------------------------


def test_every_command_and_event_survives_its_journey() -> None:
    made = one_of_each(Stage(is_configured=False))
    commands, events = zip(*made, strict=True)
    assert c.unpack(c.pack(list(commands))) == list(commands)
    journal = [*events, e.Expired(op(1), buyer(1))]
    assert {type(event) for event in journal} == set(e.AnyEvent.__args__)
    assert e.unpack(e.pack(journal)) == journal
    answers = [*journal, Refusal(Code.SOLD_OUT, 5, {"free": 1}), e.Again(is_elsewhere=True)]
    assert e.unpack_answers(e.pack(answers)) == answers
    assert e.unpack_one(msgspec.msgpack.encode(journal[0])) == journal[0]


def test_tags_are_what_they_have_always_been() -> None:
    """They are in every journal ever written: a changed one makes old sales unreadable."""
    tags = {kind.__name__: kind.__struct_config__.tag for kind in e.AnyEvent.__args__}
    assert tags == {
        "Configured": 1,
        "SaleOpened": 2,
        "SalePaused": 3,
        "SaleClosed": 4,
        "Held": 5,
        "Extended": 6,
        "Released": 7,
        "Expired": 8,
        "Sold": 9,
        "Cancelled": 10,
        "Withheld": 11,
        "Returned": 12,
        "CapacityChanged": 13,
        "HeldByCode": 14,
        "Reconfigured": 15,
        "EventCancelled": 16,
        "VouchersDefined": 17,
        "VoucherChanged": 18,
        "VouchersRetired": 19,
    }


def test_a_journal_of_the_first_version_is_still_read() -> None:
    """The bytes are what the first version wrote, so that fields can only be added at the end, with a
    default.
    """
    hold = b"h" * 16
    written = msgspec.msgpack.encode(
        [
            [5, hold, b"b" * 16, [[0, 2, 3000]], NOW_MS],
            [6, b"x" * 16, hold, NOW_MS + 1],
            [9, b"o" * 16, hold, b"b" * 16, [[0, 2, 3000]], [b"t" * 16, b"u" * 16]],
            [8, hold, b"b" * 16],
        ]
    )
    held, extended, sold, expired = e.unpack(written)
    assert isinstance(held, e.Held)
    assert held.lines == (e.HeldLine(0, 2, 3000),)
    assert isinstance(extended, e.Extended)
    assert isinstance(sold, e.Sold)
    assert isinstance(expired, e.Expired)


def test_a_notice_tells_the_counts() -> None:
    stage = Stage()
    stage.hold((REGULAR, 4))
    notice = notices.sale_notice(stage.state, NOW_MS)
    again = notices.unpack_sale(notices.pack(notice))
    assert again == notice
    assert (again.event_id, again.version) == (EVENT, stage.state.seq)
    assert again.free_by_type == [6, 6, 6, 4]
    assert again.pools[0] == notices.PoolNotice(10, 6, 4, 0, 0)
    assert notices.sale_channel(EVENT) != notices.holds_channel(EVENT)
