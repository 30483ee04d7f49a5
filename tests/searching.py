"""Looks for a text in every store, in the forms in which stores hold bytes. Names where it was found."""

import base64
import re
import secrets
from collections.abc import Iterable, Mapping

import redis.asyncio
from asyncpg import Record

from storage.postgres import Pool

_RELATIONS = """
    SELECT format('%I.%I', nspname, relname) AS name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""


def marker_in(field: str) -> str:
    """A text of letters that no field refuses and that is nowhere else; it begins with its field's name."""
    return field + "".join(secrets.choice("bdfghjkmnpqrstvwxz") for _ in range(20))


def forms(marker: str) -> list[str]:
    """A marker as text, as PostgreSQL prints its bytes, and as base 64 at each of its three offsets: as it
    is, in capitals and without.
    """
    cases = dict.fromkeys((marker, marker.upper(), marker.lower()))
    return [form for case in cases for form in (case, *_packed(case.encode()))]


def _packed(raw: bytes) -> list[str]:
    encoded = [base64.b64encode(b"\0" * offset + raw).decode()[4:-4] for offset in range(3)]
    return [raw.hex(), *encoded]


def found_in(text: str, marker: str) -> bool:
    return any(form.lower() in text.lower() for form in forms(marker))


async def in_postgres(pool: Pool, marker: str) -> list[str]:
    """The tables with a row that contains the marker in any column."""
    pattern = "|".join(re.escape(form) for form in forms(marker))
    found = []
    async with pool.acquire() as connection:
        relations: list[Record] = await connection.fetch(_RELATIONS)
        for row in relations:
            name = row["name"]
            if await connection.fetchval(
                f"SELECT true FROM {name} AS r WHERE r::text ~* $1 LIMIT 1", pattern
            ):
                found.append(name)
    return found


async def in_redis(url: str, marker: str) -> list[str]:
    """The keys that contain the marker, or whose value does."""
    client = redis.asyncio.from_url(url)
    found = []
    try:
        async for key in client.scan_iter(count=1_000):
            dumped = key + (await client.dump(key) or b"")
            if found_in(dumped.decode("latin-1"), marker) or found_in(dumped.hex(), marker):
                found.append(key.decode("latin-1"))
    finally:
        await client.aclose()
    return found


async def in_no_store(pool: Pool, redis_url: str, planted: Mapping[str, str]) -> None:
    """Fail if one of the markers, by what they are planted in, is in PostgreSQL or Redis."""
    for field, marker in planted.items():
        assert await in_postgres(pool, marker) == [], f"{field} is stored in the clear"
        assert await in_redis(redis_url, marker) == [], f"{field} is in Redis"


def in_texts(texts: Iterable[tuple[str, str]], marker: str) -> list[str]:
    """The names of the texts that contain the marker."""
    return [name for name, text in texts if found_in(text, marker)]
