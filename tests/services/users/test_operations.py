"""Accounts from the command line. If these failed, there would be no first administrator, or no owner of the
demo to sign in as.
"""

import json

from domain.refusals import Refusal
from domain.roles import PlatformRole, Role
from services.users.models import SignIn
from services.users.operations import AccountOperations, Added
from tests.meeting import at_once
from tests.people import PASSWORD, fresh
from tests.services.users.conftest import ORIGIN, House
from tests.storage.rows import add_event

OTHER_PASSWORD = "nine herons over the tide"


async def test_an_account_becomes_an_administrator(house: House) -> None:
    administration = AccountOperations(house.pool, house.vault, house.passwords, house.clock, fresh)
    email = await house.account()
    token = await house.sign_in(email)
    assert not await administration.promote("nobody@example.org", PlatformRole.ADMIN)
    assert await administration.promote(email.upper(), PlatformRole.ADMIN)
    identity = await house.identity(token)
    assert identity is not None
    assert identity.platform_role is PlatformRole.ADMIN
    row = await house.pool.fetchrow("SELECT * FROM audit_entries WHERE action = 'platform.promote'")
    assert row is not None
    assert json.loads(row["after"]) == {"role": "platform_admin"}
    assert row["actor"] == "system"
    assert not await administration.demote("nobody@example.org")
    assert await administration.demote(email)
    assert not await administration.demote(email), "there is nothing left to take"
    identity = await house.identity(token)
    assert identity is not None
    assert identity.platform_role is None
    rows = await house.pool.fetch("SELECT before, after FROM audit_entries WHERE action = 'platform.demote'")
    assert [(json.loads(row["before"]), json.loads(row["after"])) for row in rows] == [
        ({"role": "platform_admin"}, {"role": None})
    ]


async def test_of_two_first_roles_at_once_each_is_told_with_the_one_before(house: House) -> None:
    """Else the log would say of the second that there was none before it."""
    administration = AccountOperations(house.pool, house.vault, house.passwords, house.clock, fresh)
    email = await house.account()
    roles = (PlatformRole.ADMIN, PlatformRole.SUPPORT)
    assert await at_once(house.pool, *(administration.promote(email, role) for role in roles)) == [True, True]
    rows = await house.pool.fetch(
        "SELECT before, after FROM audit_entries WHERE action = 'platform.promote' ORDER BY seq"
    )
    (first, then), (second, now) = [(json.loads(row["before"]), json.loads(row["after"])) for row in rows]
    assert (first, second) == ({"role": None}, then)
    assert now == {"role": await house.pool.fetchval("SELECT role FROM platform_members")}


async def test_an_owner_is_made_once(house: House) -> None:
    administration = AccountOperations(house.pool, house.vault, house.passwords, house.clock, fresh)
    event_id = fresh()
    await add_event(house.pool, event_id, house.clock())  # type: ignore[arg-type]
    slug = await house.pool.fetchval("SELECT slug FROM events WHERE event_id = $1", event_id)
    email = house.address()
    for _ in range(2):
        assert await administration.add(email, "Demo", PASSWORD, slug) == Added()
    await house.sign_in(email)
    rows = await house.pool.fetch("SELECT role FROM members")
    assert [row["role"] for row in rows] == [Role.OWNER.value]
    rows = await house.pool.fetch("SELECT actor, after FROM audit_entries WHERE action = 'member.add'")
    assert [(row["actor"], json.loads(row["after"])) for row in rows] == [("system", {"role": "owner"})]
    for refused, why in (
        ((email, "Demo", PASSWORD, "no-such-event"), "no event"),
        ((house.address(), "Demo", "short"), "good enough"),
        (("no address", "Demo", PASSWORD), "can't be used"),
    ):
        assert why in (await administration.add(*refused)).problem


async def test_a_lesser_role_becomes_that_of_an_owner(house: House) -> None:
    """Who is told that they are an owner is one, and whoever reads the log knows since when."""
    administration = AccountOperations(house.pool, house.vault, house.passwords, house.clock, fresh)
    event_id = fresh()
    await add_event(house.pool, event_id, house.clock())  # type: ignore[arg-type]
    slug = await house.pool.fetchval("SELECT slug FROM events WHERE event_id = $1", event_id)
    email = house.address()
    await administration.add(email, "Demo", PASSWORD, slug)
    # For one event beside it: that stays.
    await house.pool.execute(
        "INSERT INTO members SELECT $1, organisation_id, user_id, $2, 'scanner', 1, now() FROM members",
        fresh(),
        event_id,
    )
    await house.pool.execute("UPDATE members SET role = 'viewer' WHERE event_id IS NULL")
    assert await administration.add(email, "Demo", PASSWORD, slug) == Added(was=Role.VIEWER)
    assert await administration.add(email, "Demo", PASSWORD, slug) == Added()
    rows = await house.pool.fetch("SELECT role, version FROM members ORDER BY event_id NULLS FIRST")
    assert [tuple(row) for row in rows] == [("owner", 2), ("scanner", 1)]
    rows = await house.pool.fetch("SELECT * FROM audit_entries WHERE action = 'member.change'")
    assert [(row["actor"], json.loads(row["after"])) for row in rows] == [("system", {"role": "owner"})]
    assert json.loads(rows[0]["before"])["role"] == "viewer"


async def test_a_lost_password_is_replaced_and_everybody_is_signed_out(house: House) -> None:
    administration = AccountOperations(house.pool, house.vault, house.passwords, house.clock, fresh)
    email = await house.account()
    token = await house.sign_in(email)
    assert "good enough" in await administration.set_password(email, "short")
    assert "no account" in await administration.set_password("nobody@example.org", OTHER_PASSWORD)
    assert await house.identity(token) is not None, "what was refused has changed nothing"
    assert await administration.set_password(email.upper(), OTHER_PASSWORD) == ""
    assert await house.identity(token) is None
    old = SignIn(email=email, password=PASSWORD)
    refused = await house.users.signing_in.sign_in(old, "", ORIGIN)
    assert isinstance(refused, Refusal)
    assert await house.sign_in(email, OTHER_PASSWORD)
    row = await house.pool.fetchrow("SELECT * FROM audit_entries WHERE action = 'user.set_password'")
    assert row is not None
    assert row["actor"] == "system"
    assert OTHER_PASSWORD not in str(dict(row))
