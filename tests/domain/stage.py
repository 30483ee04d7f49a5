"""A small event to try decisions on: ids that are easy to read, and a stage that decides and applies."""

from domain import commands as c
from domain import events as e
from domain.applying import apply
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.codes import fingerprint
from domain.decisions import Seen, decide
from domain.ids import BuyerId, EventId, HoldId, OperationId, PoolId, TicketId, TicketTypeId
from domain.inventory import Inventory
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherCode

NOW_MS = 1_800_000_000_000
TTL_MS = 60_000
EXTENSION_MS = 30_000
CODE_KEY = b"k" * 32


def identifier(kind: int, number: int) -> bytes:
    return kind.to_bytes(2, "big") + bytes(6) + number.to_bytes(8, "big")


EVENT = EventId(identifier(1, 1))
STANDING = PoolId(identifier(2, 1))
BALCONY = PoolId(identifier(2, 2))
PARKING = PoolId(identifier(2, 3))
REGULAR = TicketTypeId(identifier(3, 1))
EARLY = TicketTypeId(identifier(3, 2))
SEAT = TicketTypeId(identifier(3, 3))
SEAT_AND_PARKING = TicketTypeId(identifier(3, 4))
UNKNOWN_TYPE = TicketTypeId(identifier(3, 99))


def buyer(number: int) -> BuyerId:
    return BuyerId(identifier(4, number))


def op(number: int) -> OperationId:
    return OperationId(identifier(5, number))


def ticket(number: int) -> TicketId:
    return TicketId(identifier(6, number))


def code(text: str) -> VoucherCode:
    return fingerprint(CODE_KEY, EVENT, text)


def definition(
    standing: int = 10,
    balcony: int = 6,
    parking: int = 4,
    buyer_limit: int = 8,
    sales_start_ms: int | None = None,
    sales_end_ms: int | None = None,
) -> SaleDefinition:
    """Two types share the standing places; one type needs a seat and a parking place."""
    return SaleDefinition(
        EVENT,
        "EUR",
        (Pool(STANDING, standing), Pool(BALCONY, balcony), Pool(PARKING, parking)),
        (
            TicketType(REGULAR, (0,), 3000, 1, 6),
            TicketType(EARLY, (0,), 2000, 2, 4, sales_start_ms, sales_end_ms),
            TicketType(SEAT, (1,), 5000, 1, 6),
            TicketType(SEAT_AND_PARKING, (1, 2), 6500, 1, 6),
        ),
        buyer_limit,
        TTL_MS,
        EXTENSION_MS,
    )


class Stage:
    """An inventory with a clock, and the history of what was applied to it."""

    def __init__(
        self, sale: SaleDefinition | None = None, *, is_open: bool = True, is_configured: bool = True
    ) -> None:
        self.state = Inventory(EVENT)
        self.now_ms = NOW_MS
        self.history: list[e.AnyEvent] = []
        self._operations = 1_000_000
        if is_configured:
            self.do(c.Configure(self.fresh(), EVENT, sale or definition()))
        if is_configured and is_open:
            self.do(c.OpenSale(self.fresh(), EVENT, NOW_MS))

    def fresh(self) -> OperationId:
        self._operations += 1
        return op(self._operations)

    def ask(self, command: c.AnyCommand) -> e.AnyEvent | Refusal | Seen:
        return decide(self.state, command, self.now_ms)

    def do(self, command: c.AnyCommand) -> e.AnyEvent:
        """Decide and apply; the command has to succeed."""
        made = self.ask(command)
        assert not isinstance(made, Refusal | Seen), made
        self.apply(made)
        return made

    def apply(self, event: e.AnyEvent) -> None:
        apply(self.state, event)
        self.history.append(event)

    def refused(self, command: c.AnyCommand) -> Refusal:
        """Decide; the command has to be refused, and nothing may have changed."""
        before = self.counts(), self.state.seq
        made = self.ask(command)
        assert isinstance(made, Refusal), made
        assert (self.counts(), self.state.seq) == before
        return made

    def code(self, command: c.AnyCommand) -> Code:
        return self.refused(command).code

    def counts(self) -> list[tuple[int, int, int, int, int]]:
        """(capacity, free, held, sold, withheld) of each pool."""
        return [pool.as_tuple() for pool in self.state.pools]

    def place(
        self,
        *lines: tuple[TicketTypeId, int] | tuple[TicketTypeId, int, int],
        who: int = 1,
        operation: OperationId | None = None,
        codes: tuple[str, ...] = (),
    ) -> c.PlaceHold:
        wanted = tuple(c.Line(*line) for line in lines)
        return c.PlaceHold(operation or self.fresh(), EVENT, buyer(who), wanted, tuple(map(code, codes)))

    def hold(
        self,
        *lines: tuple[TicketTypeId, int] | tuple[TicketTypeId, int, int],
        who: int = 1,
        codes: tuple[str, ...] = (),
    ) -> e.Held:
        made = self.do(self.place(*lines, who=who, codes=codes))
        assert isinstance(made, e.Held)
        return made

    def extend(self, hold_id: HoldId, who: int = 1) -> c.ExtendHold:
        return c.ExtendHold(self.fresh(), EVENT, buyer(who), hold_id)

    def release(self, hold_id: HoldId, who: int = 1) -> c.ReleaseHold:
        return c.ReleaseHold(self.fresh(), EVENT, buyer(who), hold_id)

    def sell(self, hold_id: HoldId, tickets: int, who: int = 1) -> c.Sell:
        first = 1000 * self._operations
        ids = tuple(ticket(first + number) for number in range(tickets))
        return c.Sell(self.fresh(), EVENT, buyer(who), hold_id, ids)

    def sold(
        self,
        *lines: tuple[TicketTypeId, int] | tuple[TicketTypeId, int, int],
        who: int = 1,
        codes: tuple[str, ...] = (),
    ) -> e.Sold:
        hold = self.hold(*lines, who=who, codes=codes)
        made = self.do(self.sell(hold.operation_id, sum(line.quantity for line in hold.lines), who))
        assert isinstance(made, e.Sold)
        return made


def order_of(sold: e.Sold, cancelled: frozenset[TicketId] = frozenset()) -> c.SoldOrder:
    """What the durable record and the journal would say of an order."""
    lines = [line for line in sold.lines for _ in range(line.quantity)]
    tickets = tuple(
        c.SoldTicket(ticket_id, line.ticket_type, ticket_id in cancelled, line.tier, line.block)
        for ticket_id, line in zip(sold.ticket_ids, lines, strict=True)
    )
    return c.SoldOrder(sold.operation_id, EVENT, sold.buyer_id, tickets, sold.vouchers)
