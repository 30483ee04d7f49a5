"""Closing an organisation, through two gateways. If one failed, something would go on selling for nobody, a
buyer would lose what they paid for, or an owner could never go.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from domain import commands as c
from domain.event_status import LIVE, Step
from domain.identity import Identity, Origin, Who
from domain.ids import EVENT, ORGANISATION, BuyerId, EventId, OperationId, OrganisationId, parse, text
from domain.orders import UNFINISHED
from domain.refusals import Refusal
from domain.roles import PlatformRole
from services.events.models import Event
from services.events.steps import Steps
from storage.postgres import AnyConnection, connect
from tests.gateway.api.organising import Caller, Town, organisation_id
from tests.gateway.api.test_organisations import until_refused
from tests.gateway.stage import Sale, fresh, hold, operation
from tests.services.organiser import Organiser

NOBODY = Who(Identity(), Origin("192.0.2.1", "test"))

_PENDING = "SELECT count(*) FROM event_changes WHERE state = 'pending'"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%standing%'"


class Owned:
    """An organisation, its owner, who has just proved who they are, and what its people work with."""

    def __init__(self, place: Town, owner: Caller, organisation: str) -> None:
        self.place = place
        self.owner = owner
        self.organisation = organisation
        self.path = f"/organisations/{organisation}"
        self.hall = Organiser(place.made, organisation_id(organisation))

    async def close(self, version: int | None = None, key: str = "") -> tuple[int, Any]:
        if version is None:
            version = (await self.owner.ask("GET", self.path))[1]["version"]
        return await self.owner.ask("POST", f"{self.path}/close", version=version, key=key)

    async def sale(self, **fields: Any) -> tuple[Event, Sale]:
        event = await self.hall.published(**fields)
        record = await self.place.made.catalogue.find(EventId(parse(EVENT, event.event)))
        assert record is not None
        return event, Sale(record)

    async def end(self, event: Event) -> None:
        """Let the event have taken place."""
        await self.place.made.pool.execute(
            "UPDATE events SET starts_at = now() - interval '3 days' WHERE event_id = $1",
            parse(EVENT, event.event),
        )

    async def standing(self) -> str:
        found = await self.place.made.pool.fetchval(
            "SELECT standing FROM organisations WHERE organisation_id = $1",
            organisation_id(self.organisation),
        )
        return str(found)

    async def breaches(self) -> list[tuple[str, str]]:
        """What a closed organisation may not have (docs/decisions/closing-an-organisation.md)."""
        if await self.standing() != "closed":
            return []
        found = await self.place.made.pool.fetch(
            """
            WITH own AS (SELECT * FROM events WHERE organisation_id = $1)
            SELECT 'event' AS what, status AS how FROM own WHERE status = ANY ($2)
            UNION ALL
            SELECT 'change', kind FROM event_changes JOIN own USING (event_id) WHERE state = 'pending'
            UNION ALL SELECT 'order', state FROM orders JOIN own USING (event_id) WHERE state = ANY ($3)
            """,
            organisation_id(self.organisation),
            [status.value for status in LIVE],
            [state.value for state in UNFINISHED],
        )
        return [(row["what"], row["how"]) for row in found]


async def owned(place: Town, slug: str = "north") -> Owned:
    owner = await place.person()
    organisation = await place.organisation(owner, slug)
    status, answer = await owner.ask("POST", "/me/step-up", {"password": place.people[-1].password})
    assert status == 200, answer
    return Owned(place, owner, organisation)


def pay(sale: Sale, held: dict[str, Any]) -> dict[str, Any]:
    return {
        "operation": operation(),
        "event": sale.event,
        "hold": held["hold"],
        "amount_minor": held["amount_minor"],
        "payment": "card_ok",
    }


async def test_a_closed_organisation_is_not_told_from_what_never_was(place: Town) -> None:
    north = await owned(place)
    viewer = await place.member(north.owner, north.organisation, "viewer")
    draft = await north.hall.draft()
    event, _ = await north.sale(title="Late")
    await north.hall.step(event, "close")
    key = {"name": "W", "scopes": ["organisation.read"]}
    program = await place.caller((await north.owner.ask("POST", f"{north.path}/keys", key))[1]["token"])
    guest = await place.caller()
    page = f"/e/{event.slug}"
    for path in (page, "/o/north"):
        async with guest.http.get(place.there.url + path) as response:
            assert response.status == 200
    assert (await program.ask("GET", north.path, stage=place.there))[0] == 200

    status, closed = await north.close()
    assert (status, closed["standing"]) == (200, "closed")
    for caller in (north.owner, viewer, program):
        assert await until_refused(caller, north.path, place) < 1
    async with asyncio.timeout(5):
        for path in (page, "/o/north", "/calendar/north.ics"):
            while True:
                async with guest.http.get(place.there.url + path) as response:
                    if response.status == 404:
                        break
                await asyncio.sleep(0.02)
    nobodys = text(ORGANISATION, b"n" * 16)
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/close")):
        answers = [
            await north.owner.ask(method, f"/organisations/{each}{path}", version=closed["version"])
            for each in (north.organisation, nobodys)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    # Its address is nobody else's, and a draft is there as it was.
    other = await place.person()
    status, problem = await other.ask("POST", "/organisations", {"name": "North", "slug": "north"})
    assert (status, problem["code"]) == (409, "slug_taken")
    found = await place.made.catalogue.find(EventId(parse(EVENT, draft.event)))
    assert found is not None
    assert found.status == "draft"
    assert (await place.audited(north.organisation))[-1] == "organisation.close"


async def test_only_an_owner_with_a_fresh_proof_closes_what_they_have_read(place: Town) -> None:
    north = await owned(place)
    admin = await place.member(north.owner, north.organisation, "admin")
    assert (await admin.ask("POST", f"{north.path}/close", version=1))[0] == 403
    status, problem = await north.owner.ask("POST", f"{north.path}/close")
    assert (status, problem["code"]) == (428, "version_required")
    status, problem = await north.close(version=7)
    assert (status, problem["code"]) == (412, "version_conflict")
    other = await place.member(north.owner, north.organisation, "owner")
    status, problem = await other.ask("POST", f"{north.path}/close", version=1)
    assert (status, problem["code"]) == (403, "step_up_needed")
    assert await north.standing() == "active"


async def test_what_is_in_the_way_is_named(place: Town) -> None:
    north = await owned(place)
    event, sale = await north.sale(title="Spring")
    for taken in (None, "pause"):
        if taken:
            await north.hall.step(event, taken)
        status, problem = await north.close()
        assert (status, problem["code"]) == (409, "organisation_in_use")
        assert problem["details"] == {
            "event": event.event, "name": "Spring", "events": 1, "orders": 0, "reservations": 0,
        }  # fmt: skip
    await north.hall.step(event, "resume")
    buyer = await place.person()
    client = await place.here.connect(http=buyer.http)
    held = await hold(client, sale)
    # Its time is over, but somebody may still pay.
    await north.end(event)
    status, problem = await north.close()
    assert (problem["code"], problem["details"]["reservations"]) == ("organisation_in_use", 1)
    reply = await client.ask("hold", operation=operation(), event=sale.event, lines=sale.lines())
    assert reply["code"] == "sale_closed"
    bought = await client.ask("purchase", **pay(sale, held))
    assert bought["type"] == "purchased", bought
    await place.made.purchases.close()
    assert (await north.close())[0] == 200
    assert await north.breaches() == []
    # The buyer has what they paid for.
    status, orders = await buyer.ask("GET", "/me/orders")
    assert status == 200
    assert [(row["state"], len(row["tickets"])) for row in orders["items"]] == [("paid", 1)]


async def test_an_order_under_way_is_waited_for(place: Town) -> None:
    north = await owned(place)
    event, sale = await north.sale()
    client = await place.here.connect()
    held = await hold(client, sale)
    await north.hall.step(event, "close")
    buying = asyncio.create_task(client.ask("purchase", **{**pay(sale, held), "payment": "card_slow"}))
    async with asyncio.timeout(5):
        while not await place.made.pool.fetchval("SELECT count(*) FROM orders"):
            await asyncio.sleep(0.01)
    status, problem = await north.close()
    assert (status, problem["code"], problem["details"]["orders"]) == (409, "organisation_in_use", 1)
    assert (await buying)["type"] == "purchased"
    await place.made.purchases.close()
    assert (await north.close())[0] == 200
    assert await north.breaches() == []


async def test_two_who_close_it_do_it_once(place: Town) -> None:
    north = await owned(place)
    answers = await asyncio.gather(*(north.close(version=1) for _ in range(5)))
    assert sorted({status for status, _ in answers}) in ([200], [200, 404])
    assert [status for status, _ in answers].count(200) == 1
    assert (await place.audited(north.organisation)).count("organisation.close") == 1


async def test_who_closed_it_and_did_not_hear_so_is_told_again(place: Town) -> None:
    """Closing takes away the right to close; a repetition must not be told that there never was anything."""
    north = await owned(place)
    other = await place.member(north.owner, north.organisation, "owner")
    first = await north.close(version=1, key="a-key-of-the-owner")
    assert first[0] == 200
    async with asyncio.timeout(5):
        # Until it is not remembered any more that they had the right.
        while (await north.owner.ask("GET", north.path))[0] != 404:
            await asyncio.sleep(0.02)
    assert await north.close(version=1, key="a-key-of-the-owner") == first
    # A process that died between its commit and its answer kept none.
    await place.made.pool.execute("UPDATE repeated_requests SET answer = NULL")
    assert await north.close(version=1, key="a-key-of-the-owner") == first
    nothing = await north.owner.ask(
        "POST", f"/organisations/{text(ORGANISATION, b'n' * 16)}/close", version=1
    )
    assert nothing[0] == 404
    # Another request, and somebody else's: neither has done anything.
    assert await north.close(version=1, key="another-key-of-the-owner") == nothing
    assert await north.close(version=2, key="a-key-of-the-owner") == nothing
    assert await other.ask("POST", f"{north.path}/close", version=1, key="a-key-of-the-owner") == nothing
    assert (await place.audited(north.organisation)).count("organisation.close") == 1


async def publish(steps: Steps, organisation: OrganisationId, event: Event) -> object:
    return await steps.take(NOBODY, organisation, EventId(parse(EVENT, event.event)), Step.PUBLISH)


@contextlib.asynccontextmanager
async def raw(dsn: str) -> AsyncIterator[AnyConnection]:
    connection = await connect(dsn, application_name="test")
    yield connection
    await connection.close()


async def test_nothing_is_published_beside_closing(place: Town, migrated_dsn: str) -> None:
    """Somebody's right to publish is remembered for half a second: the organisation is asked again."""
    north = await owned(place)
    event = await north.hall.with_tickets(await north.hall.draft())
    steps, own = north.hall.services.steps, organisation_id(north.organisation)
    async with raw(migrated_dsn) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE organisations SET standing = 'closed' WHERE organisation_id = $1", own)
        publishing = asyncio.create_task(publish(steps, own, event))
        async with asyncio.timeout(5):
            while not publishing.done() and not await place.made.pool.fetchval(_WAITING):
                await asyncio.sleep(0.01)
        await transaction.commit()
    assert isinstance(await publishing, Refusal)
    assert await north.breaches() == []


async def test_what_is_being_published_is_in_the_way(place: Town) -> None:
    north = await owned(place)
    event = await north.hall.with_tickets(await north.hall.draft())
    shard = place.made.handle
    assert shard is not None
    shard.gate.clear()
    publishing = asyncio.create_task(
        publish(north.hall.services.steps, organisation_id(north.organisation), event)
    )
    async with asyncio.timeout(5):
        while not await place.made.pool.fetchval(
            "SELECT count(*) FROM event_changes WHERE state = 'pending'"
        ):
            await asyncio.sleep(0.01)
    status, problem = await north.close()
    assert (status, problem["code"], problem["details"]["events"]) == (409, "organisation_in_use", 1)
    shard.gate.set()
    assert not isinstance(await publishing, Refusal)


async def test_closing_beside_publishing_never_leaves_both(place: Town) -> None:
    for number in range(8):
        north = await owned(place, f"north-{number}")
        event = await north.hall.with_tickets(await north.hall.draft())
        own = organisation_id(north.organisation)
        await asyncio.gather(north.close(version=1), publish(north.hall.services.steps, own, event))
        await north.hall.services.changes.finish_others()
        assert await north.breaches() == []


async def test_reservations_are_not_lost_sight_of(place: Town) -> None:
    """An event whose sale was left open when it was put away would sell for an organisation that is gone."""
    north = await owned(place)
    event, sale = await north.sale()
    await north.end(event)
    await north.hall.step(event, "archive")
    line = c.Line(sale.record.ticket_types[0].ticket_type_id, 1)
    wanted = c.PlaceHold(OperationId(fresh()), sale.record.event_id, BuyerId(fresh()), (line,))
    refused = await place.made.shards.ask(wanted)
    assert isinstance(refused, Refusal)
    assert refused.code == "sale_closed"


async def test_the_platform_sees_what_is_closed_and_opens_it_again(place: Town) -> None:
    north = await owned(place)
    admin = await place.platform_person(PlatformRole.ADMIN)
    switch = f"/admin{north.path}"
    assert (await north.close())[0] == 200
    _, listed = await admin.ask("GET", "/admin/organisations", query={"standing": "closed"})
    assert [one["id"] for one in listed["items"]] == [north.organisation]
    _, log = await admin.ask("GET", "/admin/audit", query={"organisation": north.organisation})
    assert log["items"][0]["action"] == "organisation.close"
    for taken in ("suspend", "unsuspend"):
        status, problem = await admin.ask("POST", f"{switch}/{taken}", {"reason": "x"})
        assert (status, problem["code"]) == (409, "illegal_step")
    status, opened = await admin.ask("POST", f"{switch}/reopen", {"reason": "They asked for it"})
    assert (status, opened["standing"]) == (200, "active")
    assert (await north.owner.ask("GET", north.path))[0] == 200


async def test_an_owner_of_nothing_but_closed_organisations_can_go(place: Town) -> None:
    north = await owned(place)
    status, answer = await north.owner.ask("POST", "/organisations", {"name": "South", "slug": "south"})
    assert status == 201
    south = str(answer["id"])
    admin = await place.platform_person(PlatformRole.ADMIN)
    assert (await north.close())[0] == 200
    status, problem = await north.owner.ask("DELETE", "/me")
    assert (problem["code"], problem["details"]) == ("last_owner", {"organisation": south, "name": "South"})
    assert (await north.owner.ask("POST", f"/organisations/{south}/close", version=1))[0] == 200
    assert (await north.owner.ask("DELETE", "/me"))[0] == 204
    # Nobody is left who would answer for it.
    status, problem = await admin.ask("POST", f"/admin{north.path}/reopen", {"reason": "x"})
    assert (status, problem["code"]) == (409, "last_owner")
