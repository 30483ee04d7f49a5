"""The key that signs ticket codes, and the one of vouchers' codes that comes of it."""

from cluster import processes
from cluster.settings import Settings
from domain.codes import code_key


def ticket_key(settings: Settings) -> bytes:
    """The key that signs ticket codes: the same in every process, and for as long as tickets are valid."""
    return bytes.fromhex(settings.tickets.key or processes.secret(settings.data_path / "ticket-key"))


def voucher_key(settings: Settings) -> bytes:
    """The key that hashes and seals codes of vouchers: it ends with the one that signs ticket codes."""
    return code_key(ticket_key(settings))
