"""A key is a program's way in, and a device's token lies in somebody's pocket. If these fail, a key that was
taken back goes on selling, or one that may look at events changes members.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain import ids
from domain.identity import Identity, Origin, Verdict, Who
from domain.ids import BuyerId, EventId, MemberId, OrganisationId, UserId
from domain.refusals import Code, Refusal
from domain.roles import DEVICE_SCOPES, GRANTS, KEY_SCOPES, STEP_UP, Permission, Role
from services.keys.keys import KEPT_MS, TOUCHED_EVERY_MS, Issued, Keys, Tokens, Wanted
from services.models import PageQuery
from storage import members
from storage.api_tokens import FORGOTTEN_AFTER_MS, TokenKind, forget_dead
from storage.members import Member
from storage.postgres import Pool, asking, close_pool, create_pool

NOW_MS = 1_800_000_000_000
OURS, THEIRS = OrganisationId(b"o" * 16), OrganisationId(b"t" * 16)
ANNA = UserId(b"a" * 16)
SCOPES = frozenset({Permission.EVENTS_READ, Permission.ORDERS_READ})


class Stage:
    """Two gateways on one database, and a clock."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.now_ms = NOW_MS
        self.numbers = iter(range(1, 10_000))
        self.here, self.there = [Keys(pool, lambda: self.now_ms, self.new_id) for _ in range(2)]
        self.anna = Who(Identity(user_id=ANNA, buyer_id=BuyerId(ANNA)), Origin("192.0.2.1", "test"))

    def new_id(self) -> bytes:
        return ids.uuid7(self.now_ms, next(self.numbers))

    async def issue(
        self,
        kind: TokenKind = TokenKind.KEY,
        scopes: frozenset[Permission] = SCOPES,
        event_id: EventId | None = None,
        organisation_id: OrganisationId = OURS,
    ) -> Issued | Refusal:
        wanted = Wanted(kind, "Website", scopes, event_id, 30)
        return await self.here.issue(self.anna, organisation_id, wanted, self.now_ms)


@pytest.fixture
async def stage(migrated_dsn: str) -> AsyncIterator[Stage]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=8)
    await pool.execute(
        """
        INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
            password_hash, created_at, updated_at)
        VALUES ($1, $1, 'active', sha256(''), '', '', 'en', '', now(), now())
        """,
        ANNA,
    )
    for organisation_id in (OURS, THEIRS):
        await pool.execute(
            """
            WITH organisation AS (
                INSERT INTO organisations (organisation_id, name, slug)
                VALUES ($1, 'n', encode(uuid_send($1), 'hex'))
                RETURNING organisation_id)
            INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
            SELECT $1, organisation_id, encode(uuid_send($1), 'hex'), 't', 'EUR', now() FROM organisation
            """,
            organisation_id,
        )
    stage = Stage(pool)
    async with asking(pool) as connection:
        await members.insert(connection, Member(MemberId(b"m" * 16), OURS, ANNA, Role.OWNER, None, 1, NOW_MS))
    yield stage
    await close_pool(pool)


def test_what_keys_may_is_less_than_what_their_roles_may() -> None:
    """A key is judged by a role and its scopes; a scope that the role lacks would be worth nothing."""
    assert GRANTS[Role.ADMIN] >= KEY_SCOPES
    assert GRANTS[Role.SCANNER] >= DEVICE_SCOPES
    assert not KEY_SCOPES & (STEP_UP | {Permission.MEMBERS_MANAGE, Permission.KEYS_MANAGE})


async def test_a_key_is_its_organisations_within_its_scopes(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)
    identity = await stage.there.of_key(made.token)
    assert identity is not None
    assert identity.user_id is None
    assert identity.api_key_id == made.stored.token_id
    for permission in Permission:
        if permission in GRANTS[Role.OWNER]:
            allowed = identity.judge(permission, OURS) is Verdict.ALLOWED
            assert allowed == (permission in SCOPES)
            assert identity.judge(permission, THEIRS) is Verdict.HIDDEN


async def test_a_device_scans_the_one_event_it_is_for(stage: Stage) -> None:
    made = await stage.issue(TokenKind.DEVICE, DEVICE_SCOPES, EventId(OURS))
    assert isinstance(made, Issued)
    identity = await stage.here.of_key(made.token)
    assert identity is not None
    assert identity.device_id == made.stored.token_id
    assert identity.judge(Permission.TICKETS_SCAN, OURS, EventId(OURS)) is Verdict.ALLOWED
    assert identity.judge(Permission.TICKETS_SCAN, OURS, EventId(b"x" * 16)) is Verdict.HIDDEN
    assert identity.judge(Permission.EVENTS_EDIT, OURS, EventId(OURS)) is Verdict.FORBIDDEN


async def test_nothing_that_is_stored_opens_anything(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)
    assert made.token.startswith(made.stored.prefix)
    assert len(made.token) - len(made.stored.prefix) > 32
    assert made.token not in repr(made)
    secret = made.token.removeprefix(made.stored.prefix)
    for table in ("api_tokens", "audit_entries"):
        for row in await stage.pool.fetch(f"SELECT * FROM {table}"):
            assert secret not in str(dict(row))
    assert await stage.here.of_key(made.stored.prefix) is None
    assert await stage.here.of_key(made.token + "x") is None
    assert await stage.here.of_key("") is None


async def test_a_revoked_key_is_refused_at_once_here_and_within_a_second_there(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)
    for gateway in (stage.here, stage.there):
        assert await gateway.of_key(made.token) is not None
    gone = await stage.here.revoke(stage.anna, OURS, TokenKind.KEY, made.stored.token_id, stage.now_ms)
    assert gone is None
    assert await stage.here.of_key(made.token) is None
    assert KEPT_MS < 1_000
    stage.now_ms += KEPT_MS
    assert await stage.there.of_key(made.token) is None
    again = await stage.here.revoke(stage.anna, OURS, TokenKind.KEY, made.stored.token_id, stage.now_ms)
    assert again == Refusal(Code.NOT_FOUND)
    actions = await stage.pool.fetch("SELECT action FROM audit_entries ORDER BY seq")
    assert [row["action"] for row in actions] == ["key.create", "key.revoke"]


async def test_another_organisation_can_not_revoke_it(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)
    token_id = made.stored.token_id
    for organisation_id, kind in ((THEIRS, TokenKind.KEY), (OURS, TokenKind.DEVICE)):
        gone = await stage.here.revoke(stage.anna, organisation_id, kind, token_id, stage.now_ms)
        assert gone == Refusal(Code.NOT_FOUND)
    assert await stage.here.of_key(made.token) is not None


async def test_keys_expire_and_end_with_their_organisation(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)
    await stage.pool.execute("UPDATE organisations SET standing = 'suspended'")
    assert await stage.here.of_key(made.token) is None
    await stage.pool.execute("UPDATE organisations SET standing = 'active'")
    stage.now_ms = made.stored.expires_at_ms - 1
    assert await stage.here.of_key(made.token) is not None
    stage.now_ms += KEPT_MS
    assert await stage.here.of_key(made.token) is None
    async with asking(stage.pool) as connection:
        assert await forget_dead(connection, stage.now_ms, 10) == 0
        assert await forget_dead(connection, stage.now_ms + FORGOTTEN_AFTER_MS, 10) == 1


async def test_last_use_is_known_to_within_a_minute(stage: Stage) -> None:
    made = await stage.issue()
    assert isinstance(made, Issued)

    async def last_used_ms() -> int | None:
        shown = await stage.here.list(OURS, TokenKind.KEY, PageQuery())
        assert isinstance(shown, Tokens)
        return shown.items[0].last_used_at_ms

    assert await last_used_ms() is None
    await stage.here.of_key(made.token)
    assert await last_used_ms() == NOW_MS
    stage.now_ms += TOUCHED_EVERY_MS - 1
    await stage.here.of_key(made.token)
    assert await last_used_ms() == NOW_MS
    stage.now_ms += KEPT_MS
    await stage.here.of_key(made.token)
    assert await last_used_ms() == stage.now_ms


async def test_who_may_not_manage_keys_any_more_makes_none(stage: Stage) -> None:
    """The route may have let them in half a second ago."""
    await stage.pool.execute("UPDATE members SET role = 'event_manager'")
    assert await stage.issue() == Refusal(Code.FORBIDDEN)
    assert isinstance(await stage.issue(TokenKind.DEVICE, DEVICE_SCOPES), Issued)
    await stage.pool.execute("DELETE FROM members")
    assert await stage.issue(TokenKind.DEVICE, DEVICE_SCOPES) == Refusal(Code.FORBIDDEN)


async def test_a_key_that_was_revoked_makes_no_device(stage: Stage) -> None:
    """The route may have let it in half a second ago; what it made then would outlive it for a year."""
    made = await stage.issue(scopes=frozenset({Permission.DEVICES_MANAGE, *DEVICE_SCOPES}))
    assert isinstance(made, Issued)
    identity = await stage.there.of_key(made.token)
    assert identity is not None
    key = Who(identity, stage.anna.origin)
    wanted = Wanted(TokenKind.DEVICE, "Gate", DEVICE_SCOPES, None, 365)
    assert isinstance(await stage.there.issue(key, OURS, wanted, stage.now_ms), Issued)
    later_ms = made.stored.expires_at_ms
    assert await stage.there.issue(key, OURS, wanted, later_ms) == Refusal(Code.FORBIDDEN)
    await stage.here.revoke(stage.anna, OURS, TokenKind.KEY, made.stored.token_id, stage.now_ms)
    assert await stage.there.issue(key, OURS, wanted, stage.now_ms) == Refusal(Code.FORBIDDEN)


async def test_keys_are_for_own_events_and_allowed_scopes(stage: Stage) -> None:
    for event_id in (EventId(THEIRS), EventId(b"x" * 16)):
        refused = await stage.issue(event_id=event_id)
        assert refused == Refusal(Code.NOT_FOUND, None, {"field": "event"})
    refused = await stage.issue(scopes=frozenset({Permission.MEMBERS_MANAGE}))
    assert refused == Refusal(Code.FORBIDDEN)


async def test_lists_come_in_parts(stage: Stage) -> None:
    made = [await stage.issue() for _ in range(5)]
    await stage.issue(TokenKind.DEVICE, DEVICE_SCOPES)
    cursor, found = None, []
    while True:
        part = await stage.here.list(OURS, TokenKind.KEY, PageQuery(limit=2, cursor=cursor))
        assert isinstance(part, Tokens)
        found += [token.token_id for token in part.items]
        cursor = part.next_cursor
        if cursor is None:
            break
    assert found == [each.stored.token_id for each in made if isinstance(each, Issued)]


async def test_many_who_make_keys_at_once_stay_within_the_limit(stage: Stage) -> None:
    results = await asyncio.gather(*(stage.issue() for _ in range(105)))
    assert sum(isinstance(result, Issued) for result in results) == 100
    assert sum(isinstance(result, Refusal) for result in results) == 5


async def test_a_key_makes_nothing_that_may_more_than_itself(stage: Stage) -> None:
    """Else a key that may make devices gives itself the tickets that it may not scan."""
    made = await stage.issue(scopes=frozenset({Permission.DEVICES_MANAGE, Permission.EVENTS_READ}))
    assert isinstance(made, Issued)
    identity = await stage.here.of_key(made.token)
    assert identity is not None
    key = Who(identity, stage.anna.origin)
    for scopes, is_refused in ((DEVICE_SCOPES, True), (frozenset({Permission.EVENTS_READ}), False)):
        wanted = Wanted(TokenKind.DEVICE, "Gate", scopes, None, 30)
        found = await stage.here.issue(key, OURS, wanted, stage.now_ms)
        assert isinstance(found, Refusal) == is_refused
        if isinstance(found, Refusal):
            assert found.code is Code.FORBIDDEN
