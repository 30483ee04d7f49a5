"""Accounts: who they belong to, and which buyers are theirs.

Personal values come sealed and leave sealed; an address is found by its keyed hash. What ends a user's
sessions (`stamp`) is done in the transaction that makes it necessary.
"""

import enum
from collections.abc import Callable
from typing import Final

import asyncpg
import msgspec

from domain.ids import BuyerId, SessionId, UserId
from storage.account_tokens import NewToken, Purpose, insert_token, use_token
from storage.audit_log import AuditEntry, record
from storage.journal import Refused
from storage.postgres import AnyConnection, Pool, asking
from storage.user_sessions import end_sessions

_COLUMNS: Final = (
    "user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale, password_hash, stamp, version"
)
UNCONFIRMED_KEPT_MS: Final = 2 * 24 * 3_600_000


# Makes the entry of the audit log for a change that a user made, in whose transaction it is written.
Told = Callable[[UserId], AuditEntry]


class UserState(enum.StrEnum):
    """Where an account is in its life."""

    UNCONFIRMED = "unconfirmed"
    ACTIVE = "active"


class User(msgspec.Struct, frozen=True):
    """An account as it is stored.

    Attributes:
        buyer_id: under which this user's sessions buy.
        email_lookup: keyed hash of the address.
        email_sealed, name_sealed: sealed for the table `users` and the columns of these names.
        stamp: goes up with everything that ends the user's sessions.
    """

    user_id: UserId
    buyer_id: BuyerId
    state: UserState
    email_lookup: bytes
    email_sealed: bytes
    name_sealed: bytes
    locale: str
    password_hash: str
    stamp: int = 1
    version: int = 1


class Accounts:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sign_up(self, user: User, token: NewToken, now_ms: int) -> None:
        """Record a sign-up that waits for its confirmation."""
        async with asking(self._pool) as connection, connection.transaction():
            await _insert(connection, user, now_ms)
            await insert_token(connection, token)

    async def create(self, user: User, now_ms: int) -> bool:
        """Record an account that needs no confirmation. Returns whether the address was free."""
        try:
            async with asking(self._pool) as connection, connection.transaction():
                await _insert(connection, user, now_ms)
                await _own_buyer(connection, user.user_id, user.buyer_id)
        except Refused as error:
            if is_taken(error):
                return False
            raise
        return True

    async def confirm(self, token_hash: bytes, spare_buyer: BuyerId, now_ms: int, told: Told) -> User | None:
        """Use a sign-up's token up and make the account active; None if the token is not good any more or
        somebody else confirmed the address first.

        A guest whose buyer has become another user's meanwhile gets `spare_buyer`.
        """
        try:
            async with asking(self._pool) as connection, connection.transaction():
                token = await use_token(connection, token_hash, Purpose.SIGN_UP, now_ms)
                if token is None or token.user_id is None:
                    return None
                user = await _one(
                    connection,
                    f"""
                    UPDATE users SET state = 'active', updated_at = $2
                    WHERE user_id = $1 AND state = 'unconfirmed' RETURNING {_COLUMNS}
                    """,  # noqa: S608 - the columns of this module
                    token.user_id,
                    now_ms,
                )
                if user is None:
                    return None
                if not await _own_buyer(connection, user.user_id, user.buyer_id):
                    await _own_buyer(connection, user.user_id, spare_buyer)
                    await connection.execute(
                        "UPDATE users SET buyer_id = $2 WHERE user_id = $1", user.user_id, spare_buyer
                    )
                    user = msgspec.structs.replace(user, buyer_id=spare_buyer)
                await record(connection, told(user.user_id))
                return user
        except Refused as error:
            if is_taken(error):
                return None
            raise

    async def find(self, user_id: UserId) -> User | None:
        """Return an active account."""
        async with asking(self._pool) as connection:
            return await _one(
                connection,
                f"SELECT {_COLUMNS} FROM users WHERE user_id = $1 AND state = 'active'",  # noqa: S608
                user_id,
            )

    async def find_waiting(self, user_id: UserId) -> User | None:
        """Return an account whose address nobody has confirmed."""
        async with asking(self._pool) as connection:
            return await _one(
                connection,
                f"SELECT {_COLUMNS} FROM users WHERE user_id = $1 AND state = 'unconfirmed'",  # noqa: S608
                user_id,
            )

    async def find_by_email(self, email_lookup: bytes) -> User | None:
        """Return the active account of an address."""
        async with asking(self._pool) as connection:
            return await _one(
                connection,
                f"SELECT {_COLUMNS} FROM users WHERE email_lookup = $1 AND state = 'active'",  # noqa: S608
                email_lookup,
            )

    async def buyers_of(self, user_id: UserId) -> list[BuyerId]:
        """Return all buyers that a user is or was."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch("SELECT buyer_id FROM user_buyers WHERE user_id = $1", user_id)
        return [row["buyer_id"] for row in rows]

    async def change_profile(
        self,
        user_id: UserId,
        version: int,
        name_sealed: bytes | None,
        locale: str | None,
        now_ms: int,
        told: Told,
    ) -> User | None:
        """Change what is given of name and language; None if `version` is not the newest any more."""
        async with asking(self._pool) as connection, connection.transaction():
            user = await _one(
                connection,
                f"""
                UPDATE users SET name_sealed = coalesce($3, name_sealed), locale = coalesce($4, locale),
                    version = version + 1, updated_at = $5
                WHERE user_id = $1 AND version = $2 AND state = 'active' RETURNING {_COLUMNS}
                """,  # noqa: S608 - the columns of this module
                user_id,
                version,
                name_sealed,
                locale,
                now_ms,
            )
            if user is not None:
                await record(connection, told(user_id))
            return user

    async def change_password(
        self, user: User, password_hash: str, kept_session: SessionId | None, now_ms: int, told: Told
    ) -> bool:
        """Replace the password that `user` was read with, and end all other sessions. False if somebody else
        was faster.
        """
        async with asking(self._pool) as connection, connection.transaction():
            changed = await _set_password(connection, user.user_id, password_hash, user.stamp, now_ms)
            if changed:
                await end_sessions(connection, user.user_id, kept_session)
                await record(connection, told(user.user_id))
            return changed

    async def rehash(self, user: User, password_hash: str) -> None:
        """Store the same password under today's parameters; it ends nothing."""
        async with asking(self._pool) as connection:
            await connection.execute(
                "UPDATE users SET password_hash = $3 WHERE user_id = $1 AND stamp = $2",
                user.user_id,
                user.stamp,
                password_hash,
            )

    async def reset_password(
        self, token_hash: bytes, password_hash: str, now_ms: int, told: Told
    ) -> UserId | None:
        """Use a reset's token up, replace the password and end every session; None if the token is not good
        any more.
        """
        async with asking(self._pool) as connection, connection.transaction():
            token = await use_token(connection, token_hash, Purpose.PASSWORD_RESET, now_ms)
            if token is None or token.user_id is None:
                return None
            if not await _set_password(connection, token.user_id, password_hash, None, now_ms):
                return None
            await end_sessions(connection, token.user_id, None)
            await record(connection, told(token.user_id))
            return token.user_id

    async def change_email(self, token_hash: bytes, now_ms: int, told: Told) -> tuple[User, User] | None:
        """Use an e-mail change's token up; returns the account before and after, None if the token is not
        good any more or somebody has the address.

        The token's payload is the address, sealed for `users.email_sealed`, and its lookup the keyed hash.
        """
        try:
            async with asking(self._pool) as connection, connection.transaction():
                token = await use_token(connection, token_hash, Purpose.EMAIL_CHANGE, now_ms)
                if token is None or token.user_id is None or token.lookup is None:
                    return None
                before = await _one(
                    connection,
                    f"SELECT {_COLUMNS} FROM users WHERE user_id = $1 AND state = 'active' FOR UPDATE",  # noqa: S608
                    token.user_id,
                )
                after = await _one(
                    connection,
                    f"""
                    UPDATE users SET email_lookup = $2, email_sealed = $3, version = version + 1,
                        updated_at = $4
                    WHERE user_id = $1 AND state = 'active' RETURNING {_COLUMNS}
                    """,  # noqa: S608 - the columns of this module
                    token.user_id,
                    token.lookup,
                    token.payload,
                    now_ms,
                )
                # Links that were sent to the old address must not open the account any more.
                await connection.execute(
                    "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = 'password_reset'",
                    token.user_id,
                )
                if before is None or after is None:
                    return None
                await record(connection, told(token.user_id))
                return before, after
        except Refused as error:
            if is_taken(error):
                return None
            raise


def is_taken(error: BaseException | None) -> bool:
    """Say whether an error means that another account has the address."""
    while error is not None:
        if isinstance(error, asyncpg.UniqueViolationError):
            return error.constraint_name == "users_email"
        error = error.__cause__
    return False


async def forget_unconfirmed(connection: AnyConnection, before_ms: int, limit: int) -> int:
    """Delete sign-ups from before a time that nobody confirmed, with the keys of their persons."""
    # The state is looked at once more when the row is locked: it may just have been confirmed.
    gone: int = await connection.fetchval(
        """
        WITH gone AS (
            DELETE FROM users WHERE user_id = ANY (ARRAY(
                SELECT user_id FROM users WHERE state = 'unconfirmed' AND created_at < $1 LIMIT $2))
                AND state = 'unconfirmed'
            RETURNING user_id),
        keys AS (DELETE FROM person_keys USING gone WHERE person_id = user_id)
        SELECT count(*) FROM gone
        """,
        before_ms,
        limit,
    )
    return gone


async def _insert(connection: AnyConnection, user: User, now_ms: int) -> None:
    await connection.execute(
        f"""
        INSERT INTO users ({_COLUMNS}, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
        """,  # noqa: S608 - the columns of this module
        *msgspec.structs.astuple(user),
        now_ms,
    )


async def _own_buyer(connection: AnyConnection, user_id: UserId, buyer_id: BuyerId) -> bool:
    """Make a buyer a user's, unless it is somebody's. Returns whether it is this user's now."""
    owner = await connection.fetchval(
        """
        INSERT INTO user_buyers (buyer_id, user_id) VALUES ($1, $2)
        ON CONFLICT (buyer_id) DO UPDATE SET user_id = user_buyers.user_id RETURNING user_id
        """,
        buyer_id,
        user_id,
    )
    return bool(owner == user_id)


async def _set_password(
    connection: AnyConnection, user_id: UserId, password_hash: str, stamp: int | None, now_ms: int
) -> bool:
    changed = await connection.fetchval(
        """
        UPDATE users SET password_hash = $2, stamp = stamp + 1, updated_at = $4
        WHERE user_id = $1 AND state = 'active' AND stamp = coalesce($3, stamp) RETURNING true
        """,
        user_id,
        password_hash,
        stamp,
        now_ms,
    )
    if changed:
        # Whoever was half-way through signing in with the old password, was sent a link to replace it, or has
        # asked with it to make the account's address another.
        ended = (Purpose.PASSWORD_RESET, Purpose.SECOND_FACTOR, Purpose.EMAIL_CHANGE)
        await connection.execute(
            "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = ANY ($2)",
            user_id,
            [purpose.value for purpose in ended],
        )
    return bool(changed)


async def _one(connection: AnyConnection, statement: str, *arguments: object) -> User | None:
    row = await connection.fetchrow(statement, *arguments)
    return None if row is None else User(row[0], row[1], UserState(row[2]), *row[3:])
