"""What buyers answer to the questions of an event: checked, sealed, and opened again for who may read it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from domain import wire
from domain.ids import QUESTION, BuyerId, OrderId, TicketTypeId, text
from domain.refusals import Code, Refusal
from services.events import Events, Sale
from services.models import Email, Line, Lines, Model, QuestionRef, TicketTypeRef
from services.vault import Unreadable, Vault
from storage.event_records import QuestionRecord
from storage.order_answers import COLUMN, TABLE, SealedAnswer, answers_of
from storage.orders import Order, OrderLine
from storage.postgres import Pool, asking

_READERS: Final[dict[str, TypeAdapter[Any]]] = {
    "text": TypeAdapter(Annotated[Line, Field(max_length=300)]),
    "choice": TypeAdapter(Annotated[Line, Field(max_length=300)]),
    "yes_no": TypeAdapter(Annotated[Line, Field(max_length=3)]),
    "long_text": TypeAdapter(Annotated[Lines, Field(max_length=2_000)]),
    "email": TypeAdapter(Email),
    "phone": TypeAdapter(Annotated[str, Field(max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]{3,}$")]),
    "date": TypeAdapter(
        Annotated[
            str,
            Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
            AfterValidator(lambda value: dt.date.fromisoformat(value).isoformat()),
        ]
    ),
}
_REASONS: Final = {
    "control_characters": "control_characters",
    "string_too_long": "too_long",
    "too_long": "too_long",
}
_YES_NO: Final = ("yes", "no")


class Amount(Protocol):
    """Tickets of one type, at a position of the event's definition."""

    @property
    def ticket_type(self) -> int: ...
    @property
    def quantity(self) -> int: ...


class AnswerView(Model):
    """An answer."""

    question: QuestionRef
    label: str
    """The question as it was asked."""
    ticket: int | None
    """Of which ticket of the order, counted from 0; None for the whole order."""
    ticket_type: TicketTypeRef | None
    """That ticket's type."""
    text: str | None
    """None when the buyer's data was forgotten."""


class Checked(msgspec.Struct, frozen=True):
    """An answer that fits its question; `ticket` counts through the lines, None for the order."""

    question: QuestionRecord
    ticket: int | None
    text: str


class Answers:
    """Takes and shows answers. What awaits raises `ConnectionError` when PostgreSQL is away and what it needs
    is not at hand.
    """

    def __init__(self, pool: Pool, events: Events, vault: Vault) -> None:
        self._pool = pool
        self._events = events
        self._vault = vault

    async def seal(
        self, buyer_id: BuyerId, sale: Sale, lines: Sequence[Amount], given: Sequence[wire.Answer]
    ) -> tuple[SealedAnswer, ...] | Refusal:
        """Return what a buyer of these lines answers, sealed, or why it can't be taken."""
        questions = await self._events.questions(sale)
        if not questions and not given:
            return ()
        sale = await self._events.covering(sale, (line.ticket_type for line in lines))
        types = [sale.types[at].ticket_type_id for at in _positions(lines)]
        checked = check(questions, types, given)
        if isinstance(checked, Refusal):
            return checked
        sealed = []
        for each in checked:
            hidden = await self._vault.seal(buyer_id, TABLE, COLUMN, each.text)
            question = each.question
            sealed.append(SealedAnswer(question.question_id, each.ticket, buyer_id, question.label, hidden))
        return tuple(sealed)

    async def of_orders(self, orders: Sequence[Order]) -> dict[OrderId, tuple[AnswerView, ...]]:
        """Return the answers that were given with orders; orders without any are not in it."""
        async with asking(self._pool) as connection:
            found = await answers_of(connection, [order.order_id for order in orders])
        shown: dict[OrderId, tuple[AnswerView, ...]] = {}
        for order in orders:
            if order.order_id in found:
                sale = await self._events.by_id(order.event_id)
                assert sale is not None, "an event with orders is there"
                shown[order.order_id] = await self.opened(sale, order.lines, found[order.order_id])
        return shown

    async def opened(
        self, sale: Sale, lines: Sequence[OrderLine], found: Iterable[SealedAnswer]
    ) -> tuple[AnswerView, ...]:
        """Return answers in the clear."""
        sale = await self._events.covering(sale, (line.ticket_type for line in lines))
        types = [sale.types[at].text for at in _positions(lines)]
        return tuple([await self._view(types, each) for each in found])

    async def _view(self, types: Sequence[str], answer: SealedAnswer) -> AnswerView:
        try:
            said = await self._vault.open(answer.buyer_id, TABLE, COLUMN, answer.sealed)
        except Unreadable:
            said = None
        return AnswerView(
            question=text(QUESTION, answer.question_id),
            label=answer.label,
            ticket=answer.ticket_index,
            ticket_type=None if answer.ticket_index is None else types[answer.ticket_index],
            text=said,
        )


def check(
    questions: Sequence[QuestionRecord], types: Sequence[TicketTypeId], given: Sequence[wire.Answer]
) -> list[Checked] | Refusal:
    """Return the answers that say something, in a form that fits.

    Args:
        questions: what the event asks.
        types: of the tickets that are bought, one by one.
        given: what the buyer says.
    """
    by_name = {text(QUESTION, question.question_id): question for question in questions}
    taken: dict[tuple[str, int | None], Checked] = {}
    for answer in given:
        question = by_name.get(answer.question)
        if question is None:
            return _unfit(answer, "unknown_question")
        if not _is_asked(question, answer.ticket, types):
            return _unfit(answer, "not_asked")
        if (answer.question, answer.ticket) in taken:
            return _unfit(answer, "twice")
        if not answer.text.strip():
            continue
        said = _read(question, answer)
        if isinstance(said, Refusal):
            return said
        taken[answer.question, answer.ticket] = Checked(question, answer.ticket, said)
    for name, question in by_name.items():
        if not question.is_required:
            continue
        for ticket in (None, *range(len(types))):
            if _is_asked(question, ticket, types) and (name, ticket) not in taken:
                return _wanted(name, ticket, question)
    return list(taken.values())


def _is_asked(question: QuestionRecord, ticket: int | None, types: Sequence[TicketTypeId]) -> bool:
    if (ticket is None) != (question.per == "order"):
        return False
    if ticket is not None:
        return ticket < len(types) and (not question.type_ids or types[ticket] in question.type_ids)
    return not question.type_ids or not set(question.type_ids).isdisjoint(types)


def _read(question: QuestionRecord, answer: wire.Answer) -> str | Refusal:
    given = answer.text if question.kind == "long_text" else answer.text.strip()
    try:
        said = _READERS[question.kind].validate_python(given)
    except ValidationError as error:
        kind = error.errors(include_url=False, include_input=False, include_context=False)[0]["type"]
        # The reason is told, never what was typed.
        return _unfit(answer, _REASONS.get(kind, "form"))
    allowed = {"choice": question.choices, "yes_no": _YES_NO}.get(question.kind)
    if allowed is not None and said not in allowed:
        return _unfit(answer, "not_a_choice")
    return str(said)


def _unfit(answer: wire.Answer, reason: str) -> Refusal:
    details = {"field": "answers", "question": answer.question, "ticket": answer.ticket, "reason": reason}
    return Refusal(Code.INVALID, None, details)


def _wanted(name: str, ticket: int | None, question: QuestionRecord) -> Refusal:
    # With the question itself: it may be newer than the buyer's page, or be asked of hidden types only.
    return Refusal(
        Code.ANSWERS_WANTED,
        None,
        {
            "field": "answers",
            "question": name,
            "ticket": ticket,
            "label": question.label,
            "kind": question.kind,
            "choices": "\n".join(question.choices),
        },
    )


def _positions(lines: Iterable[Amount]) -> list[int]:
    return [line.ticket_type for line in lines for _ in range(line.quantity)]
