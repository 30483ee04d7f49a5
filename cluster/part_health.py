"""How each part is asked whether it is well, for the platform's page of health."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from actors.ports import Connect
from services.admin.health import Check, NotWell
from services.notifications.email import SmtpMailer
from storage.postgres import Pool
from storage.redis_health import redis_state

DISK_FREE_BYTES_MIN = 2_000_000_000
_MEGABYTE = 1_000_000
_NO_EVENT = bytes(16)


def part_checks(
    pool: Pool, redis_url: str, connect: Connect, shard_count: int, mailer: SmtpMailer, data_path: Path
) -> Mapping[str, Check]:
    """Return the checks of all parts, in the order in which they are shown."""
    return {
        "PostgreSQL": _postgres(pool),
        "Redis": _redis(redis_url),
        **{f"Shard {shard}": _shard(connect, shard) for shard in range(shard_count)},
        "Mail": _mail(mailer),
        "Disk": _disk(data_path),
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
