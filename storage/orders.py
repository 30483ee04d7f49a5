"""Orders with their lines, payments and tickets.

Placing and stepping are on the way of every purchase, so both are batched: many buyers, one statement. A step
is a compare-and-set on the state, so of two who take the same one, the second learns that it was taken. The
step to sold is not here: it belongs to the batch of the sale actor
(`storage.postgres_journal`).

Whoever works on an order has it leased; a lease that ran out says that its holder is gone or stuck, and
anyone may go on.
"""

from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
import msgspec

from domain.ids import BuyerId, EventId, HoldId, OrderId, TicketId
from domain.orders import UNFINISHED, OrderState
from storage.batcher import Batcher
from storage.order_answers import SealedAnswer, store_answers
from storage.postgres import AnyConnection, Pool, asking, ids_text, numbers_text, using, words_text


class OrderLine(msgspec.Struct, frozen=True):
    """Tickets of one type; `ticket_type` is the position in the event's definition."""

    ticket_type: int
    quantity: int
    unit_price_minor: int


class Order(msgspec.Struct, frozen=True):
    """An order and its payment.

    Attributes:
        token: stands for the means of payment; "" once a payment's state is recorded.
        failure: the code of the refusal that ended it, "" while nothing did.
        reference: the provider's name for the payment, "" before it has one.
    """

    order_id: OrderId
    event_id: EventId
    hold_id: HoldId
    buyer_id: BuyerId
    state: OrderState
    amount_minor: int
    currency: str
    lines: tuple[OrderLine, ...]
    token: str
    lease_until_ms: int
    created_at_ms: int
    failure: str = ""
    reference: str = ""
    lease_owner: str = ""


class TicketRecord(msgspec.Struct, frozen=True):
    """A ticket; `state` is "issued" or "cancelled"."""

    ticket_id: TicketId
    order_id: OrderId
    event_id: EventId
    buyer_id: BuyerId
    ticket_type: int
    state: str
    issued_at_ms: int


class _Answered(msgspec.Struct, frozen=True):
    order: Order
    answers: Sequence[SealedAnswer]


class _Step(msgspec.Struct, frozen=True):
    order: Order
    to_state: OrderState
    failure: str
    reference: str
    lease_until_ms: int


# What a step of the order says of its payment. Whatever became of it, its token has served.
_PAYMENT_STATES: Final = {
    (OrderState.PLACED, OrderState.AUTHORISED): "authorised",
    (OrderState.PLACED, OrderState.FAILED): "declined",
    (OrderState.PLACED, OrderState.VOIDING): "created",
    (OrderState.SOLD, OrderState.PAID): "captured",
    (OrderState.VOIDING, OrderState.FAILED): "voided",
}
_ORDER: Final = """
    SELECT orders.*, payments.token, payments.reference, lines.*
    FROM orders
    JOIN payments ON payment_id = order_id
    CROSS JOIN LATERAL (
        SELECT array_agg(ticket_type ORDER BY position) AS ticket_types,
            array_agg(quantity ORDER BY position) AS quantities,
            array_agg(unit_price_minor ORDER BY position) AS prices
        FROM order_lines WHERE order_lines.order_id = orders.order_id
    ) AS lines
"""
# A time and an id that every order in a list is before.
AFTER_ALL: Final = (253_402_300_799_999, b"\xff" * 16)
_TICKET: Final = "SELECT ticket_id, order_id, event_id, buyer_id, ticket_type, state, issued_at FROM tickets"


class Orders:
    """The orders, as one process (`owner`) works on them. Everything raises `ConnectionError` when PostgreSQL
    is away; what writes also raises `Unknown` (do it again) and `Refused`.
    """

    def __init__(self, pool: Pool, owner: str, clock: Callable[[], int], provider: str = "sandbox") -> None:
        self._pool = pool
        self._owner = owner
        self._clock = clock
        self._provider = provider
        self._placing: Batcher[Order, Order | None] = Batcher(self._place_all)
        self._placing_answered: Batcher[_Answered, Order | None] = Batcher(self._place_answered)
        self._stepping: Batcher[_Step, Order | None] = Batcher(self._step_all)

    async def close(self) -> None:
        """Wait for what is being written."""
        await self._placing.close()
        await self._placing_answered.close()
        await self._stepping.close()

    def is_ours(self, order: Order, now_ms: int) -> bool:
        """Say whether this process may work on an order: it has the lease, or nobody has."""
        return order.lease_owner == self._owner or order.lease_until_ms < now_ms

    async def place(self, order: Order, answers: Sequence[SealedAnswer] = ()) -> Order | None:
        """Record a new order with its buyer's answers, leased to this process, and return the one that is
        there under its id: the same, or that of an earlier call, whatever it says. None: another order that
        did not fail has the hold.
        """
        if answers:
            return await self._placing_answered.put(_Answered(order, answers))
        return await self._placing.put(order)

    async def step(
        self, order: Order, to_state: OrderState, *, failure: str = "", reference: str = "", lease_ms: int
    ) -> Order | None:
        """Take an order from the state it is in to another, and return it; None if it is in another state by
        now.

        The lease is made longer when it is half over.
        """
        lease_until_ms = order.lease_until_ms
        if lease_until_ms < self._clock() + lease_ms // 2:
            lease_until_ms = self._clock() + lease_ms
        return await self._stepping.put(_Step(order, to_state, failure, reference, lease_until_ms))

    async def find(self, order_id: OrderId) -> Order | None:
        """Return an order."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(f"{_ORDER} WHERE orders.order_id = $1", order_id)
        return None if row is None else _order(row)

    async def of_buyers(
        self,
        buyer_ids: Sequence[BuyerId],
        limit: int,
        *,
        before: tuple[int, bytes] | None = None,
        event_id: EventId | None = None,
    ) -> list[Order]:
        """Return as many orders of some buyers, newest first: of one event or of all, and older than one that
        was made at a time and has an id.
        """
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                f"""{_ORDER}
                WHERE orders.buyer_id = ANY ($1) AND ($2::uuid IS NULL OR orders.event_id = $2)
                    AND (orders.created_at, orders.order_id) < ($3::timestamptz, $4::uuid)
                ORDER BY orders.created_at DESC, orders.order_id DESC LIMIT $5
                """,
                buyer_ids,
                event_id,
                *(before or AFTER_ALL),
                limit,
            )
        return [_order(row) for row in rows]

    async def tickets(self, order_id: OrderId) -> list[TicketRecord]:
        """Return the tickets of an order."""
        return await self.tickets_of([order_id])

    async def tickets_of(self, order_ids: Sequence[OrderId]) -> list[TicketRecord]:
        """Return the tickets of orders, order by order."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                f"{_TICKET} WHERE order_id = ANY ($1) ORDER BY order_id, ticket_type, ticket_id", order_ids
            )
        return [TicketRecord(*row) for row in rows]

    async def ticket(self, ticket_id: TicketId) -> TicketRecord | None:
        """Return a ticket."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(f"{_TICKET} WHERE ticket_id = $1", ticket_id)
        return None if row is None else TicketRecord(*row)

    async def claim_unfinished(self, limit: int, lease_ms: int) -> list[Order]:
        """Lease unfinished orders that nobody has leased any more to this process, the longest abandoned
        first.
        """
        now_ms = self._clock()
        async with asking(self._pool) as connection:
            claimed = await connection.fetch(
                """
                UPDATE orders SET lease_owner = $1, lease_until = $2
                WHERE order_id = ANY (ARRAY(
                    SELECT order_id FROM orders
                    WHERE finished_at IS NULL AND lease_until < $3
                    ORDER BY lease_until
                    LIMIT $4
                    FOR NO KEY UPDATE SKIP LOCKED))
                RETURNING order_id
                """,
                self._owner,
                now_ms + lease_ms,
                now_ms,
                limit,
            )
            rows = await connection.fetch(
                f"{_ORDER} WHERE orders.order_id = ANY ($1)", [row["order_id"] for row in claimed]
            )
        return [_order(row) for row in rows]

    async def _place_all(self, orders: list[Order]) -> list[Order | None]:
        async with using(self._pool) as connection:
            there, _ = await self._place_on(connection, orders)
        return there

    async def _place_answered(self, given: list[_Answered]) -> list[Order | None]:
        # In one transaction: an order whose answers are missing would be paid for by whoever finds it.
        answers: dict[OrderId, Sequence[SealedAnswer]] = {}
        for each in given:
            answers.setdefault(each.order.order_id, each.answers)
        async with using(self._pool) as connection, connection.transaction():
            there, placed = await self._place_on(connection, [each.order for each in given])
            await store_answers(connection, {order_id: answers[order_id] for order_id in placed})
        return there

    async def _place_on(
        self, connection: AnyConnection, orders: list[Order]
    ) -> tuple[list[Order | None], set[OrderId]]:
        # Two callers with one order id get one row, and its lines once.
        first: dict[OrderId, Order] = {}
        for order in orders:
            first.setdefault(order.order_id, order)
        distinct = list(first.values())
        placed = await _place(connection, distinct, self._owner, self._provider)
        there: dict[OrderId, Order] = {
            order.order_id: msgspec.structs.replace(order, lease_owner=self._owner)
            for order in distinct
            if order.order_id in placed
        }
        missing = [order.order_id for order in distinct if order.order_id not in placed]
        if missing:
            rows = await connection.fetch(f"{_ORDER} WHERE orders.order_id = ANY ($1)", missing)
            there.update((order.order_id, order) for order in map(_order, rows))
        return [there.get(order.order_id) for order in orders], placed

    async def _step_all(self, steps: list[_Step]) -> list[Order | None]:
        # Of two callers who step one order the first one does; the second learns that it was stepped.
        first = {each.order.order_id: each for each in reversed(steps)}
        distinct = sorted(first.values(), key=lambda each: each.order.order_id)
        async with using(self._pool) as connection:
            stepped = await _step(connection, distinct, self._owner, self._clock())
        return [
            _stepped(each, self._owner)
            if each.order.order_id in stepped and first[each.order.order_id] is each
            else None
            for each in steps
        ]


async def _place(connection: AnyConnection, orders: list[Order], owner: str, provider: str) -> set[OrderId]:
    # Lines and payments go with the orders that were new. `IN … IS TRUE` keeps that question a hash lookup:
    # as a join it would be a nested loop over both lists, since this pool plans no other joins
    # (`storage.postgres`).
    lines = [(order.order_id, at, line) for order in orders for at, line in enumerate(order.lines)]
    rows = await connection.fetch(
        """
        WITH placed AS (
            INSERT INTO orders (order_id, event_id, hold_id, buyer_id, amount_minor, currency, lease_owner,
                lease_until, created_at, updated_at)
            SELECT order_id, event_id, hold_id, buyer_id, amount_minor, currency, $1, lease_until, at, at
            FROM unnest($3::text::uuid[], $4::text::uuid[], $5::text::uuid[], $6::text::uuid[],
                    $7::text::bigint[], $8::text::text[], $9::timestamptz[], $10::timestamptz[])
                AS given (order_id, event_id, hold_id, buyer_id, amount_minor, currency, lease_until, at)
            ON CONFLICT DO NOTHING
            RETURNING order_id
        ), lines AS (
            INSERT INTO order_lines (order_id, position, ticket_type, quantity, unit_price_minor)
            SELECT *
            FROM unnest($12::text::uuid[], $13::text::smallint[], $14::text::smallint[], $15::text::integer[],
                    $16::text::bigint[])
                AS given (order_id, position, ticket_type, quantity, unit_price_minor)
            WHERE (order_id IN (SELECT order_id FROM placed)) IS TRUE
        ), paid AS (
            INSERT INTO payments (payment_id, provider, amount_minor, currency, token, created_at, updated_at)
            SELECT order_id, $2, amount_minor, currency, token, at, at
            FROM unnest($3::text::uuid[], $7::text::bigint[], $8::text::text[], $11::text::text[],
                    $10::timestamptz[])
                AS given (order_id, amount_minor, currency, token, at)
            WHERE (order_id IN (SELECT order_id FROM placed)) IS TRUE
        )
        SELECT order_id FROM placed
        """,
        owner,
        provider,
        ids_text(order.order_id for order in orders),
        ids_text(order.event_id for order in orders),
        ids_text(order.hold_id for order in orders),
        ids_text(order.buyer_id for order in orders),
        numbers_text(order.amount_minor for order in orders),
        words_text(order.currency for order in orders),
        [order.lease_until_ms for order in orders],
        [order.created_at_ms for order in orders],
        words_text(order.token for order in orders),
        ids_text(order_id for order_id, _, _ in lines),
        numbers_text(at for _, at, _ in lines),
        numbers_text(line.ticket_type for _, _, line in lines),
        numbers_text(line.quantity for _, _, line in lines),
        numbers_text(line.unit_price_minor for _, _, line in lines),
    )
    return {row["order_id"] for row in rows}


async def _step(connection: AnyConnection, steps: list[_Step], owner: str, now_ms: int) -> set[OrderId]:
    rows = await connection.fetch(
        """
        WITH stepped AS (
            UPDATE orders
            SET state = given.to_state, failure = given.failure, lease_owner = $1,
                lease_until = given.lease_until, updated_at = $2,
                finished_at = CASE WHEN given.is_finished THEN $2::timestamptz END
            FROM unnest($3::text::uuid[], $4::text::text[], $5::text::text[], $6::text::text[],
                    $7::timestamptz[], $8::text::boolean[], $9::text::text[], $10::text::text[])
                AS given (order_id, from_state, to_state, failure, lease_until, is_finished, payment_state,
                    reference)
            WHERE orders.order_id = given.order_id AND orders.state = given.from_state
            RETURNING orders.order_id, given.payment_state, given.reference
        ), paid AS (
            UPDATE payments
            SET state = payment_state, updated_at = $2, token = '',
                reference = coalesce(nullif(stepped.reference, ''), payments.reference),
                captured_minor = CASE payment_state WHEN 'captured' THEN amount_minor ELSE captured_minor END
            FROM stepped
            WHERE payments.payment_id = stepped.order_id AND payment_state <> ''
        )
        SELECT order_id FROM stepped
        """,
        owner,
        now_ms,
        ids_text(each.order.order_id for each in steps),
        words_text(each.order.state for each in steps),
        words_text(each.to_state for each in steps),
        words_text(each.failure or each.order.failure for each in steps),
        [each.lease_until_ms for each in steps],
        numbers_text(each.to_state not in UNFINISHED for each in steps),
        words_text(_PAYMENT_STATES.get((each.order.state, each.to_state), "") for each in steps),
        words_text(each.reference for each in steps),
    )
    return {row["order_id"] for row in rows}


def _stepped(taken: _Step, owner: str) -> Order:
    is_answered = (taken.order.state, taken.to_state) in _PAYMENT_STATES
    return msgspec.structs.replace(
        taken.order,
        state=taken.to_state,
        failure=taken.failure or taken.order.failure,
        reference=taken.reference or taken.order.reference,
        token="" if is_answered else taken.order.token,
        lease_until_ms=taken.lease_until_ms,
        lease_owner=owner,
    )


def _order(row: asyncpg.Record) -> Order:
    lines = zip(row["ticket_types"] or (), row["quantities"] or (), row["prices"] or (), strict=True)
    return Order(
        order_id=row["order_id"],
        event_id=row["event_id"],
        hold_id=row["hold_id"],
        buyer_id=row["buyer_id"],
        state=OrderState(row["state"]),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        lines=tuple(OrderLine(*line) for line in lines),
        token=row["token"],
        lease_until_ms=row["lease_until"],
        created_at_ms=row["created_at"],
        failure=row["failure"],
        reference=row["reference"],
        lease_owner=row["lease_owner"],
    )
