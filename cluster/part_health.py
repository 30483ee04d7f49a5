"""How each part is asked whether it is well, for the platform's page of health."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.ports import Connect
from domain.refusals import Refusal
from services.admin.health import Check, NotWell
from services.notifications.email import SmtpMailer
from services.users.passwords import Passwords
from storage.postgres import Pool
from storage.redis_health import redis_state

DISK_FREE_BYTES_MIN: Final = 2_000_000_000
CHANGE_WAITS_MS_MAX: Final = 60_000
_MEGABYTE: Final = 1_000_000
_NAMED_MAX: Final = 12
_NO_EVENT: Final = bytes(16)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to ask.

    Attributes:
        gateways_min: how many gateway processes there have to be.
        ray_nodes: says how many machines Ray has; None where there is no Ray.
    """

    pool: Pool
    redis_url: str
    connect: Connect
    shard_count: int
    mailer: SmtpMailer
    passwords: Passwords
    clock: Callable[[], int]
    data_path: Path
    gateways_min: int = 0
    ray_nodes: Callable[[], int] | None = None


def part_checks(parts: Parts) -> Mapping[str, Check]:
    """Return the checks of all parts, in the order in which they are shown."""
    return {
        "PostgreSQL": _postgres(parts.pool),
        "Redis": _redis(parts.redis_url),
        "Gateways": _gateways(parts.pool, parts.gateways_min),
        **({} if parts.ray_nodes is None else {"Ray": _ray(parts.ray_nodes)}),
        **{f"Shard {shard}": _shard(parts.connect, shard) for shard in range(parts.shard_count)},
        "Changes": _changes(parts.pool, parts.clock),
        "Passwords": _passwords(parts.passwords),
        "Mail": _mail(parts.mailer),
        "Disk": _disk(parts.data_path),
    }


def _postgres(pool: Pool) -> Check:
    async def check() -> str:
        row = await pool.fetchrow(
            """
            SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS is_reading_only,
                (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
                current_setting('max_connections') AS connections_max
            """
        )
        assert row is not None
        if row["is_reading_only"]:
            raise NotWell("it takes no writes")
        return f"{row['version']}, {row['connections']} of {row['connections_max']} connections"

    return check


def _redis(url: str) -> Check:
    async def check() -> str:
        version, used = await redis_state(url)
        return f"{version}, {used // _MEGABYTE} MB used"

    return check


def _gateways(pool: Pool, gateways_min: int) -> Check:
    """A gateway is there as long as it is connected to PostgreSQL, under its name."""

    async def check() -> str:
        rows = await pool.fetch(
            """
            SELECT DISTINCT replace(application_name, 'bilten ', '') AS name, client_addr
            FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'bilten gateway%'
            ORDER BY name
            """
        )
        said = f"{len(rows)} connected: {', '.join(row['name'] for row in rows[:_NAMED_MAX])}"
        if len(rows) < gateways_min:
            raise NotWell(f"{said}; {gateways_min} are set up")
        return said

    return check


def _ray(nodes: Callable[[], int]) -> Check:
    async def check() -> str:
        count = await asyncio.to_thread(nodes)
        if not count:
            raise NotWell("no machine is alive")
        return "1 machine" if count == 1 else f"{count} machines"

    return check


def _changes(pool: Pool, clock: Callable[[], int]) -> Check:
    """Changes of events wait for their sale when a shard is away; somebody finishes them when it is back."""

    async def check() -> str:
        row = await pool.fetchrow(
            "SELECT count(*) AS count, min(created_at) AS oldest FROM event_changes WHERE state = 'pending'"
        )
        assert row is not None
        if row["oldest"] is None:
            return "none waits for its sale"
        waited_s = max(0, clock() - row["oldest"]) // 1000
        said = f"{row['count']} wait for their sale, the oldest for {waited_s} s"
        if waited_s * 1000 > CHANGE_WAITS_MS_MAX:
            raise NotWell(said)
        return said

    return check


def _passwords(passwords: Passwords) -> Check:
    async def check() -> str:
        if isinstance(await passwords.hash("how long does this take"), Refusal):
            raise NotWell("too many wait")
        return f"made one; {passwords.counts()['waiting']} wait here"

    return check


def _shard(connect: Connect, shard: int) -> Check:
    async def check() -> str:
        await (await connect(shard)).state(_NO_EVENT)
        return "answers"

    return check


def _mail(mailer: SmtpMailer) -> Check:
    async def check() -> str:
        await mailer.greet()
        return f"answers; {mailer.waiting} mails wait here"

    return check


def _disk(path: Path) -> Check:
    async def check() -> str:
        usage = shutil.disk_usage(path)
        said = f"{usage.free // _MEGABYTE:,} MB free of {usage.total // _MEGABYTE:,}"
        if usage.free < DISK_FREE_BYTES_MIN:
            raise NotWell(said)
        return said

    return check
