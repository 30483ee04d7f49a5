"""Is the audit log as it was written? Asked by the platform's people from their pages.

Reading every chain is much work, so a process does it once for all who ask at the same time, keeps the
verdict for `KEPT_MS`, and gives up after `PATIENCE_S`: `bilten audit verify` has all the time it needs.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from domain import ids
from services.admin.models import AuditFinding, AuditVerdict
from storage import audit_verification
from storage.audit_log import PLATFORM, sealing_key
from storage.audit_verification import Finding
from storage.postgres import Pool, asking

KEPT_MS: Final = 10_000
PATIENCE_S: Final = 12.0
FINDINGS_MAX: Final = 100


class AuditCheck:
    """Verifies all chains."""

    def __init__(self, pool: Pool, clock: Callable[[], int], patience_s: float = PATIENCE_S) -> None:
        self._pool = pool
        self._clock = clock
        self._patience_s = patience_s
        self._verdict: AuditVerdict | None = None
        self._reading: asyncio.Task[AuditVerdict] | None = None

    async def verdict(self) -> AuditVerdict:
        """Return what was found, at most `KEPT_MS` ago. Raises `ConnectionError`."""
        known = self._verdict
        if known is not None and self._clock() - known.at_ms < KEPT_MS:
            return known
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._done)
        # Whoever goes away does not take the answer from the others.
        return await asyncio.shield(self._reading)

    def _done(self, task: "asyncio.Task[AuditVerdict]") -> None:
        self._reading = None
        with contextlib.suppress(asyncio.CancelledError):
            if task.exception() is None:
                self._verdict = task.result()

    async def _read(self) -> AuditVerdict:
        at_ms = self._clock()
        try:
            async with asyncio.timeout(self._patience_s), asking(self._pool) as connection:
                found = await audit_verification.verify(connection, sealing_key(), {})
        except TimeoutError:
            return AuditVerdict(
                at_ms=at_ms, is_sound=None, entries=0, chains=0, findings_count=0, findings=()
            )
        return AuditVerdict(
            at_ms=at_ms,
            is_sound=not found.findings,
            entries=found.entries,
            chains=len(found.heads),
            findings_count=len(found.findings),
            findings=tuple(_finding(one) for one in found.findings[:FINDINGS_MAX]),
        )


def _finding(finding: Finding) -> AuditFinding:
    return AuditFinding(
        organisation=ids.text(ids.ORGANISATION, finding.chain) if finding.chain != PLATFORM else None,
        damage=finding.damage.value.replace(" ", "_"),
        first=finding.first,
        last=finding.last,
        explanation=finding.explanation,
    )
