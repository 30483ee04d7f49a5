"""What buyers answer. If these failed, a purchase would go through without what the organiser needs to know,
answers would be lost, stored twice or stored in the clear, or buyers would be refused for what is right.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from domain import wire
from domain.ids import QUESTION, BuyerId, OrderId, QuestionId, TicketTypeId, parse, text
from domain.refusals import Code, Refusal
from services.answers import check
from storage.event_records import QuestionRecord
from tests.gateway.stage import Sale, Works, fresh, new_sale, operation, works
from tests.services.shop import place_hold, purchase

FULL, REDUCED = TicketTypeId(fresh()), TicketTypeId(fresh())


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


def question(kind: str = "text", per: str = "order", **fields: Any) -> QuestionRecord:
    return QuestionRecord(QuestionId(fresh()), per, f"What {kind}?", kind, **fields)


def answer(asked: QuestionRecord, said: str, ticket: int | None = None) -> wire.Answer:
    return wire.Answer(text(QUESTION, asked.question_id), said, ticket)


@pytest.mark.parametrize(
    ("kind", "said", "stored"),
    [
        ("text", "  Ana\u0301 ", "An\u00e1"),
        ("long_text", "one\r\ntwo", "one\ntwo"),
        ("choice", "Fish", "Fish"),
        ("yes_no", "no", "no"),
        ("email", "a@Example.org", "a@example.org"),
        ("phone", "+49 (30) 12 34-5", "+49 (30) 12 34-5"),
        ("date", "2030-05-01", "2030-05-01"),
    ],
)
def test_what_fits_is_taken(kind: str, said: str, stored: str) -> None:
    asked = question(kind, choices=("Fish", "Beans"))
    checked = check([asked], [FULL], [answer(asked, said)])
    assert not isinstance(checked, Refusal), checked
    assert [each.text for each in checked] == [stored]


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        ("text", "a\u0000b", "control_characters"),
        ("text", "a\nb", "control_characters"),
        ("text", "a" * 301, "too_long"),
        ("long_text", "a\u0007", "control_characters"),
        ("choice", "Meat", "not_a_choice"),
        ("yes_no", "perhaps", "too_long"),
        ("yes_no", "nay", "not_a_choice"),
        ("email", "anna", "form"),
        ("phone", "call me", "form"),
        ("date", "1.5.2030", "form"),
        ("date", "1893456000", "form"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(kind: str, said: str, reason: str) -> None:
    asked = question(kind, choices=("Fish", "Beans"))
    refusal = check([asked], [FULL], [answer(asked, said)])
    assert isinstance(refusal, Refusal)
    name = text(QUESTION, asked.question_id)
    assert (refusal.code, refusal.details) == (
        Code.INVALID,
        {"field": "answers", "question": name, "ticket": None, "reason": reason},
    )


def test_required_ones_are_wanted_of_each_ticket_they_are_about() -> None:
    asked = question(per="ticket", is_required=True, type_ids=(REDUCED,))
    types = [FULL, REDUCED, REDUCED]
    assert check([asked], [FULL], []) == [], "nothing is asked of the other type"
    given = [answer(asked, "Anna", 1)]
    refusal = check([asked], types, given)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.details["ticket"], refusal.details["label"]) == (
        Code.ANSWERS_WANTED,
        2,
        "What text?",
    )
    blank = check([asked], types, [*given, answer(asked, " \t", 2)])
    assert isinstance(blank, Refusal) and blank.code == Code.ANSWERS_WANTED
    whole = check([asked], types, [*given, answer(asked, "Ben", 2)])
    assert not isinstance(whole, Refusal)
    assert [(each.ticket, each.text) for each in whole] == [(1, "Anna"), (2, "Ben")]


def test_answers_to_nothing_are_refused() -> None:
    asked, other = question(), question(per="ticket", type_ids=(REDUCED,))
    for given, reason in (
        ([answer(question(), "x")], "unknown_question"),
        ([answer(asked, "x", 0)], "not_asked"),
        ([answer(other, "x")], "not_asked"),
        ([answer(other, "x", 0)], "not_asked"),
        ([answer(other, "x", 7)], "not_asked"),
        ([answer(asked, "x"), answer(asked, "y")], "twice"),
    ):
        refusal = check([asked, other], [FULL], given)
        assert isinstance(refusal, Refusal)
        assert refusal.details["reason"] == reason


async def ask(made: Works, sale: Sale, *, per: str = "order", is_required: bool = True) -> QuestionId:
    """Ask something from now on."""
    question_id = QuestionId(fresh())
    await made.pool.execute(
        """
        INSERT INTO questions (question_id, event_id, position, per, label, kind, is_required)
        SELECT $1, $2, count(*), $3, 'Who are you?', 'text', $4 FROM questions WHERE event_id = $2
        """,
        question_id,
        sale.record.event_id,
        per,
        is_required,
    )
    await made.reading.announce(sale.record)
    made.events.forget(sale.record.event_id)
    return question_id


async def stored(made: Works) -> list[Any]:
    rows: list[Any] = await made.pool.fetch("SELECT * FROM order_answers ORDER BY order_id, position")
    return rows


async def test_answers_are_kept_with_the_order_once_and_sealed(made: Works) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    whole, each = await ask(made, sale), await ask(made, sale, per="ticket", is_required=False)
    without = purchase(sale, hold_id)
    refusal = await made.purchases.purchase((buyer_id,), without)
    assert isinstance(refusal, Refusal) and refusal.code == Code.ANSWERS_WANTED
    assert await made.pool.fetchval("SELECT count(*) FROM orders") == 0, "nothing was begun"
    given = [
        wire.Answer(text(QUESTION, whole), "Anna"),
        wire.Answer(text(QUESTION, each), "Ben", 1),
    ]
    request = msgspec.structs.replace(without, answers=given)
    first = await made.purchases.purchase((buyer_id,), request)
    assert isinstance(first, wire.Purchased), first
    await made.purchases.close()
    assert await made.purchases.purchase((buyer_id,), request) == first
    # Whatever was asked since: what was placed is placed.
    await ask(made, sale)
    assert await made.purchases.purchase((buyer_id,), request) == first
    rows = await stored(made)
    assert len(rows) == 2
    assert all(b"Anna" not in row["answer_sealed"] and b"Ben" not in row["answer_sealed"] for row in rows)
    order = await made.orders.find(OrderId(parse("order", first.order)))
    assert order is not None
    seen = (await made.answers.of_orders([order]))[order.order_id]
    assert [(one.label, one.ticket, one.text) for one in seen] == [
        ("Who are you?", None, "Anna"),
        ("Who are you?", 1, "Ben"),
    ]
    assert [one.ticket_type for one in seen] == [None, sale.types[0]]
    await made.people.vault.forget(buyer_id)
    forgotten = (await made.answers.of_orders([order]))[order.order_id]
    assert [one.text for one in forgotten] == [None, None]


async def test_an_order_is_never_there_without_its_answers(made: Works) -> None:
    """They go in one transaction: answers that the database refuses take the order with them."""
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    question_id = await ask(made, sale)
    await made.pool.execute("ALTER TABLE order_answers ADD CONSTRAINT never CHECK (false) NOT VALID")
    given = [wire.Answer(text(QUESTION, question_id), "Anna")]
    request = msgspec.structs.replace(purchase(sale, hold_id), answers=given)
    assert await made.purchases.purchase((buyer_id,), request) == Refusal(Code.BUSY, 1_000)
    assert await made.pool.fetchval("SELECT count(*) FROM orders") == 0
    await made.pool.execute("ALTER TABLE order_answers DROP CONSTRAINT never")
    assert isinstance(await made.purchases.purchase((buyer_id,), request), wire.Purchased)
    assert len(await stored(made)) == 1


async def test_who_asks_nothing_looks_nothing_up(made: Works) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    assert isinstance(await made.purchases.purchase((buyer_id,), purchase(sale, hold_id)), wire.Purchased)
    known = made.events.known(sale.event)
    assert known is not None and not known.asks
    await ask(made, sale)
    known = made.events.known(sale.event)
    assert known is not None and known.asks, "a change is looked at"
    refusal = await made.purchases.purchase(
        (buyer_id,), purchase(sale, await place_hold(made, sale, buyer_id), operation())
    )
    assert isinstance(refusal, Refusal) and refusal.code == Code.ANSWERS_WANTED
