"""Bringing a database up to date: its migrations, and after them what SQL has no key for."""

import asyncio

from cluster.processes import StartFailed
from cluster.settings import Settings
from cluster.ticket_key import has_ticket_key, voucher_key
from services.events.voucher_codes import VoucherCodes
from storage.clear_codes import Seal, seal_clear_codes
from storage.migrate import NotMigrated, migrate


def bring_up_to_date(settings: Settings, dsn: str) -> list[str]:
    """Bring a database up to date, and return what was done, a line each; safe to run at any time and by
    several at once. Raises `StartFailed`.
    """
    try:
        return asyncio.run(_bring_up_to_date(settings, dsn))
    except (NotMigrated, ConnectionError) as error:
        raise StartFailed(str(error)) from None


async def _bring_up_to_date(settings: Settings, dsn: str) -> list[str]:
    def sealing() -> Seal:
        if not has_ticket_key(settings):
            # What is sealed with one that is made now, nobody could read or use.
            raise NotMigrated(
                "the codes of vouchers are still to be sealed, and the key is not here: "
                "set BILTEN_TICKETS_KEY, or BILTEN_DATA_DIR to the folder that the platform ran in"
            )
        return VoucherCodes(voucher_key(settings)).seal

    done = [f"applied {name}" for name in await migrate(dsn)]
    sealed = await seal_clear_codes(dsn, sealing)
    return [*done, f"sealed {sealed} codes of vouchers"] if sealed else done
