"""An organisation always has somebody who owns it, two editors do not overwrite each other, and everything
that was done stands in the log. If these fail, somebody locks themselves out or changes a profile unseen.
"""

import asyncio
import json

import msgspec

from domain import ids
from domain.identity import Identity, Who
from domain.ids import ApiKeyId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import KEY_SCOPES, Role
from services.organisations.models import NewOrganisation, OrganisationPatch, OrganisationView
from services.organisations.organisations import OWNED_MAX
from storage.audit_verification import verify
from storage.postgres import asking
from tests.conftest import AUDIT_KEY
from tests.services.organisations.stage import Stage


async def test_who_makes_an_organisation_owns_it(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    assert await stage.roles(anna) == [(organisation_id, Role.OWNER)]
    assert await stage.log(organisation_id) == ["organisation.create"]
    shown = await stage.organisations.read(organisation_id)
    assert isinstance(shown, OrganisationView)
    assert (shown.name, shown.slug, shown.version, shown.standing) == ("North", "north", 1, "active")


async def test_two_do_not_get_one_slug(stage: Stage) -> None:
    people = [await stage.user(f"{number}@example.org") for number in range(4)]
    wanted = NewOrganisation(name="North", slug="north")
    results = await asyncio.gather(*(stage.organisations.create(who, wanted, stage.now_ms) for who in people))
    assert sum(isinstance(result, OrganisationView) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Refusal)} == {Code.SLUG_TAKEN}
    assert await stage.pool.fetchval("SELECT count(*) FROM members") == 1


async def test_nobody_owns_more_than_the_limit(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    for number in range(OWNED_MAX - 1):
        await stage.organisation(anna, f"north-{number}")
    wanted = [NewOrganisation(name="N", slug=f"n-{number}") for number in range(2)]
    async with asking(stage.pool) as blocker, blocker.transaction():
        # Both have counted, and wait to write down what they made.
        await blocker.execute("SELECT FROM audit_heads FOR UPDATE")
        making = [asyncio.create_task(stage.organisations.create(anna, one, stage.now_ms)) for one in wanted]
        waiting = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
        async with asyncio.timeout(20):
            while await stage.pool.fetchval(waiting) < len(wanted):
                await asyncio.sleep(0.01)
    results = await asyncio.gather(*making)
    assert sum(isinstance(result, OrganisationView) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Refusal)} == {Code.LIMIT_REACHED}


async def test_the_second_of_two_editors_is_told(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    patches = [OrganisationPatch(name=f"North {number}") for number in range(5)]
    results = await asyncio.gather(
        *(stage.organisations.edit(anna, organisation_id, 1, patch, stage.now_ms) for patch in patches)
    )
    changed = [result for result in results if isinstance(result, OrganisationView)]
    assert len(changed) == 1
    assert changed[0].version == 2
    assert {result.code for result in results if isinstance(result, Refusal)} == {Code.VERSION_CONFLICT}
    assert await stage.organisations.read(organisation_id) == changed[0]


async def test_the_log_has_what_changed_and_nothing_else(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    patch = OrganisationPatch(name="South", slug="north", website="https://south.example")
    await stage.organisations.edit(anna, organisation_id, 1, patch, stage.now_ms)
    row = await stage.pool.fetchrow("SELECT * FROM audit_entries WHERE action = 'organisation.edit'")
    assert row is not None
    assert json.loads(row["before"]) == {"name": "North", "website": ""}
    assert json.loads(row["after"]) == {"name": "South", "website": "https://south.example"}
    assert row["actor"] == ids.text(ids.USER, anna.identity.user_id or b"")
    assert (row["address"], row["user_agent"]) == ("192.0.2.1", "test")
    # Nothing changed, so there is nothing to tell.
    same = await stage.organisations.edit(anna, organisation_id, 2, patch, stage.now_ms)
    assert isinstance(same, OrganisationView)
    assert same.version == 2
    assert await stage.log(organisation_id) == ["organisation.create", "organisation.edit"]


async def test_a_slug_of_somebody_else_is_refused_and_changes_nothing(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna, "north")
    await stage.organisation(anna, "south")
    refused = await stage.organisations.edit(
        anna, organisation_id, 1, OrganisationPatch(slug="south"), stage.now_ms
    )
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SLUG_TAKEN
    assert await stage.log(organisation_id) == ["organisation.create"]


async def test_a_second_factor_is_required_by_those_who_have_one(stage: Stage) -> None:
    """Otherwise an owner shuts everybody out, themselves first."""
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    patch = OrganisationPatch(require_second_factor=True)
    refused = await stage.organisations.edit(anna, organisation_id, 1, patch, stage.now_ms)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SECOND_FACTOR_NEEDED
    await stage.pool.execute(
        "INSERT INTO totp (user_id, secret_sealed, is_confirmed, created_at) VALUES ($1, '', true, now())",
        anna.identity.user_id,
    )
    assert isinstance(
        await stage.organisations.edit(anna, organisation_id, 1, patch, stage.now_ms), OrganisationView
    )
    assert anna.identity.user_id is not None
    for with_second_factor in (False, True):
        members = await stage.memberships.memberships_of(
            anna.identity.user_id, with_second_factor=with_second_factor
        )
        assert [member.is_barred for member in members] == [not with_second_factor]
    await lowered(stage, anna, organisation_id)


async def lowered(stage: Stage, anna: Who, organisation_id: OrganisationId) -> None:
    """A key changes no rights, and an open browser is no proof of who sits before it."""
    patch = OrganisationPatch(require_second_factor=False)
    key = Who(Identity(api_key_id=ApiKeyId(b"k" * 16), scopes=KEY_SCOPES), anna.origin)
    proven = Who(msgspec.structs.replace(anna.identity, stepped_up_until_ms=stage.now_ms + 1), anna.origin)
    for who, code in ((key, Code.FORBIDDEN), (anna, Code.STEP_UP_NEEDED)):
        refused = await stage.organisations.edit(who, organisation_id, 2, patch, stage.now_ms)
        assert isinstance(refused, Refusal)
        assert refused.code is code
    # What is no right a key may change, and saying again what is so is no change.
    said = OrganisationPatch(description="Songs", require_second_factor=True)
    edited = await stage.organisations.edit(key, organisation_id, 2, said, stage.now_ms)
    assert isinstance(edited, OrganisationView)
    found = await stage.organisations.edit(proven, organisation_id, 3, patch, stage.now_ms)
    assert isinstance(found, OrganisationView)
    assert not found.require_second_factor


async def test_the_log_of_all_this_is_sound(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    for slug in ("north", "south"):
        organisation_id = await stage.organisation(anna, slug)
        await stage.member(anna, organisation_id, f"{slug}@example.org", Role.VIEWER)
    async with asking(stage.pool) as connection:
        found = await verify(connection, AUDIT_KEY, {})
    assert (found.entries, found.findings) == (2 * 4, ())
