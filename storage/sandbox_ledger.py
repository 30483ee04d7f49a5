"""The books of the sandbox payment provider, in a schema of their own (`sandbox`).

Every entry goes by the caller's key, and doing it again gives the first answer. A key that was voided before
it was ever authorised stays voided: an authorisation that was on its way comes to nothing.
"""

import msgspec

from storage.batcher import Batcher
from storage.postgres import Pool, asking, ids_text, numbers_text, words_text

_NO_CURRENCY = "XXX"  # ISO 4217: no currency is involved


class SandboxPayment(msgspec.Struct, frozen=True):
    """A payment as the provider has it; `state` is one of authorised, declined, captured, voided."""

    reference: str
    state: str
    decline_code: str = ""


class _Authorisation(msgspec.Struct, frozen=True):
    key: bytes
    amount_minor: int
    currency: str
    declined: str


class SandboxLedger:
    """Every method raises `ConnectionError` when PostgreSQL is away, and may be repeated."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._authorising: Batcher[_Authorisation, SandboxPayment] = Batcher(self._authorise_all)
        self._capturing: Batcher[bytes, str | None] = Batcher(self._capture_all)
        self._voiding: Batcher[bytes, str] = Batcher(self._void_all)

    async def authorise(self, key: bytes, amount_minor: int, currency: str, declined: str) -> SandboxPayment:
        """Set an amount aside, or decline with the code `declined` if that is not "". Returns what is there
        for the key.
        """
        return await self._authorising.put(_Authorisation(key, amount_minor, currency, declined))

    async def capture(self, key: bytes) -> str | None:
        """Take what is authorised. Returns the state that the payment is in then, None if there is no such
        payment.
        """
        return await self._capturing.put(key)

    async def void(self, key: bytes) -> str:
        """Set what is authorised free, for good. Returns the state that the payment is in then."""
        return await self._voiding.put(key)

    async def refund(self, refund_key: bytes, key: bytes, amount_minor: int) -> bool:
        """Give back a part of what was captured. Returns False if that much is not there to be given back."""
        async with asking(self._pool) as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM sandbox.payments WHERE payment_key = $1 FOR NO KEY UPDATE", key
            )
            if await connection.fetchval(
                "SELECT true FROM sandbox.refunds WHERE refund_key = $1", refund_key
            ):
                return True
            taken = await connection.fetchval(
                """
                UPDATE sandbox.payments SET refunded_minor = refunded_minor + $2, updated_at = now()
                WHERE payment_key = $1 AND captured_minor - refunded_minor >= $2 AND $2 > 0
                RETURNING true
                """,
                key,
                amount_minor,
            )
            if taken:
                await connection.execute(
                    "INSERT INTO sandbox.refunds (refund_key, payment_key, amount_minor) VALUES ($1, $2, $3)",
                    refund_key,
                    key,
                    amount_minor,
                )
        return bool(taken)

    async def _authorise_all(self, wanted: list[_Authorisation]) -> list[SandboxPayment]:
        keys = [each.key for each in wanted]
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                INSERT INTO sandbox.payments (payment_key, amount_minor, currency, state, decline_code)
                SELECT key, amount_minor, currency,
                    CASE WHEN declined = '' THEN 'authorised' ELSE 'declined' END, declined
                FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::text[], $4::text::text[])
                    AS wanted (key, amount_minor, currency, declined)
                ON CONFLICT DO NOTHING
                RETURNING payment_key, state, decline_code
                """,
                ids_text(keys),
                numbers_text(each.amount_minor for each in wanted),
                words_text(each.currency for each in wanted),
                words_text(each.declined for each in wanted),
            )
            found = {row["payment_key"]: row for row in rows}
            if missing := [key for key in keys if key not in found]:
                rows = await connection.fetch(
                    """
                    SELECT payment_key, state, decline_code FROM sandbox.payments
                    WHERE payment_key = ANY ($1)
                    """,
                    missing,
                )
                found.update((row["payment_key"], row) for row in rows)
        return [
            SandboxPayment(reference(key), found[key]["state"], found[key]["decline_code"]) for key in keys
        ]

    async def _capture_all(self, keys: list[bytes]) -> list[str | None]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                UPDATE sandbox.payments
                SET state = 'captured', captured_minor = amount_minor, updated_at = now()
                WHERE payment_key = ANY ($1::text::uuid[]) AND state = 'authorised'
                RETURNING payment_key, state
                """,
                ids_text(sorted(keys)),
            )
            states: dict[bytes, str] = {row["payment_key"]: row["state"] for row in rows}
            if missing := [key for key in keys if key not in states]:
                rows = await connection.fetch(
                    "SELECT payment_key, state FROM sandbox.payments WHERE payment_key = ANY ($1)", missing
                )
                states.update((row["payment_key"], row["state"]) for row in rows)
        return [states.get(key) for key in keys]

    async def _void_all(self, keys: list[bytes]) -> list[str]:
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO sandbox.payments AS payment (payment_key, state, amount_minor, currency)
                SELECT key, 'voided', 0, $2 FROM unnest($1::uuid[]) AS key
                ON CONFLICT (payment_key) DO UPDATE SET state = 'voided', updated_at = now()
                    WHERE payment.state = 'authorised'
                """,
                sorted(set(keys)),
                _NO_CURRENCY,
            )
            rows = await connection.fetch(
                "SELECT payment_key, state FROM sandbox.payments WHERE payment_key = ANY ($1)", keys
            )
        states = {row["payment_key"]: row["state"] for row in rows}
        return [states[key] for key in keys]


def reference(key: bytes) -> str:
    """Return the provider's own name for the payment with a key."""
    return f"sandbox_{key.hex()}"
