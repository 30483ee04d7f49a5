"""Organisations that work on each other's events, over a real shard. If these failed, an event would turn up
among those of people who did not want it, or stay there when it is not theirs any more.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from domain.ids import ORGANISATION, text
from domain.refusals import Code, Refusal
from services.events.grants import GRANTS_MAX
from services.events.models import EventPatch, GrantRequest, OwnEventsQuery
from tests.services.organiser import WHO, Organiser, id_of, new_organisation, organiser, sure


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def code_of(result: object) -> Code:
    assert isinstance(result, Refusal), result
    return result.code


def org(organisation_id: bytes) -> str:
    return text(ORGANISATION, organisation_id)


async def test_others_work_on_an_event_once_they_were_asked_and_have_accepted(hall: Organiser) -> None:
    event = await hall.published()
    other = await new_organisation(hall.pool, "Other")
    editing, grants, own = hall.services.editing, hall.services.grants, hall.organisation_id
    slug = org(other).replace("_", "-")
    assert code_of(await editing.read(other, id_of(event))) is Code.NOT_FOUND
    assert code_of(await grants.accept(WHO, other, id_of(event))) is Code.NOT_FOUND
    (asked,) = sure(await grants.give(WHO, own, id_of(event), GrantRequest(slug=slug))).items
    assert (asked.organisation, asked.is_accepted) == (org(other), False)
    # Asked is not let in: nobody finds an event in their list that they did not want.
    assert code_of(await editing.read(other, id_of(event))) is Code.NOT_FOUND
    assert sure(await editing.listed(other, OwnEventsQuery())).items == ()
    (offer,) = (await grants.offers(other)).items
    assert (offer.hosted, offer.title, offer.is_accepted) == (event.event, "Concert", False)
    for _ in range(2):
        assert sure(await grants.accept(WHO, other, id_of(event))).items[0].is_accepted
    assert sure(await editing.read(other, id_of(event))).may_edit is False
    patch = EventPatch(summary="Ours too")
    refused = await editing.edit(WHO, other, id_of(event), None, patch)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.FORBIDDEN
    may = GrantRequest(slug=slug, may_edit=True)
    (asked,) = sure(await grants.give(WHO, own, id_of(event), may)).items
    assert asked.is_accepted
    assert sure(await editing.edit(WHO, other, id_of(event), None, patch)).summary == "Ours too"
    assert len(sure(await editing.listed(other, OwnEventsQuery())).items) == 1
    assert code_of(await grants.give(WHO, other, id_of(event), may)) is Code.FORBIDDEN
    assert code_of(await grants.take(WHO, other, id_of(event), other)) is Code.FORBIDDEN
    sure(await grants.take(WHO, own, id_of(event), other))
    assert code_of(await editing.read(other, id_of(event))) is Code.NOT_FOUND
    # Asked anew, it has to accept anew, or says that it does not want to.
    sure(await grants.give(WHO, own, id_of(event), may))
    assert code_of(await editing.read(other, id_of(event))) is Code.NOT_FOUND
    assert sure(await grants.decline(WHO, other, id_of(event))).items == ()
    assert sure(await grants.listed(own, id_of(event))).items == ()


@pytest.mark.parametrize("slug", ["nobody", "own"])
async def test_who_can_not_be_asked(hall: Organiser, slug: str) -> None:
    event = await hall.draft()
    if slug == "own":
        slug = org(hall.organisation_id).replace("_", "-")
    refused = await hall.services.grants.give(
        WHO, hall.organisation_id, id_of(event), GrantRequest(slug=slug)
    )
    assert isinstance(refused, Refusal)
    assert refused.details["field"] == "slug"


async def test_nobody_is_asked_beyond_the_bound_and_the_log_says_what_was_before(hall: Organiser) -> None:
    event = await hall.draft()
    await hall.pool.execute(
        """
        WITH made AS (
            INSERT INTO organisations (organisation_id, name, slug)
            SELECT gen_random_uuid(), 'Guest', 'guest-' || number
            FROM generate_series(1, $2::int + 1) AS number
            RETURNING organisation_id)
        INSERT INTO event_grants (event_id, organisation_id) SELECT $1, organisation_id FROM made
        """,
        id_of(event),
        GRANTS_MAX,
    )
    await hall.pool.execute(
        """
        DELETE FROM event_grants USING organisations
        WHERE event_grants.organisation_id = organisations.organisation_id AND slug IN ('guest-1', 'guest-2')
        """
    )

    async def ask(number: int, *, may_edit: bool = False) -> object:
        said = GrantRequest(slug=f"guest-{number}", may_edit=may_edit)
        return await hall.services.grants.give(WHO, hall.organisation_id, id_of(event), said)

    asked = await asyncio.gather(ask(1), ask(2))
    assert sum(isinstance(one, Refusal) for one in asked) == 1
    assert await hall.pool.fetchval("SELECT count(*) FROM event_grants") == GRANTS_MAX
    # Who is asked already may be let do more, which is told; asking for the same once more is not.
    for _ in range(2):
        sure(await ask(3, may_edit=True))
    rows = await hall.pool.fetch("SELECT before, after FROM audit_entries WHERE action = 'event.grant'")
    told = [(json.loads(row["before"]).get("may_edit"), json.loads(row["after"])["may_edit"]) for row in rows]
    assert told == [(None, False), (False, True)]
