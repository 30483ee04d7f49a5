"""A shard's notice in the words of the wire: what a buyer and what an organizer may see of a sale now."""

from domain import wire
from domain.inventory import SaleStatus
from domain.notices import SaleNotice
from gateway.protocol import Dialect
from services.events import Sale
from services.events.offering import moments, shown

_STATUS = {
    SaleStatus.NEW: "scheduled",
    SaleStatus.OPEN: "open",
    SaleStatus.PAUSED: "paused",
    SaleStatus.CLOSED: "closed",
    SaleStatus.CANCELLED: "cancelled",
}


def status_of(notice: SaleNotice, now_ms: int) -> str:
    """Return the status of a sale: one that is open from a later time on is still scheduled."""
    if notice.status == SaleStatus.OPEN and now_ms < notice.opens_at_ms:
        return _STATUS[SaleStatus.NEW]
    return _STATUS[SaleStatus(notice.status)]


def state_of(sale: Sale, notice: SaleNotice, now_ms: int) -> wire.EventState:
    """Return what a buyer may see."""
    return wire.EventState(
        status_of(notice, now_ms), notice.opens_at_ms, sale.currency, shown(notice, now_ms)
    )


def next_change_ms(notice: SaleNotice, after_ms: int) -> int | None:
    """Return when the state next changes by time alone, with no event that says so; None if never."""
    opening = [notice.opens_at_ms] if notice.status == SaleStatus.OPEN else []
    return min((moment for moment in (*opening, *moments(notice)) if moment > after_ms), default=None)


def sales_of(sale: Sale, notice: SaleNotice, now_ms: int) -> wire.Sales:
    """Return what an organizer may see."""
    pools = [
        wire.PoolSales(pool, counts.capacity, counts.free, counts.held, counts.sold, counts.withheld)
        for pool, counts in zip(sale.pools, notice.pools, strict=False)
    ]
    types = [
        wire.TypeSales(kind.text, free, held, sold)
        for kind, free, held, sold in zip(
            sale.types, notice.free_by_type, notice.held_by_type, notice.sold_by_type, strict=False
        )
    ]
    return wire.Sales(sale.text, notice.version, notice.at_ms, status_of(notice, now_ms), pools, types)


class Board:
    """One state of a sale and its frames, each made when first needed.

    Attributes:
        is_revised: time has passed, so the state may differ from an earlier one of the same version.
        changes_at_ms: when it will by time alone, None if never.
    """

    __slots__ = (
        "_frames", "_sale", "_sales_frames", "_shown_at_ms", "changes_at_ms", "is_revised", "notice", "state",
    )  # fmt: skip

    def __init__(self, sale: Sale, notice: SaleNotice, now_ms: int) -> None:
        self._sale = sale
        self._shown_at_ms = now_ms
        self._frames: dict[str, bytes] = {}
        self._sales_frames: dict[str, bytes] = {}
        self.notice = notice
        self.state = state_of(sale, notice, now_ms)
        self.changes_at_ms = next_change_ms(notice, now_ms)
        changed_at_ms = next_change_ms(notice, notice.at_ms)
        self.is_revised = changed_at_ms is not None and changed_at_ms <= now_ms

    def frame(self, dialect: Dialect) -> bytes:
        """Return the push for buyers."""
        found = self._frames.get(dialect.name)
        if found is None:
            push = wire.Availability(self._sale.text, self.notice.version, self.state)
            found = self._frames[dialect.name] = dialect.frame(push)
        return found

    def sales_frame(self, dialect: Dialect) -> bytes:
        """Return the push for organizers."""
        found = self._sales_frames.get(dialect.name)
        if found is None:
            push = sales_of(self._sale, self.notice, self._shown_at_ms)
            found = self._sales_frames[dialect.name] = dialect.frame(push)
        return found
