"""How every part of the platform is, asked anew each time somebody looks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from services.admin.models import Health, PartHealth

PATIENCE_S: Final = 3.0

# Returns what is worth knowing of a part; raises when it is not well, with a message that names no secret.
Check = Callable[[], Awaitable[str]]


class NotWell(Exception):
    """A part answers, and is not well. `args[0]` says what is wrong."""


class HealthChecks:
    """Asks all parts at once."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        """`checks` by the names of the parts, in the order in which they are shown."""
        self._checks = checks

    async def health(self) -> Health:
        """Return how all parts are. One that does not answer in time is not well."""
        parts = await asyncio.gather(*(_ask(part, check) for part, check in self._checks.items()))
        return Health(is_well=all(part.is_well for part in parts), parts=tuple(parts))


async def _ask(part: str, check: Check) -> PartHealth:
    started = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            is_well, detail = True, await check()
    except NotWell as error:
        is_well, detail = False, str(error)
    except TimeoutError:
        is_well, detail = False, f"no answer within {PATIENCE_S:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well; its message may hold a DSN
        is_well, detail = False, type(error).__name__
    return PartHealth(
        part=part, is_well=is_well, took_ms=round((time.monotonic() - started) * 1000), detail=detail
    )
