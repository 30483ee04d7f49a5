"""Taking a person out of the record (docs/decisions/erasure.md): what is theirs goes, and what others keep,
such as orders, loses who it was.

Functions take the connection of one transaction, under the owner's role, which sees all organisations.
"""

from collections.abc import Sequence

import msgspec

from domain.ids import BuyerId, OrganisationId, SessionId, UserId
from storage.api_tokens import COLUMNS as TOKEN_COLUMNS
from storage.api_tokens import ApiToken, token_of
from storage.invitations import COLUMNS as INVITATION_COLUMNS
from storage.invitations import Invitation, invitation_of
from storage.members import COLUMNS as MEMBER_COLUMNS
from storage.members import Member, members_of
from storage.person_keys import forget_people
from storage.postgres import AnyConnection
from storage.user_sessions import note_ended

# Keys that a person made, and what those keys made in turn.
_MADE = """
    revoked_at IS NULL AND (created_by = $1
        OR created_by = ANY (ARRAY(SELECT token_id FROM api_tokens AS keys WHERE keys.created_by = $1)))
"""
_INVITED = "invited_by = $1 OR email_hash = (SELECT email_lookup FROM users WHERE user_id = $1)"


class Ties(msgspec.Struct, frozen=True):
    """What tied somebody to organisations, and is gone."""

    members: Sequence[Member]
    invitations: Sequence[Invitation]
    tokens: Sequence[ApiToken]


class Gone(msgspec.Struct, frozen=True):
    """Who is not there any more: whose keys are gone from the vault, and the sessions that have ended."""

    people: Sequence[bytes]
    sessions: Sequence[SessionId]


async def organisations_around(connection: AnyConnection, user_id: UserId) -> set[OrganisationId]:
    """Return the organisations that somebody has to do with: roles, invitations either way, keys."""
    rows = await connection.fetch(
        f"""
        SELECT organisation_id FROM members WHERE user_id = $1
        UNION SELECT organisation_id FROM invitations WHERE {_INVITED}
        UNION SELECT organisation_id FROM api_tokens WHERE {_MADE}
        """,  # noqa: S608 - conditions of this module
        user_id,
    )
    return {row["organisation_id"] for row in rows}


async def lock_user(connection: AnyConnection, user_id: UserId) -> bool:
    """Keep everybody waiting who would open a session or add anything to an account, and say whether it is
    there. After the organisations: who joins one has it locked when they get here.
    """
    return bool(
        await connection.fetchval(
            "SELECT true FROM users WHERE user_id = $1 AND state = 'active' FOR UPDATE", user_id
        )
    )


async def owned_alone(connection: AnyConnection, user_id: UserId) -> tuple[OrganisationId, str] | None:
    """Return one of the organisations that would have no owner without somebody, and its name. One that is
    closed needs none.
    """
    row = await connection.fetchrow(
        """
        SELECT organisation_id, name FROM members JOIN organisations USING (organisation_id)
        WHERE user_id = $1 AND role = 'owner' AND standing <> 'closed' AND NOT EXISTS (
            SELECT FROM members AS others
            WHERE others.organisation_id = members.organisation_id AND others.role = 'owner'
                AND others.user_id <> $1)
        ORDER BY name, organisation_id LIMIT 1
        """,
        user_id,
    )
    return None if row is None else (row["organisation_id"], row["name"])


async def cut_ties(connection: AnyConnection, user_id: UserId, now_ms: int) -> Ties:
    """Take somebody out of all organisations, with what they were sent, sent and made there."""
    members = await connection.fetch(
        f"DELETE FROM members WHERE user_id = $1 RETURNING {MEMBER_COLUMNS}",  # noqa: S608 - its columns
        user_id,
    )
    invitations = await connection.fetch(
        f"DELETE FROM invitations WHERE {_INVITED} RETURNING {INVITATION_COLUMNS}",  # noqa: S608
        user_id,
    )
    tokens = await connection.fetch(
        f"UPDATE api_tokens SET revoked_at = $2 WHERE {_MADE} RETURNING {TOKEN_COLUMNS}",  # noqa: S608
        user_id,
        now_ms,
    )
    await connection.execute(
        "DELETE FROM person_keys WHERE person_id = ANY ($1)", [row["invitation_id"] for row in invitations]
    )
    return Ties(members_of(members), [*map(invitation_of, invitations)], [*map(token_of, tokens)])


async def erase_user(connection: AnyConnection, user_id: UserId) -> Gone:
    """Delete an account with everything that refers to it, destroy the keys of all that the person was, and
    end their sessions: a browser that is still their guest's, too.
    """
    buyers: list[BuyerId] = [
        row["buyer_id"]
        for row in await connection.fetch(
            """
            SELECT buyer_id FROM user_buyers WHERE user_id = $1
            UNION SELECT buyer_id FROM users WHERE user_id = $1
            """,
            user_id,
        )
    ]
    sessions = await connection.fetch(
        "DELETE FROM sessions WHERE user_id = $1 OR buyer_id = ANY ($2) RETURNING session_id", user_id, buyers
    )
    ended: list[SessionId] = [row["session_id"] for row in sessions]
    await note_ended(connection, ended)
    await connection.execute("DELETE FROM platform_members WHERE user_id = $1", user_id)
    await connection.execute("DELETE FROM suspended_users WHERE user_id = $1", user_id)
    # Sign-ups that wait under the same address are the same person's, or nobody's.
    unconfirmed = await connection.fetch(
        """
        DELETE FROM users
        WHERE state = 'unconfirmed' AND email_lookup = (SELECT email_lookup FROM users WHERE user_id = $1)
        RETURNING user_id
        """,
        user_id,
    )
    await connection.execute("DELETE FROM users WHERE user_id = $1", user_id)
    people = [user_id, *buyers, *(row["user_id"] for row in unconfirmed)]
    await forget_people(connection, people)
    return Gone(people, ended)
