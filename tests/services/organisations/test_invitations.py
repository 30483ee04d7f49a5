"""An invitation lets one person in, once, as what was meant. If these fail, a forwarded mail or a link from
an old inbox gives rights over an organisation's money and people.
"""

import asyncio
import re

import pytest
from pydantic import ValidationError

from domain import ids
from domain.ids import InvitationId, MemberId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import Role
from services.models import Page, PageQuery
from services.organisations.invitations import DAILY_MAX, GOOD_FOR_MS, MEMBERS_MAX, OPEN_MAX
from services.organisations.models import InvitationView, Joined, MemberChange, NewInvitation
from storage.invitations import forget_expired
from storage.postgres import asking
from tests.services.organisations.stage import INVITATIONS_BURST, Stage, new_id


def code(result: object) -> object:
    return result.code if isinstance(result, Refusal) else result


async def test_who_accepts_is_a_member_with_that_role(stage: Stage) -> None:
    anna, ben = await stage.user("anna@example.org"), await stage.user("ben@example.org")
    organisation_id = await stage.organisation(anna)
    sent = await stage.invite(anna, organisation_id, "Ben@example.org", Role.FINANCE)
    assert isinstance(sent, InvitationView)
    token = await stage.mailbox.token_to("Ben@example.org")
    joined = await stage.invitations.accept(ben, token, stage.now_ms)
    assert isinstance(joined, Joined)
    assert (joined.name, joined.role) == ("North", Role.FINANCE)
    assert await stage.roles(ben) == [(organisation_id, Role.FINANCE)]
    assert await stage.log(organisation_id) == ["organisation.create", "invitation.create", "member.join"]
    assert code(await stage.invitations.accept(ben, token, stage.now_ms)) is Code.LINK_NOT_VALID


async def test_an_invitation_for_an_event_is_for_that_event(stage: Stage) -> None:
    anna, ben = await stage.user("anna@example.org"), await stage.user("ben@example.org")
    ours, theirs = await stage.organisation(anna, "ours"), await stage.organisation(ben, "theirs")
    events = {}
    for organisation_id in (ours, theirs):
        events[organisation_id] = new_id()
        await stage.pool.execute(
            """
            INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
            VALUES ($1, $2, encode(uuid_send($1), 'hex'), 'Fire & Ice', 'EUR', now())
            """,
            events[organisation_id],
            organisation_id,
        )
    foreign = ids.text(ids.EVENT, events[theirs])
    missing = ids.text(ids.EVENT, new_id())
    for event in (foreign, missing):
        refused = await stage.invite(anna, ours, "ben@example.org", Role.SCANNER, event)
        assert refused == Refusal(Code.NOT_FOUND, None, {"field": "event"})
    own = ids.text(ids.EVENT, events[ours])
    await stage.invite(anna, ours, "ben@example.org", Role.SCANNER, own)
    assert "Fire & Ice" in await stage.mailbox.letter_to("ben@example.org")
    await stage.invitations.accept(ben, await stage.mailbox.token_to("ben@example.org"), stage.now_ms)
    assert ben.identity.user_id is not None
    found = await stage.memberships.memberships_of(ben.identity.user_id)
    assert [(member.organisation_id, member.event_id) for member in found] == [
        (theirs, None),
        (ours, events[ours]),
    ]
    for role in (Role.OWNER, Role.ADMIN):
        with pytest.raises(ValidationError):
            NewInvitation(email="x@example.org", role=role, event=own)


async def test_of_many_who_use_a_link_at_once_the_one_it_is_for_joins_once(stage: Stage) -> None:
    anna, ben, eve = [await stage.user(f"{name}@example.org") for name in ("anna", "ben", "eve")]
    organisation_id = await stage.organisation(anna)
    await stage.invite(anna, organisation_id, "ben@example.org", Role.ADMIN)
    token = await stage.mailbox.token_to("ben@example.org")
    results = await asyncio.gather(
        *(stage.invitations.accept(who, token, stage.now_ms) for who in (eve, ben, eve, ben, ben))
    )
    codes = [code(result) for result in results]
    assert {codes[0], codes[2]} <= {Code.OTHER_ADDRESS, Code.LINK_NOT_VALID}
    assert sum(isinstance(result, Joined) for result in results) == 1
    assert await stage.roles(eve) == []
    assert await stage.pool.fetchval("SELECT count(*) FROM members") == 2
    assert (await stage.log(organisation_id)).count("member.join") == 1


async def test_a_link_is_void_when_taken_back_however_close(stage: Stage) -> None:
    anna, ben = await stage.user("anna@example.org"), await stage.user("ben@example.org")
    organisation_id = await stage.organisation(anna)
    sent = await stage.invite(anna, organisation_id, "ben@example.org", Role.VIEWER)
    assert isinstance(sent, InvitationView)
    token = await stage.mailbox.token_to("ben@example.org")
    joined, revoked = await asyncio.gather(
        stage.invitations.accept(ben, token, stage.now_ms),
        stage.invitations.revoke(
            anna, organisation_id, InvitationId(ids.parse(ids.INVITATION, sent.id)), stage.now_ms
        ),
    )
    assert (code(joined), code(revoked)) in [
        (Code.LINK_NOT_VALID, None),
        (joined, Code.NOT_FOUND),
    ]
    assert len(await stage.roles(ben)) == (1 if isinstance(joined, Joined) else 0)


async def test_an_old_link_is_void(stage: Stage) -> None:
    anna, ben = await stage.user("anna@example.org"), await stage.user("ben@example.org")
    organisation_id = await stage.organisation(anna)
    await stage.invite(anna, organisation_id, "ben@example.org", Role.VIEWER)
    first = await stage.mailbox.token_to("ben@example.org")
    stage.now_ms += 1
    await stage.invite(anna, organisation_id, "ben@example.org", Role.SCANNER)
    second = await stage.mailbox.token_to("ben@example.org", 2)
    assert code(await stage.invitations.accept(ben, first, stage.now_ms)) is Code.LINK_NOT_VALID
    late = stage.now_ms + GOOD_FOR_MS
    assert code(await stage.invitations.accept(ben, second, late)) is Code.LINK_NOT_VALID
    joined = await stage.invitations.accept(ben, second, late - 1)
    assert isinstance(joined, Joined)
    assert joined.role is Role.SCANNER


async def test_an_invitation_is_worth_what_its_sender_is(stage: Stage) -> None:
    """Somebody who is about to be removed could otherwise leave themselves a way back in."""
    anna, eve = await stage.user("anna@example.org"), await stage.user("eve@example.org")
    organisation_id = await stage.organisation(anna)
    admin = await stage.member(anna, organisation_id, "admin@example.org", Role.ADMIN)
    assert (
        code(await stage.invite(admin, organisation_id, "eve@example.org", Role.OWNER)) is Code.ROLE_TOO_HIGH
    )
    await stage.invite(admin, organisation_id, "eve@example.org", Role.ADMIN)
    token = await stage.mailbox.token_to("eve@example.org")
    member = await stage.member_of(organisation_id, admin)
    await stage.members.change(
        anna,
        organisation_id,
        MemberId(ids.parse(ids.MEMBER, member.id)),
        member.version,
        MemberChange(role=Role.VIEWER),
        stage.now_ms,
    )
    assert code(await stage.invitations.accept(eve, token, stage.now_ms)) is Code.LINK_NOT_VALID


async def test_a_member_is_not_invited_again(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    refused = await stage.invite(anna, organisation_id, "anna@example.org", Role.VIEWER)
    assert code(refused) is Code.ALREADY_MEMBER


async def test_nobody_is_pestered_and_nobody_writes_to_everybody(stage: Stage) -> None:
    """Anyone can make an organisation, with any name, and have us write to any address."""
    for number in range(INVITATIONS_BURST + 1):
        anna = await stage.user(f"anna{number}@example.org")
        organisation_id = await stage.organisation(anna, f"north-{number}")
        sent = await stage.invite(anna, organisation_id, "ben@example.org", Role.VIEWER)
        if number < INVITATIONS_BURST:
            assert isinstance(sent, InvitationView)
        else:
            assert code(sent) is Code.RATE_LIMITED
    invited = [
        await stage.invite(anna, organisation_id, f"{number}@example.org", Role.VIEWER)
        for number in range(DAILY_MAX)
    ]
    assert {type(sent) for sent in invited} == {InvitationView}
    for invitation in invited[:50]:
        assert isinstance(invitation, InvitationView)
        gone = InvitationId(ids.parse(ids.INVITATION, invitation.id))
        assert await stage.invitations.revoke(anna, organisation_id, gone, stage.now_ms) is None
    # Whatever else they do then, as often as they may.
    async with stage.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            """
            WITH busy AS (UPDATE audit_heads SET seq = seq + 5000 WHERE chain = $1 RETURNING seq)
            INSERT INTO audit_entries
            SELECT $1, seq - number, $2, '', 'organisation.edit', '', '{}', '{}', '', '', sha256(''),
                sha256('')
            FROM busy, generate_series(0, 4999) AS number
            """,
            organisation_id,
            stage.now_ms,
        )
    assert code(await stage.invite(anna, organisation_id, "x@example.org", Role.VIEWER)) is Code.RATE_LIMITED
    stage.now_ms += 24 * 3_600_000 + 1
    assert isinstance(await stage.invite(anna, organisation_id, "y@example.org", Role.VIEWER), InvitationView)


async def _fill(stage: Stage, organisation_id: OrganisationId, count: int) -> None:
    """Have so many more invitations, as if they had been sent over some days."""
    await stage.pool.execute(
        """
        INSERT INTO invitations
        SELECT gen_random_uuid(), organisation_id, event_id, role, uuid_send(gen_random_uuid()), email_sealed,
            sha256(uuid_send(gen_random_uuid())), invited_by, created_at, expires_at
        FROM invitations, generate_series(1, $2) WHERE organisation_id = $1
        """,
        organisation_id,
        count,
    )


async def test_as_many_are_open_as_may_be_and_one_of_them_can_be_sent_anew(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    assert isinstance(
        await stage.invite(anna, organisation_id, "ben@example.org", Role.VIEWER), InvitationView
    )
    await _fill(stage, organisation_id, OPEN_MAX - 2)
    # There is room for one of two who are invited at once.
    addresses = ("carl@example.org", "dora@example.org")
    sent = await asyncio.gather(
        *(stage.invite(anna, organisation_id, address, Role.VIEWER) for address in addresses)
    )
    assert [each for each in sent if isinstance(each, Refusal)] == [
        Refusal(Code.LIMIT_REACHED, None, {"limit": OPEN_MAX})
    ]
    # Who has lost the letter gets another; the link of the first is void, and nobody else's.
    anew = await stage.invite(anna, organisation_id, "ben@example.org", Role.FINANCE)
    assert isinstance(anew, InvitationView)
    assert await stage.pool.fetchval("SELECT count(*) FROM invitations") == OPEN_MAX
    # Of those that are refused no key stays: Anna's, and those of three who were written to.
    assert await stage.pool.fetchval("SELECT count(*) FROM person_keys") == 3
    # What has expired opens nothing, and takes nobody's place.
    stage.now_ms += GOOD_FOR_MS + 1
    assert isinstance(
        await stage.invite(anna, organisation_id, "emil@example.org", Role.VIEWER), InvitationView
    )


async def test_nobody_is_invited_to_where_there_is_no_room(stage: Stage) -> None:
    """They would come, be refused, and could do nothing about it."""
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    await stage.pool.execute(
        """
        WITH made AS (
            INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
                password_hash, created_at, updated_at)
            SELECT gen_random_uuid(), gen_random_uuid(), 'active', sha256(uuid_send(gen_random_uuid())), '',
                '', 'en', '', now(), now() FROM generate_series(1, $2)
            RETURNING user_id
        )
        INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
        SELECT gen_random_uuid(), $1, user_id, 'viewer', now() FROM made
        """,
        organisation_id,
        MEMBERS_MAX - 2,
    )
    assert isinstance(
        await stage.invite(anna, organisation_id, "ben@example.org", Role.VIEWER), InvitationView
    )
    await stage.member(anna, organisation_id, "carl@example.org", Role.VIEWER)
    refused = await stage.invite(anna, organisation_id, "dora@example.org", Role.VIEWER)
    assert refused == Refusal(Code.LIMIT_REACHED, None, {"limit": MEMBERS_MAX})
    # Ben, who was invited while there was room, waits for some, and has lost nothing.
    ben, token = await stage.user("ben@example.org"), await stage.mailbox.token_to("ben@example.org")
    assert code(await stage.invitations.accept(ben, token, stage.now_ms)) is Code.LIMIT_REACHED
    await stage.pool.execute(
        "DELETE FROM members WHERE member_id = (SELECT max(member_id::text)::uuid FROM members "
        "WHERE role = 'viewer')"
    )
    assert isinstance(await stage.invitations.accept(ben, token, stage.now_ms), Joined)


async def test_addresses_are_sealed_and_forgotten(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    await stage.invite(anna, organisation_id, "marker-7391@example.org", Role.VIEWER)
    shown = await stage.invitations.list(organisation_id, PageQuery(), stage.now_ms)
    assert isinstance(shown, Page)
    assert [invitation.email for invitation in shown.items] == ["marker-7391@example.org"]
    for table in ("invitations", "audit_entries"):
        for row in await stage.pool.fetch(f"SELECT * FROM {table}"):
            assert "marker-7391" not in str(dict(row))
    async with asking(stage.pool) as connection:
        assert await forget_expired(connection, stage.now_ms, 10) == 0
        assert await forget_expired(connection, stage.now_ms + GOOD_FOR_MS + 1, 10) == 1
    assert await stage.pool.fetchval("SELECT count(*) FROM invitations") == 0
    # Anna's is what is left.
    assert await stage.pool.fetchval("SELECT array_agg(person_id) FROM person_keys") == [
        anna.identity.user_id
    ]


async def test_the_letter_is_in_the_language_of_who_is_invited_or_else_of_who_invites(stage: Stage) -> None:
    arabic = re.compile("[\u0600-\u06ff]")
    owner, known = await stage.user("owner@example.org"), await stage.user("known@example.org")
    organisation_id = await stage.organisation(owner)
    await stage.pool.execute("UPDATE users SET locale = 'ar' WHERE user_id = $1", known.identity.user_id)
    for address, expected in (("known@example.org", True), ("nobody@example.org", False)):
        await stage.invite(owner, organisation_id, address, Role.VIEWER)
        assert bool(arabic.search(await stage.mailbox.letter_to(address))) == expected, address
    await stage.pool.execute("UPDATE users SET locale = 'ar' WHERE user_id = $1", owner.identity.user_id)
    await stage.invite(owner, organisation_id, "other@example.org", Role.VIEWER)
    assert arabic.search(await stage.mailbox.letter_to("other@example.org"))
