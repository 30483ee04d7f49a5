"""The people who come to an event, as a file that its organiser takes along: a row for each ticket.

What buyers are called, where they are reached and what they answered leaves the platform here, so it is
written down before any of it does (docs/decisions/exporting-people.md).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from domain.identity import Who
from domain.ids import EVENT, ORDER, TICKET, BuyerId, EventId, OrganisationId, text
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.events import local_time
from services.events.access import Access
from services.events.csv_text import csv_text
from services.events.schema_org import decimal
from services.vault import Sealed, Vault
from storage import order_answers
from storage.attendees import NEWEST, SoldOrder, count_tickets, people_behind, sold_orders
from storage.audit_log import record
from storage.event_records import EventRecord, read_events
from storage.members import SealedPerson
from storage.order_answers import SealedAnswer
from storage.postgres import Pool
from storage.tenancy import tenant

# So much is read, opened and written at once: neither memory nor the loop notices the rest.
_ORDERS: Final = 200
_COLUMNS: Final = (
    *("order", "ticket", "ticket_type", "status", "order_status", "price", "currency", "bought_at"),
    *("buyer_name", "buyer_email"),
)
_OTHERS: Final = "other_answers"


class AttendeeFile(msgspec.Struct, frozen=True):
    """A file as it is made; its name holds nothing but letters, digits and hyphens."""

    name: str
    parts: AsyncGenerator[bytes, None]


class _Opened(msgspec.Struct, frozen=True):
    """What of a part of the orders can be read.

    Attributes:
        people: the accounts of buyers who have one.
        texts: in the clear, None for what nobody can read any more.
    """

    people: Mapping[BuyerId, SealedPerson]
    texts: Mapping[Sealed, str | None]

    def who(self, buyer_id: BuyerId) -> tuple[str, str]:
        """Return name and address of a buyer, "" for what is not known."""
        person = self.people.get(buyer_id)
        if person is None:
            return "", ""
        name, email = _sealed_person(person)
        return self.texts[name] or "", self.texts[email] or ""

    def answer(self, given: SealedAnswer) -> str:
        """Return what was answered, "" if the buyer was erased."""
        return self.texts[_sealed_answer(given)] or ""


class Attendees:
    """Exports attendees. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, access: Access, vault: Vault, clock: Callable[[], int]) -> None:
        self._pool = pool
        self._access = access
        self._vault = vault
        self._clock = clock
        # However many take people along at once: one part at a time is made, in turn. Whoever reads theirs
        # slowly keeps nobody waiting.
        self._turn = asyncio.Lock()

    async def give(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId
    ) -> AttendeeFile | Refusal:
        """Return the tickets of an event with their buyers, the newest orders first, for the organisation
        that sells them. That they are taken along is in the log before the first of them is read.
        """
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        if found.owner != organisation_id:
            return Refusal(Code.FORBIDDEN)
        async with tenant(self._pool, organisation_id) as connection:
            (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
            entry = entry_for(
                who,
                "people.export",
                text(EVENT, event_id),
                organisation_id=organisation_id,
                at_ms=self._clock(),
                after={"tickets": await count_tickets(connection, event_id)},
            )
            await record(connection, entry)
        return AttendeeFile(f"attendees-{event.slug}.csv", self._parts(event))

    async def _parts(self, event: EventRecord) -> AsyncGenerator[bytes, None]:
        asked = [question.label for question in event.questions]
        head = [[*_COLUMNS, *asked, _OTHERS]]
        before: tuple[int, bytes] | None = NEWEST
        while before is not None:
            async with self._turn:
                orders = await self._orders(event, before)
                opened = await self._opened([order for order in orders if order.tickets])
                part = await asyncio.to_thread(_part, event, orders, opened, head)
            if part:
                yield part
            head = []
            is_more = len(orders) == _ORDERS
            before = (orders[-1].created_at_ms, orders[-1].order_id) if is_more else None

    async def _orders(self, event: EventRecord, before: tuple[int, bytes]) -> list[SoldOrder]:
        async with tenant(self._pool, event.organisation_id) as connection:
            return await sold_orders(connection, event.event_id, before, _ORDERS)

    async def _opened(self, orders: Sequence[SoldOrder]) -> _Opened:
        people = await people_behind(self._pool, list({order.buyer_id for order in orders}))
        sealed = [one for person in people.values() for one in _sealed_person(person)]
        sealed += [_sealed_answer(answer) for order in orders for answer in order.answers]
        return _Opened(people, dict(zip(sealed, await self._vault.open_many(sealed), strict=True)))


def _sealed_person(person: SealedPerson) -> tuple[Sealed, Sealed]:
    return (
        Sealed(person.user_id, "users", "name_sealed", person.name_sealed),
        Sealed(person.user_id, "users", "email_sealed", person.email_sealed),
    )


def _sealed_answer(answer: SealedAnswer) -> Sealed:
    return Sealed(answer.buyer_id, order_answers.TABLE, order_answers.COLUMN, answer.sealed)


def _part(
    event: EventRecord, orders: Sequence[SoldOrder], opened: _Opened, head: Sequence[Sequence[str]]
) -> bytes:
    rows = (row for order in orders if order.tickets for row in _rows(event, order, opened))
    return csv_text([*head, *rows]).encode()


def _rows(event: EventRecord, order: SoldOrder, opened: _Opened) -> Iterator[list[str]]:
    bought_at = local_time.to_text(order.created_at_ms, event.time_zone)
    who = opened.who(order.buyer_id)
    for number, ticket in enumerate(order.tickets):
        # A type that was added since the event was read has no name here yet.
        is_known = ticket.ticket_type < len(event.ticket_types)
        yield [
            text(ORDER, order.order_id),
            text(TICKET, ticket.ticket_id),
            event.ticket_types[ticket.ticket_type].name if is_known else "",
            ticket.state,
            order.state,
            decimal(ticket.price_minor, order.currency),
            order.currency,
            bought_at,
            *who,
            *_answered(event, order, number, opened),
        ]


def _answered(event: EventRecord, order: SoldOrder, number: int, opened: _Opened) -> list[str]:
    """Return what was answered of a ticket: a cell for each question of the event, and one for the rest.

    An answer stands under a question only if it was given to these very words: under others it could say
    something else than was meant.
    """
    columns = {(question.question_id, question.label): "" for question in event.questions}
    others = []
    for answer in order.answers:
        if answer.ticket_index not in (None, number):
            continue
        said = opened.answer(answer)
        if (answer.question_id, answer.label) in columns:
            columns[answer.question_id, answer.label] = said
        elif said:
            others.append(f"{answer.label}: {said}")
    return [*columns.values(), "\n".join(others)]
