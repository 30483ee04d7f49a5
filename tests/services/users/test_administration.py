"""Accounts from the command line. If these failed, there would be no first administrator, or no owner of the
demo to sign in as.
"""

import json

from domain.roles import PlatformRole, Role
from services.users.administration import UserAdministration
from tests.people import PASSWORD, fresh
from tests.services.users.conftest import House
from tests.storage.rows import add_event


async def test_an_account_becomes_an_administrator(house: House) -> None:
    administration = UserAdministration(house.pool, house.vault, house.passwords, house.clock, fresh)
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


async def test_an_owner_is_made_once(house: House) -> None:
    administration = UserAdministration(house.pool, house.vault, house.passwords, house.clock, fresh)
    event_id = fresh()
    await add_event(house.pool, event_id, house.clock())  # type: ignore[arg-type]
    slug = await house.pool.fetchval("SELECT slug FROM events WHERE event_id = $1", event_id)
    email = house.address()
    for _ in range(2):
        assert await administration.add(email, "Demo", PASSWORD, slug) == ""
    await house.sign_in(email)
    rows = await house.pool.fetch("SELECT role FROM members")
    assert [row["role"] for row in rows] == [Role.OWNER.value]
    assert "no event" in await administration.add(email, "Demo", PASSWORD, "no-such-event")
    assert "good enough" in await administration.add(house.address(), "Demo", "short")
    assert "can't be used" in await administration.add("no address", "Demo", PASSWORD)
