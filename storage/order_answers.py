"""What buyers said to the questions of an event, sealed under the buyer's key. An answer keeps the words that
were asked: questions are changed and taken away while orders stay.
"""

from collections.abc import Mapping, Sequence

import msgspec

from domain.ids import BuyerId, OrderId, QuestionId
from storage.postgres import AnyConnection, ids_text, numbers_text

TABLE = "order_answers"
COLUMN = "answer_sealed"


class SealedAnswer(msgspec.Struct, frozen=True):
    """An answer.

    Attributes:
        ticket_index: of which ticket of the order, counted through its lines; None for the whole order.
        label: the question as it was asked.
        sealed: what was answered, bound to `TABLE`, `COLUMN` and the buyer.
    """

    question_id: QuestionId
    ticket_index: int | None
    buyer_id: BuyerId
    label: str
    sealed: bytes


async def store_answers(connection: AnyConnection, answers: Mapping[OrderId, Sequence[SealedAnswer]]) -> None:
    """Store the answers of orders that were placed in the same transaction."""
    rows = [(order_id, at, each) for order_id, given in answers.items() for at, each in enumerate(given)]
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO order_answers (order_id, position, question_id, ticket_index, buyer_id, label,
            answer_sealed)
        SELECT order_id, position, question_id, nullif(ticket_index, -1), buyer_id, label, answer_sealed
        FROM unnest($1::text::uuid[], $2::text::smallint[], $3::text::uuid[], $4::text::smallint[],
                $5::text::uuid[], $6::text[], $7::bytea[])
            AS given (order_id, position, question_id, ticket_index, buyer_id, label, answer_sealed)
        """,
        ids_text(order_id for order_id, _, _ in rows),
        numbers_text(at for _, at, _ in rows),
        ids_text(each.question_id for _, _, each in rows),
        numbers_text(-1 if each.ticket_index is None else each.ticket_index for _, _, each in rows),
        ids_text(each.buyer_id for _, _, each in rows),
        [each.label for _, _, each in rows],
        [each.sealed for _, _, each in rows],
    )


async def answers_of(
    connection: AnyConnection, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[SealedAnswer]]:
    """Return the answers of orders as they were given; orders without any are not in it."""
    rows = await connection.fetch(
        """
        SELECT order_id, question_id, ticket_index, buyer_id, label, answer_sealed
        FROM order_answers WHERE order_id = ANY ($1) ORDER BY order_id, position
        """,
        order_ids,
    )
    found: dict[OrderId, list[SealedAnswer]] = {}
    for order_id, *answer in rows:
        found.setdefault(order_id, []).append(SealedAnswer(*answer))
    return found
