"""Connections to PostgreSQL, and what an error on one says about the transaction.

Every connection made here speaks the types of the domain: `uuid` is 16 raw bytes, `timestamptz` is int
milliseconds since the epoch. Statements are prepared once per connection and planned once
(`force_generic_plan`).

The planner's choices are narrowed on purpose. All statements of the running platform reach rows through an
index (`tests/storage/test_plans.py`), but a plan made while a table was still empty would be a sequential
scan, stay cached, and get slower with every row sold until the next ANALYZE. Reports and audits, which do
scan, use `connect` and keep the planner's freedom.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from storage.journal import Refused, Unknown

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    AnyConnection: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    )
else:
    Pool, Connection, AnyConnection = asyncpg.Pool, asyncpg.Connection, Any

_POSTGRES_EPOCH_MS: Final = 946_684_800_000
_POINT_STATEMENTS: Final = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
# Who waits for longer than a connection takes to be made waits for somebody who waits for them, or in a queue
# that has no end.
_ACQUIRE_S: Final = 5.0
_RELEASE_S: Final = 3.0
_MAYBE_COMMITTED: Final = ("08", "57")
# A transaction that another one was in the way of, a server that is full or was just now made a standby, a
# lock that was not to be had: the same statement may go through in a moment.
_PASSING: Final = ("25006", "40", "53", "55")


async def create_pool(
    dsn: str,
    *,
    application_name: str,
    connections_min: int = 1,
    connections_max: int = 4,
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 10_000,
) -> Pool:
    """Return a pool for the point statements of the running platform.

    The application name is shown in `pg_stat_activity`, so that every connection says whose it is. The server
    gives up after the statement timeout; the client does a second later, which only a server that is gone
    lets happen.

    Raises:
        ConnectionError: there is no server, or it lets nobody in.
    """
    with unreachable():
        return await asyncpg.create_pool(
            dsn,
            min_size=connections_min,
            max_size=connections_max,
            max_inactive_connection_lifetime=0,
            max_queries=2**62,
            timeout=connect_timeout_s,
            command_timeout=statement_timeout_ms / 1000 + 1,
            init=speak_domain_types,
            reset=_keep_session,
            server_settings={
                "application_name": application_name,
                "statement_timeout": str(statement_timeout_ms),
                "idle_in_transaction_session_timeout": str(statement_timeout_ms),
                **_POINT_STATEMENTS,
            },
        )


async def connect(dsn: str, *, application_name: str, connect_timeout_s: float = 5.0) -> Connection:
    """Return one connection that is free to scan, sort and take its time. Raises `ConnectionError`."""
    with unreachable():
        connection: Connection = await asyncpg.connect(
            dsn, timeout=connect_timeout_s, server_settings={"application_name": application_name}
        )
    await speak_domain_types(connection)
    return connection


async def speak_domain_types(connection: AnyConnection) -> None:
    """Make a connection carry identifiers as 16 bytes and times as milliseconds."""
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_ms, decoder=_decode_ms, format="tuple"
    )


def ids_text(identifiers: Iterable[bytes]) -> str:
    """Return identifiers as the text of an array, for a parameter that is cast: `$1::text::uuid[]`.

    The driver asks of every element of a list whether it is a list itself, and encodes it by a call into
    Python; in batches of hundreds that took more of the processor than all else that is done for a statement.
    """
    return "{" + ",".join([identifier.hex() for identifier in identifiers]) + "}"


def numbers_text(numbers: Iterable[int]) -> str:
    """The same for numbers."""
    return "{" + ",".join(map(str, numbers)) + "}"


def words_text(words: Iterable[str]) -> str:
    """The same for texts of any kind: in quotes, in which only quotes and backslashes mean anything."""
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    return "{" + ",".join(quoted) + "}"


def _encode_ms(at_ms: int) -> tuple[int]:
    return ((at_ms - _POSTGRES_EPOCH_MS) * 1000,)


def _decode_ms(value: tuple[int]) -> int:
    return value[0] // 1000 + _POSTGRES_EPOCH_MS


async def close_pool(pool: Pool, timeout_s: float = 5.0) -> None:
    """Close a pool; connections that are not given back in time are cut.

    A statement that is cancelled while it runs gives its connection back only when the server has confirmed,
    and nobody can say when that will be.
    """
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pool.close(), timeout_s)
    pool.terminate()


async def _keep_session(connection: AnyConnection) -> None:
    """asyncpg's own reset is a round trip after every use; nothing here changes session state that would need
    one.
    """


@asynccontextmanager
async def using(pool: Pool) -> AsyncIterator[AnyConnection]:
    """Lend a connection for statements whose outcome the caller wants to know.

    Who has one must not ask for a second before giving it back: as many as there are connections, each with
    one, would wait for each other.

    Raises:
        ConnectionError: no connection was to be had in time: nothing was sent.
        Refused, Unknown: see `outcome`.
    """
    with unreachable():
        async with asyncio.timeout(_ACQUIRE_S):
            connection = await pool.acquire()
    try:
        with outcome():
            yield connection
    finally:
        # After a cancelled statement this waits until the server has confirmed, and it may never do so; past
        # the timeout the connection is cut, and its place in the pool is free.
        with contextlib.suppress(TimeoutError):
            await pool.release(connection, timeout=_RELEASE_S)


@asynccontextmanager
async def asking(pool: Pool) -> AsyncIterator[AnyConnection]:
    """Lend a connection for statements that may be repeated at will: `Unknown` is just another
    `ConnectionError`.
    """
    try:
        async with using(pool) as connection:
            yield connection
    except Unknown as error:
        raise ConnectionError(str(error)) from error


@contextmanager
def unreachable() -> Iterator[None]:
    """Around getting a connection: nothing was asked yet, so whatever fails is a `ConnectionError`."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(f"PostgreSQL can't be reached: {error or type(error).__name__}") from error


@contextmanager
def outcome() -> Iterator[None]:
    """Around a statement: translate what went wrong into what is known of its transaction.

    Raises:
        Refused: the server answered with an error of its own making before it committed: nothing is there.
        Unknown: the connection was lost, the server is going down or did not answer in time: nobody knows.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        # An ERROR ends the transaction before its commit. FATAL and PANIC end the connection, possibly after
        # it, and so may what operators do (class 57) and what the driver reports as a lost connection (class
        # 08).
        severity = getattr(error, "severity_en", None) or getattr(error, "severity", None)
        if severity == "ERROR" and not str(error.sqlstate).startswith(_MAYBE_COMMITTED):
            raise Refused(f"{error.sqlstate}: {error}") from error
        raise Unknown(f"{error.sqlstate}: {error}") from error
    except asyncpg.DataError as error:
        raise Refused(f"not encodable: {error}") from error
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise Unknown(str(error) or type(error).__name__) from error


def broken_constraint(error: BaseException | None) -> str | None:
    """Return the name of the constraint that a statement broke, however deep within the error, or None."""
    while error is not None:
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            name: str | None = error.constraint_name
            return name
        error = error.__cause__
    return None


def is_passing(error: Refused) -> bool:
    """Say whether what PostgreSQL refused may go through in a moment; else the mistake is ours."""
    return str(getattr(error.__cause__, "sqlstate", "")).startswith(_PASSING)
