"""Bringing a database up to date."""

import asyncio

from cluster.processes import StartFailed
from storage.migrate import NotMigrated, migrate


def bring_up_to_date(dsn: str) -> list[str]:
    """Bring a database up to date, and return the migrations that were applied now; safe to run at any time
    and by several at once. Raises `StartFailed`.
    """
    try:
        return asyncio.run(migrate(dsn))
    except (NotMigrated, ConnectionError) as error:
        raise StartFailed(str(error)) from None
