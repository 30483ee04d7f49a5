"""Tokens of accounts: what is sent by mail, and what a page holds between two steps of signing in.

Only hashes are stored. A token is good for one purpose, until a time, and once: using it up is one statement,
so of two who come with one token the second finds nothing.
"""

import enum

import msgspec

from domain.ids import UserId
from storage.postgres import AnyConnection, Pool, asking


class Purpose(enum.StrEnum):
    """What a token is for."""

    SIGN_UP = "sign_up"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a purpose
    EMAIL_CHANGE = "email_change"
    SECOND_FACTOR = "second_factor"
    PASSKEY_REGISTRATION = "passkey_registration"
    PASSKEY_SIGN_IN = "passkey_sign_in"


class NewToken(msgspec.Struct, frozen=True):
    """A token to be stored. `payload` and `lookup` are the purpose's own."""

    token_hash: bytes
    purpose: Purpose
    user_id: UserId | None
    expires_at_ms: int
    payload: bytes = b""
    lookup: bytes | None = None
    tries: int = 1


class FoundToken(msgspec.Struct, frozen=True):
    """A token that is good."""

    user_id: UserId | None
    payload: bytes
    lookup: bytes | None


class AccountTokens:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def issue(
        self,
        token: NewToken,
        *,
        is_only: bool = False,
        stamp: int | None = None,
        address: bytes | None = None,
    ) -> bool:
        """Record a token; with `is_only` its user's earlier ones of this purpose end. Returns whether it is
        good: with a `stamp`, or the keyed hash of an `address`, only if that is still the user's.
        """
        async with asking(self._pool) as connection, connection.transaction():
            # Shared with others who ask: what changes now ends this token, or keeps it from being.
            is_bound = stamp is not None or address is not None
            if is_bound and not await connection.fetchval(
                """
                SELECT true FROM users
                WHERE user_id = $1 AND stamp = coalesce($2, stamp)
                    AND email_lookup = coalesce($3, email_lookup)
                FOR SHARE
                """,
                token.user_id,
                stamp,
                address,
            ):
                return False
            if is_only:
                await connection.execute(
                    "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = $2",
                    token.user_id,
                    token.purpose.value,
                )
            await insert_token(connection, token)
        return True

    async def find(self, token_hash: bytes, purpose: Purpose, now_ms: int) -> FoundToken | None:
        """Return a token without using it up."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                """
                SELECT user_id, payload, lookup FROM account_tokens
                WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
                """,
                token_hash,
                purpose.value,
                now_ms,
            )
        return None if row is None else FoundToken(*row)

    async def use(self, token_hash: bytes, purpose: Purpose, now_ms: int) -> FoundToken | None:
        """Use a token up; None if it is not good, or not any more."""
        async with asking(self._pool) as connection:
            return await use_token(connection, token_hash, purpose, now_ms)

    async def try_once(self, token_hash: bytes, purpose: Purpose, now_ms: int) -> FoundToken | None:
        """Take one of a token's tries; None if it has none left."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                """
                UPDATE account_tokens SET tries_left = tries_left - 1
                WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 AND tries_left > 0
                RETURNING user_id, payload, lookup
                """,
                token_hash,
                purpose.value,
                now_ms,
            )
        return None if row is None else FoundToken(*row)


async def insert_token(connection: AnyConnection, token: NewToken) -> None:
    """Record a token in the caller's transaction."""
    await connection.execute(
        """
        INSERT INTO account_tokens (token_hash, purpose, user_id, payload, lookup, tries_left, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        token.token_hash,
        token.purpose.value,
        token.user_id,
        token.payload,
        token.lookup,
        token.tries,
        token.expires_at_ms,
    )


async def use_token(
    connection: AnyConnection, token_hash: bytes, purpose: Purpose, now_ms: int
) -> FoundToken | None:
    """Use a token up in the caller's transaction; None if it is not good, or not any more."""
    row = await connection.fetchrow(
        """
        DELETE FROM account_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
        RETURNING user_id, payload, lookup
        """,
        token_hash,
        purpose.value,
        now_ms,
    )
    return None if row is None else FoundToken(*row)
