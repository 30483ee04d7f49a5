"""Erasing an account. If one failed, somebody who asked to be forgotten could still be read, signed in as or
acted for, or an organisation would be left without an owner.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.identity import Who
from domain.ids import OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import Permission, Role
from services.keys.keys import Issued, Wanted
from services.organisations.models import NewInvitation, NewOrganisation, OrganisationView
from services.users.erasure import Erasure
from services.users.models import Confirmation, SignIn
from services.users.people import lookup_of
from services.vault import CACHED_MS, Unreadable, Vault
from storage.api_tokens import TokenKind
from storage.audit_log import sealing_key
from storage.audit_verification import verify
from storage.person_keys import PersonKeys
from storage.postgres import Pool, close_pool, create_pool
from tests.mailbox import text_of
from tests.people import PASSWORD, Person
from tests.services.users.conftest import ORIGIN, House
from tests.services.users.test_sign_up import code_of

LONG_MS = 3_600_000


async def proven(house: House, person: Person) -> tuple[Who, str]:
    """Somebody signed in who has just shown who they are, and the session's token."""
    identity, token = await house.signed_in(person.email)
    fresh = msgspec.structs.replace(identity, stepped_up_until_ms=house.clock() + LONG_MS)
    return Who(fresh, ORIGIN), token


async def organisation(house: House, owner: Who, slug: str) -> OrganisationId:
    wanted = NewOrganisation(name=f"The {slug}", slug=slug)
    made = await house.people.organisations.organisations.create(owner, wanted, house.clock())
    assert isinstance(made, OrganisationView), made
    return OrganisationId(ids.parse(ids.ORGANISATION, made.id))


async def join(house: House, organisation_id: OrganisationId, person: Person, role: Role) -> None:
    await house.pool.execute(
        """
        INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
        VALUES (gen_random_uuid(), $1, $2, $3, now())
        """,
        organisation_id,
        person.user_id,
        role.value,
    )


async def everything(house: House, person: Person) -> dict[str, int]:
    """How many rows are there of somebody, as one statement sees them."""
    row = await house.pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM users WHERE user_id = $1) AS users,
            (SELECT count(*) FROM users WHERE email_lookup = $2) AS address,
            (SELECT count(*) FROM sessions WHERE user_id = $1 OR buyer_id = $3) AS sessions,
            (SELECT count(*) FROM account_tokens WHERE user_id = $1) AS tokens,
            (SELECT count(*) FROM totp WHERE user_id = $1) AS totp,
            (SELECT count(*) FROM recovery_codes WHERE user_id = $1) AS codes,
            (SELECT count(*) FROM passkeys WHERE user_id = $1) AS passkeys,
            (SELECT count(*) FROM members WHERE user_id = $1) AS members,
            (SELECT count(*) FROM invitations WHERE invited_by = $1 OR email_hash = $2) AS invitations,
            (SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL) AS keys,
            (SELECT count(*) FROM user_buyers WHERE user_id = $1) AS buyers,
            (SELECT count(*) FROM person_keys WHERE person_id IN ($1, $3) AND wrapped IS NOT NULL) AS sealed
        """,
        person.user_id,
        lookup_of(house.vault, person.email),
        person.buyer_id,
    )
    assert row is not None
    return dict(row)


async def settled(house: House, person: Person) -> Who:
    """Give somebody one of everything, and return them with a fresh proof."""
    who, _ = await proven(house, person)
    pool = house.pool
    guest_token, guest = await house.guest()
    await pool.execute("INSERT INTO user_buyers VALUES ($1, $2)", guest, person.user_id)
    for buyer_id in (guest, person.buyer_id):
        await house.vault.seal(buyer_id, "order_answers", "answer_sealed", "vegetarian")
    secret = await house.vault.seal(person.user_id, "totp", "secret_sealed", "secret")
    await pool.execute("INSERT INTO totp VALUES ($1, $2, true, 0, now())", person.user_id, secret)
    await pool.execute("INSERT INTO recovery_codes VALUES ($1, $2)", person.user_id, bytes(32))
    await pool.execute(
        "INSERT INTO passkeys VALUES (gen_random_uuid(), $1, $2, $3, 0, $3, now(), NULL)",
        person.user_id,
        person.user_id,
        secret,
    )
    await pool.execute(
        """
        INSERT INTO account_tokens (token_hash, purpose, user_id, expires_at)
        VALUES (sha256($1::uuid::text::bytea), 'password_reset', $1, now() + interval '1 hour')
        """,
        person.user_id,
    )
    other, _ = await proven(house, await house.people.add())
    organisation_id = await organisation(house, other, f"shared-{person.email.partition('@')[0]}")
    await join(house, organisation_id, person, Role.ADMIN)
    keys, invitations = house.people.organisations.keys, house.people.organisations.invitations
    scopes = {TokenKind.KEY: Permission.EVENTS_READ, TokenKind.DEVICE: Permission.TICKETS_SCAN}
    for kind, scope in scopes.items():
        wanted = Wanted(kind=kind, name="Mine", scopes=frozenset({scope}), event_id=None, days=1)
        assert isinstance(await keys.issue(who, organisation_id, wanted, house.clock()), Issued)
    another = NewInvitation(email=house.address(), role=Role.VIEWER)
    assert not isinstance(await invitations.invite(who, organisation_id, another, house.clock()), Refusal)
    elsewhere = await organisation(house, other, f"else-{person.email.partition('@')[0]}")
    themselves = NewInvitation(email=person.email, role=Role.VIEWER)
    assert not isinstance(await invitations.invite(other, elsewhere, themselves, house.clock()), Refusal)
    assert await house.identity(guest_token) is not None
    await house.box.next_to(person.email)
    return who


async def test_nothing_is_left_and_nothing_can_be_read(house: House) -> None:
    person = await house.people.add(house.address())
    who = await settled(house, person)
    before = await everything(house, person)
    assert min(before.values()) >= 1, before
    kept = await house.pool.fetchrow("SELECT * FROM users WHERE user_id = $1", person.user_id)
    assert kept is not None
    buyers = await house.users.account.buyers(who.identity)
    assert len(buyers) == 2
    elsewhere = Vault(PersonKeys(house.pool), lambda: house.vault._ring, house.clock)
    opened = await elsewhere.open(person.user_id, "users", "name_sealed", kept["name_sealed"])
    assert opened == "Anna"
    assert await house.users.erasure.erase(who) is None
    after = await everything(house, person)
    assert set(after.values()) == {0}, after
    readable = await house.pool.fetchval(
        "SELECT count(*) FROM person_keys WHERE wrapped IS NOT NULL AND person_id = ANY ($1)", buyers
    )
    assert readable == 0, "what they answered as a guest can't be read either"
    # A copy of the row that somebody has opens nothing, here at once and elsewhere soon.
    with pytest.raises(Unreadable):
        await house.vault.open(person.user_id, "users", "name_sealed", kept["name_sealed"])
    house.clock.ahead_ms += CACHED_MS
    with pytest.raises(Unreadable):
        await elsewhere.open(person.user_id, "users", "name_sealed", kept["name_sealed"])
    assert "erased" in text_of(await house.box.next_to(person.email))


async def test_nothing_can_be_sealed_for_who_was_erased(house: House) -> None:
    """A request that was under way can't bring the person back under a new key, in no process."""
    person = await house.people.add()
    who = await settled(house, person)
    assert await house.users.erasure.erase(who) is None
    elsewhere = Vault(PersonKeys(house.pool), lambda: house.vault._ring, house.clock)
    for vault in (house.vault, elsewhere):
        for one in (person.user_id, person.buyer_id):
            with pytest.raises(ConnectionError, match="erased"):
                await vault.seal(one, "order_answers", "answer_sealed", "vegetarian")
    # Somebody else whose first key is made at the same moment has theirs.
    sealing = [vault.seal(each, "t", "c", "x") for each in (b"n" * 16, person.user_id)]
    found = await asyncio.gather(*sealing, return_exceptions=True)
    assert [isinstance(one, bytes) for one in found] == [True, False]


async def test_the_address_is_free_again(house: House) -> None:
    email = house.address()
    await house.sign_up(email)
    second = await house.sign_up(email)
    confirmed = await house.users.signing_up.confirm(
        Confirmation(token=second, password=PASSWORD), "", ORIGIN
    )
    assert isinstance(confirmed, tuple)
    identity, _ = await house.signed_in(email)
    proof = msgspec.structs.replace(identity, stepped_up_until_ms=house.clock() + LONG_MS)
    assert await house.users.erasure.erase(Who(proof, ORIGIN)) is None
    assert await house.pool.fetchval("SELECT count(*) FROM users") == 0, "the sign-up that waited is gone"
    failed = await house.users.signing_in.sign_in(SignIn(email=email, password=PASSWORD), "", ORIGIN)
    assert code_of(failed) is Code.SIGN_IN_FAILED
    await house.box.next_to(email)
    await house.account(email)
    again, _ = await house.signed_in(email)
    assert again.user_id != identity.user_id
    assert await house.users.account.buyers(again) != [identity.buyer_id]


async def test_a_fresh_proof_is_needed(house: House) -> None:
    identity, _ = await house.signed_in(await house.account())
    refusal = await house.users.erasure.erase(Who(identity, ORIGIN))
    assert code_of(refusal) is Code.STEP_UP_NEEDED
    stale = msgspec.structs.replace(identity, stepped_up_until_ms=house.clock())
    house.clock.ahead_ms += 1
    assert code_of(await house.users.erasure.erase(Who(stale, ORIGIN))) is Code.STEP_UP_NEEDED


async def test_the_last_owner_is_told_of_which_organisation(house: House) -> None:
    anna, ben = await house.people.add(), await house.people.add()
    who, _ = await proven(house, anna)
    alone = await organisation(house, who, "alone")
    shared = await organisation(house, who, "shared")
    await join(house, shared, ben, Role.OWNER)
    refusal = await house.users.erasure.erase(who)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.LAST_OWNER
    assert refusal.details == {"organisation": ids.text(ids.ORGANISATION, alone), "name": "The alone"}
    assert await house.users.account.me(who.identity), "nothing has happened"
    await join(house, alone, ben, Role.OWNER)
    assert await house.users.erasure.erase(who) is None
    # The organisations go on, and the other one is the last owner now.
    bens, _ = await proven(house, ben)
    assert code_of(await house.users.erasure.erase(bens)) is Code.LAST_OWNER


async def test_the_logs_say_that_it_happened_and_the_chains_are_whole(house: House) -> None:
    person = await house.people.add(name="Zebedee")
    who = await settled(house, person)
    assert await house.users.erasure.erase(who) is None
    rows = await house.pool.fetch("SELECT action, target, before::text, after::text FROM audit_entries")
    user = ids.text(ids.USER, person.user_id)
    assert [row["action"] for row in rows if row["target"] == user] == ["user.erase"]
    actions = {row["action"] for row in rows}
    assert {"member.leave", "invitation.revoke", "key.revoke", "device.revoke"} <= actions
    assert "Zebedee" not in str(rows)
    assert person.email not in str(rows)
    async with house.pool.acquire() as connection:
        verified = await verify(connection, sealing_key(), {})
    assert not verified.findings


class CutAt:
    """Runs a coroutine; once it has waited so many times, its connections are cut, as those of a process that
    dies are.
    """

    def __init__(self, work: Coroutine[Any, Any, object], pool: Pool, waits: int) -> None:
        self._work = work
        self._pool = pool
        self._waits = waits
        self.is_cut = False

    def __await__(self) -> Generator[Any, Any, object]:
        inner = self._work.__await__()
        sent: Any = None
        while True:
            if self._waits == 0:
                self.is_cut = True
                self._pool.terminate()
            self._waits -= 1
            try:
                waited = inner.send(sent)
            except StopIteration as done:
                return done.value
            sent = yield waited


async def run_until_cut(house: House, dsn: str, who: Who, waits: int) -> None:
    """Erase somebody on connections that are cut after so many waits."""
    pool = await create_pool(dsn, application_name="doomed", connections_max=1)
    shared = {name: getattr(house.users.erasure, f"_{name}") for name in _PARTS}
    cut = CutAt(Erasure(pool=pool, **shared).erase(who), pool, waits)

    async def working() -> object:
        return await cut

    try:
        assert await working() is None
    except ConnectionError:
        assert cut.is_cut
    await close_pool(pool)


_PARTS = ("accounts", "identities", "vault", "mailer", "letters", "background", "clock")


@pytest.mark.timeout(240)
async def test_dying_at_any_moment_leaves_all_or_nothing(house: House, users_dsn: str) -> None:
    """And asking again is right in either case."""
    person = await house.people.add()
    who = await settled(house, person)
    before = await everything(house, person)
    for waits in range(200):
        await run_until_cut(house, users_dsn, who, waits)
        found = await everything(house, person)
        if found == before:
            continue
        assert set(found.values()) == {0}, (waits, before, found)
        break
    else:
        pytest.fail("it never came to its end")
    assert waits > 20, "there are as many statements, each of which can be the last"
    assert await house.users.erasure.erase(who) is None
    told = await house.pool.fetch("SELECT target FROM audit_entries WHERE action = 'user.erase'")
    assert len(told) == 1, "it is written down once, however often it was begun"


async def test_what_comes_at_the_same_time_leaves_nobody_behind(house: House) -> None:
    """Joining, signing in and erasing twice, at once: whichever is first, no row of the person's stays."""
    other, _ = await proven(house, await house.people.add())
    for number in range(10):
        person = await house.people.add()
        who, _ = await proven(house, person)
        organisation_id = await organisation(house, other, f"busy-{number}")
        invitations = house.people.organisations.invitations
        invited = NewInvitation(email=person.email, role=Role.ADMIN)
        await invitations.invite(other, organisation_id, invited, house.clock())
        token = await house.box.token_to(person.email)

        async def later(turns: int, work: Coroutine[Any, Any, object]) -> object:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await work

        asked = SignIn(email=person.email, password=person.password)
        outcomes = await asyncio.gather(
            house.users.erasure.erase(who),
            later(number, house.users.erasure.erase(who)),
            later(number, invitations.accept(who, token, house.clock())),
            later(number, house.users.signing_in.sign_in(asked, "", ORIGIN)),
            return_exceptions=True,
        )
        # Who lost the race is told to come back, and finds nobody then.
        assert list(outcomes[:2]) == [None, None], outcomes
        found = await everything(house, person)
        assert set(found.values()) == {0}, (number, found, outcomes)
    told = await house.pool.fetch("SELECT target FROM audit_entries WHERE action = 'user.erase'")
    assert len(told) == 10


async def test_who_made_an_organisation_meanwhile_is_not_erased_from_under_it(house: House) -> None:
    """No organisation is ever without an owner."""
    for number in range(10):
        person = await house.people.add()
        who, _ = await proven(house, person)
        wanted = NewOrganisation(name="Late", slug=f"late-{number}")

        async def found_one(who: Who, wanted: NewOrganisation, turns: int) -> object:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await house.people.organisations.organisations.create(who, wanted, house.clock())

        await asyncio.gather(
            house.users.erasure.erase(who), found_one(who, wanted, number), return_exceptions=True
        )
    orphans = await house.pool.fetchval(
        """
        SELECT count(*) FROM organisations WHERE NOT EXISTS (
            SELECT FROM members JOIN users USING (user_id)
            WHERE members.organisation_id = organisations.organisation_id AND role = 'owner')
        """
    )
    assert orphans == 0
