"""Feature flags. If this failed, one odd error of PostgreSQL would switch every flag off until the process is
started anew, or refuse whoever asks for one.
"""

from domain.identity import Identity, Origin, Who
from services.flags import KEPT_MS, KNOWN, Flags
from storage.postgres import close_pool, create_pool

NAME = next(iter(KNOWN))


async def test_flags_are_read_again_after_an_error(migrated_dsn: str) -> None:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=2)
    now_ms = 1_800_000_000_000
    flags = Flags(pool, lambda: now_ms)
    who = Who(Identity(), Origin("", ""))
    await flags.put(who, NAME, True, 0, now_ms)
    assert await flags.flag(NAME)
    await pool.execute("ALTER TABLE feature_flags RENAME TO elsewhere")
    now_ms += KEPT_MS
    for _ in range(2):
        assert await flags.flag(NAME), "the last known ones hold"
        now_ms += KEPT_MS
    await pool.execute("ALTER TABLE elsewhere RENAME TO feature_flags")
    await pool.execute("UPDATE feature_flags SET is_on = false")
    assert not await flags.flag(NAME)
    await close_pool(pool)
