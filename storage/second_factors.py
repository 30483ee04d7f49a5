"""What proves who somebody is beside their password: an authenticator app, recovery codes, passkeys.

What may be used once only is used up by one conditional statement, so that of two who come with it the second
finds nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
import msgspec

from domain.ids import PasskeyId, SessionId, UserId
from storage.account_tokens import Purpose
from storage.accounts import Told
from storage.audit_log import AuditEntry, record
from storage.journal import Refused
from storage.postgres import AnyConnection, Pool, asking
from storage.user_sessions import end_sessions

_PASSKEY: Final = (
    "passkey_id, user_id, credential_id, public_key, sign_count, name_sealed, created_at, last_used_at"
)


class Factors(msgspec.Struct, frozen=True):
    """Which second factors a user has."""

    has_totp: bool
    recovery_codes: int
    passkeys: int

    @property
    def is_any(self) -> bool:
        return self.has_totp or self.passkeys > 0


class Removed(msgspec.Struct, frozen=True):
    """What was taken away from a user: their factors, and the sessions that ended with that."""

    factors: Factors
    sessions: int


class Totp(msgspec.Struct, frozen=True):
    """An authenticator app. The secret is sealed for `totp.secret_sealed`."""

    secret_sealed: bytes
    is_confirmed: bool
    last_step: int


class Passkey(msgspec.Struct, frozen=True):
    """A passkey. Its name is sealed for `passkeys.name_sealed`."""

    passkey_id: PasskeyId
    user_id: UserId
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name_sealed: bytes
    created_at_ms: int
    last_used_at_ms: int | None


class SecondFactorStore:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of_user(self, user_id: UserId) -> Factors:
        """Return which second factors a user has."""
        async with asking(self._pool) as connection:
            return await _factors_of(connection, user_id)

    async def remove_all(self, user_id: UserId, told: Callable[[Removed], AuditEntry]) -> Removed | None:
        """Take every second factor away and end every session, and whatever sign-in is half-way; None if
        there is no factor.
        """
        async with asking(self._pool) as connection, connection.transaction():
            # Locked: who signs in now does so after this, and who was half-way has an older stamp.
            await _lock(connection, user_id)
            factors = await _factors_of(connection, user_id)
            if not factors.is_any:
                return None
            await connection.execute("UPDATE users SET stamp = stamp + 1 WHERE user_id = $1", user_id)
            for table in ("totp", "recovery_codes", "passkeys"):
                await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608
            await connection.execute(
                "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = ANY ($2)",
                user_id,
                [Purpose.SECOND_FACTOR.value, Purpose.PASSKEY_REGISTRATION.value],
            )
            removed = Removed(factors, await end_sessions(connection, user_id))
            await record(connection, told(removed))
            return removed

    # --- the app ------------------------------------------------------------------------------------------

    async def offer_totp(self, user_id: UserId, secret_sealed: bytes, now_ms: int) -> bool:
        """Keep a secret that is not confirmed yet instead of an earlier such one. False if the user has one
        that is confirmed.
        """
        async with asking(self._pool) as connection:
            return bool(
                await connection.fetchval(
                    """
                    INSERT INTO totp (user_id, secret_sealed, created_at) VALUES ($1, $2, $3)
                    ON CONFLICT (user_id) DO UPDATE
                        SET secret_sealed = excluded.secret_sealed, last_step = 0, created_at = $3
                        WHERE NOT totp.is_confirmed
                    RETURNING true
                    """,
                    user_id,
                    secret_sealed,
                    now_ms,
                )
            )

    async def totp(self, user_id: UserId) -> Totp | None:
        """Return a user's app, confirmed or not."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                "SELECT secret_sealed, is_confirmed, last_step FROM totp WHERE user_id = $1", user_id
            )
        return None if row is None else Totp(*row)

    async def use_step(self, user_id: UserId, step: int) -> bool:
        """Use up a time step and all before it; False if it is used already."""
        async with asking(self._pool) as connection:
            return bool(
                await connection.fetchval(
                    """
                    UPDATE totp SET last_step = $2
                    WHERE user_id = $1 AND is_confirmed AND last_step < $2 RETURNING true
                    """,
                    user_id,
                    step,
                )
            )

    async def confirm_totp(
        self,
        user_id: UserId,
        session_id: SessionId,
        totp: Totp,
        step: int,
        codes: Sequence[bytes],
        told: Told,
    ) -> bool:
        """Make the offered secret count, with its recovery codes; False if it is not the offered one any
        more, or the session that asks has ended.
        """
        async with asking(self._pool) as connection, connection.transaction():
            if not await _is_live(connection, user_id, session_id):
                return False
            done = await connection.fetchval(
                """
                UPDATE totp SET is_confirmed = true, last_step = $3
                WHERE user_id = $1 AND secret_sealed = $2 AND NOT is_confirmed RETURNING true
                """,
                user_id,
                totp.secret_sealed,
                step,
            )
            if done:
                await connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
                await connection.execute(
                    "INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])",
                    user_id,
                    codes,
                )
                await record(connection, told(user_id))
            return bool(done)

    async def drop_totp(self, user_id: UserId, told: Told) -> bool:
        """Forget the app and its recovery codes. Returns whether there was one that counted."""
        async with asking(self._pool) as connection, connection.transaction():
            await _lock(connection, user_id)
            had = await connection.fetchval(
                "DELETE FROM totp WHERE user_id = $1 RETURNING is_confirmed", user_id
            )
            await connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
            if had:
                await _lower(connection, user_id)
                await record(connection, told(user_id))
            return bool(had)

    async def use_recovery_code(self, user_id: UserId, code_hash: bytes) -> bool:
        """Use a recovery code up; False if there is none such."""
        async with asking(self._pool) as connection:
            return bool(
                await connection.fetchval(
                    "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 RETURNING true",
                    user_id,
                    code_hash,
                )
            )

    # --- passkeys -----------------------------------------------------------------------------------------

    async def add_passkey(self, passkey: Passkey, session_id: SessionId, count_max: int, told: Told) -> bool:
        """Keep a passkey; False if the user has as many as may be, the credential is somebody's, or the
        session that asks has ended.
        """
        try:
            async with asking(self._pool) as connection, connection.transaction():
                # One after the other: of two at once, each would be counted without the other.
                if not await _is_live(connection, passkey.user_id, session_id):
                    return False
                is_kept = await connection.fetchval(
                    """
                    INSERT INTO passkeys (passkey_id, user_id, credential_id, public_key, sign_count,
                        name_sealed, created_at, last_used_at)
                    SELECT $1, $2, $3, $4, $5, $6, $7, $8
                    WHERE (SELECT count(*) FROM passkeys WHERE user_id = $2) < $9
                    RETURNING true
                    """,
                    *msgspec.structs.astuple(passkey),
                    count_max,
                )
                if is_kept:
                    await record(connection, told(passkey.user_id))
                return bool(is_kept)
        except Refused as error:
            if isinstance(error.__cause__, asyncpg.UniqueViolationError):
                return False
            raise

    async def passkeys_of(self, user_id: UserId) -> list[Passkey]:
        """Return a user's passkeys, the oldest first."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                f"SELECT {_PASSKEY} FROM passkeys WHERE user_id = $1 ORDER BY created_at, passkey_id",  # noqa: S608
                user_id,
            )
        return [Passkey(*row) for row in rows]

    async def passkey_of_credential(self, credential_id: bytes) -> Passkey | None:
        """Return the passkey that an authenticator names."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                f"SELECT {_PASSKEY} FROM passkeys WHERE credential_id = $1",  # noqa: S608 - its columns
                credential_id,
            )
        return None if row is None else Passkey(*row)

    async def passkey_used(self, passkey: Passkey, sign_count: int, now_ms: int) -> bool:
        """Note a use. False if the counter did not go on since `passkey` was read: the key was copied, or
        the answer is shown twice. Authenticators without a counter say 0 for ever.
        """
        async with asking(self._pool) as connection:
            return bool(
                await connection.fetchval(
                    """
                    UPDATE passkeys SET sign_count = $3, last_used_at = $4
                    WHERE passkey_id = $1 AND sign_count = $2
                        AND ($3 > sign_count OR ($3 = 0 AND sign_count = 0))
                    RETURNING true
                    """,
                    passkey.passkey_id,
                    passkey.sign_count,
                    sign_count,
                    now_ms,
                )
            )

    async def drop_passkey(self, user_id: UserId, passkey_id: PasskeyId, told: Told) -> bool:
        """Forget a passkey. Returns whether there was one."""
        async with asking(self._pool) as connection, connection.transaction():
            await _lock(connection, user_id)
            is_gone = await connection.fetchval(
                "DELETE FROM passkeys WHERE user_id = $1 AND passkey_id = $2 RETURNING true",
                user_id,
                passkey_id,
            )
            if is_gone:
                await _lower(connection, user_id)
                await record(connection, told(user_id))
            return bool(is_gone)


async def _lock(connection: AnyConnection, user_id: UserId) -> None:
    await connection.execute("SELECT FROM users WHERE user_id = $1 FOR UPDATE", user_id)


async def _is_live(connection: AnyConnection, user_id: UserId, session_id: SessionId) -> bool:
    """Lock a user, and say whether a session of theirs is still there. What a gateway knows of it may be half
    a second old, and who has just been signed out must not add what lets them in again.
    """
    await _lock(connection, user_id)
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM sessions WHERE session_id = $1 AND user_id = $2)", session_id, user_id
    )
    return found


async def _lower(connection: AnyConnection, user_id: UserId) -> None:
    """Where a user has no factor any more, make no session of theirs count as one with a factor."""
    if not (await _factors_of(connection, user_id)).is_any:
        await connection.execute("UPDATE sessions SET with_second_factor = false WHERE user_id = $1", user_id)


async def _factors_of(connection: AnyConnection, user_id: UserId) -> Factors:
    row = await connection.fetchrow(
        """
        SELECT EXISTS (SELECT FROM totp WHERE user_id = $1 AND is_confirmed),
            (SELECT count(*) FROM recovery_codes WHERE user_id = $1),
            (SELECT count(*) FROM passkeys WHERE user_id = $1)
        """,
        user_id,
    )
    assert row is not None
    return Factors(*row)
