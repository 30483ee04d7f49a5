"""Feature flags: what is switched on while everything runs.

Flags are few and read often, so a process keeps all of them for `KEPT_MS`: a change is seen everywhere within
a second. When PostgreSQL is away the last known ones hold.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from domain.identity import Who
from domain.refusals import Code, Refusal
from services.audit import entry_for
from storage import feature_flags
from storage.audit_log import record
from storage.feature_flags import Flag
from storage.journal import Refused
from storage.postgres import Pool, asking

log = logging.getLogger(__name__)

KEPT_MS: Final = 500
# Every flag that code asks for, and what it does. A test holds that nothing else is asked for.
KNOWN: Final[Mapping[str, str]] = {
    "organisations_closed": "Nobody can make an organisation",
}


class Flags:
    """Says what is on."""

    def __init__(self, pool: Pool, clock: Callable[[], int]) -> None:
        self._pool = pool
        self._clock = clock
        self._flags: Mapping[str, Flag] = {}
        self._until_ms = 0
        self._reading: asyncio.Task[None] | None = None

    async def flag(self, name: str) -> bool:
        """Say whether a flag is on. One that was never set, or could never be read, is off."""
        if self._clock() >= self._until_ms:
            await self._read_again()
        found = self._flags.get(name)
        return found is not None and found.is_on

    async def list(self) -> list[Flag]:
        """Return every flag there is. Raises `ConnectionError`."""
        async with asking(self._pool) as connection:
            found = {flag.flag: flag for flag in await feature_flags.all_flags(connection)}
        unset = [Flag(name, False, 0, 0) for name in KNOWN if name not in found]
        return sorted([*found.values(), *unset], key=lambda flag: flag.flag)

    async def put(self, who: Who, name: str, is_on: bool, version: int, now_ms: int) -> Flag | Refusal:
        """Switch a flag; one that was never set has version 0. Raises `ConnectionError`."""
        if name not in KNOWN:
            return Refusal(Code.NOT_FOUND)
        async with asking(self._pool) as connection, connection.transaction():
            old = await feature_flags.find(connection, name) or Flag(name, False, 0, 0)
            flag = None
            if old.version == version:
                flag = await feature_flags.put(connection, name, is_on, version, now_ms)
            if flag is None:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": old.version})
            if old.is_on != is_on:
                await record(
                    connection,
                    entry_for(
                        who,
                        "flag.put",
                        name,
                        organisation_id=None,
                        at_ms=now_ms,
                        before={"is_on": old.is_on},
                        after={"is_on": is_on},
                    ),
                )
        self._until_ms = 0
        return flag

    async def _read_again(self) -> None:
        # Many ask at once: one reads, and goes on when that one is cancelled.
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        now_ms = self._clock()
        try:
            async with asking(self._pool) as connection:
                self._flags = {flag.flag: flag for flag in await feature_flags.all_flags(connection)}
        except (ConnectionError, Refused) as error:
            log.warning("feature flags stay as they are: %s", error)
        finally:
            # Whatever went wrong, the next who asks reads anew.
            self._until_ms = now_ms + KEPT_MS
            self._reading = None
