"""An organiser at work: the services of events over real servers and a real shard."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from domain.codes import code_key
from domain.identity import Identity, Origin, Who
from domain.ids import EVENT, ORGANISATION, EventId, OrganisationId, UserId, parse, text
from domain.refusals import Refusal
from services.events.models import Event, NewEvent
from services.events.organising import Organising, organising
from services.events.tickets_models import TicketsFields
from storage.event_owners import EventOwners
from storage.event_records import EventRecord
from storage.postgres import Pool
from tests.gateway.stage import Works, fresh, works

T = TypeVar("T")
CODE_KEY = code_key(b"k" * 32)
WHO = Who(Identity(user_id=UserId(fresh())), Origin("192.0.2.1", "test"))


class Heard:
    """Notes what is announced."""

    def __init__(self) -> None:
        self.events: list[EventRecord] = []

    async def announce(self, event: EventRecord) -> None:
        self.events.append(event)


class Organiser:
    """One organisation's people, and what they work with."""

    def __init__(self, made: Works, organisation_id: OrganisationId) -> None:
        self.works = made
        self.pool: Pool = made.pool
        self.organisation_id = organisation_id
        self.heard = Heard()
        self.services = self.build(made.shards)

    def build(self, shards: Any, key: bytes = CODE_KEY) -> Organising:
        return organising(
            pool=self.pool,
            shards=shards,
            owners=EventOwners(self.pool),
            announcing=self.heard,
            clock=self.works.clock,
            new_id=fresh,
            code_key=key,
            url="https://t.example",
        )

    async def draft(self, title: str = "Concert", **fields: Any) -> Event:
        said = {"title": title, "time_zone": "Europe/Berlin", "starts_at": "2030-05-01T20:00", **fields}
        return sure(await self.services.editing.create(WHO, self.organisation_id, NewEvent(**said)))

    async def with_tickets(self, event: Event, document: TicketsFields | None = None) -> Event:
        return sure(
            await self.services.editing.set_tickets(
                WHO, self.organisation_id, id_of(event), None, document or tickets()
            )
        )

    async def published(self, **fields: Any) -> Event:
        event = await self.with_tickets(await self.draft(**fields))
        return sure(await self.step(event, "publish"))

    async def step(self, event: Event, taken: str, reason: str = "") -> Event | Refusal:
        from domain.event_status import Step

        return await self.services.steps.take(WHO, self.organisation_id, id_of(event), Step(taken), reason)

    async def read(self, event: Event) -> Event:
        return sure(await self.services.editing.read(self.organisation_id, id_of(event)))


def id_of(event: Event) -> EventId:
    return EventId(parse(EVENT, event.event))


def sure(result: T | Refusal) -> T:
    assert not isinstance(result, Refusal), result
    return result


def tickets(capacity: int = 100, **fields: Any) -> TicketsFields:
    """Two types that share a pool."""
    said = {
        "pools": [{"name": "Hall", "capacity": capacity}],
        "ticket_types": [
            {"name": "Full", "price_minor": 2_000, "pools": [0]},
            {"name": "Reduced", "price_minor": 1_200, "pools": [0]},
        ],
        **fields,
    }
    return TicketsFields.model_validate_json(json.dumps(said))


async def new_organisation(pool: Pool, name: str = "Hall") -> OrganisationId:
    organisation_id = OrganisationId(fresh())
    await pool.execute(
        "INSERT INTO organisations (organisation_id, name, slug) VALUES ($1, $2, $3)",
        organisation_id,
        name,
        text(ORGANISATION, organisation_id).replace("_", "-"),
    )
    return organisation_id


@asynccontextmanager
async def organiser(dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with works(dsn, redis_url) as made:
        yield Organiser(made, await new_organisation(made.pool))
