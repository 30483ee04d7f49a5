"""What an event's sale is, said as simply as can be: everything is kept, and every number is counted anew
when it is asked for. The domain has to agree with it on every count and on every refusal.
"""

from domain import commands as c
from domain import events as e
from domain.catalogue import SaleDefinition
from domain.refusals import Code


class NaiveHold:
    def __init__(self, buyer: bytes, lines: list[tuple[int, int]], expires_at_ms: int) -> None:
        self.buyer = buyer
        self.lines = lines
        self.expires_at_ms = expires_at_ms
        self.is_extended = False
        self.end = ""

    @property
    def quantity(self) -> int:
        return sum(quantity for _, quantity in self.lines)


class NaiveSale:
    """The model. Commands come with the time; each answers a refusal's code, or None when it is granted."""

    def __init__(self, definition: SaleDefinition) -> None:
        self.definition = definition
        self.capacity = [pool.capacity for pool in definition.pools]
        self.withheld = [0] * len(definition.pools)
        self.status = "new"
        self.opens_at_ms = 0
        self.holds: dict[bytes, NaiveHold] = {}
        # (order, type, buyer, is cancelled) by ticket
        self.tickets: dict[bytes, tuple[bytes, int, bytes, bool]] = {}

    # --- counting ----------------------------------------------------------------------------------------

    def live(self) -> dict[bytes, NaiveHold]:
        return {name: hold for name, hold in self.holds.items() if not hold.end}

    def held(self, pool: int) -> int:
        return sum(
            quantity
            for hold in self.live().values()
            for kind, quantity in hold.lines
            if pool in self.definition.ticket_types[kind].pools
        )

    def sold(self, pool: int) -> int:
        return sum(
            pool in self.definition.ticket_types[kind].pools
            for _, kind, _, is_cancelled in self.tickets.values()
            if not is_cancelled
        )

    def free(self, pool: int) -> int:
        return self.capacity[pool] - self.held(pool) - self.sold(pool) - self.withheld[pool]

    def counts(self) -> list[tuple[int, int, int, int, int]]:
        return [
            (self.capacity[at], self.free(at), self.held(at), self.sold(at), self.withheld[at])
            for at in range(len(self.capacity))
        ]

    def has(self, buyer: bytes) -> int:
        in_holds = sum(hold.quantity for hold in self.live().values() if hold.buyer == buyer)
        bought = sum(
            whose == buyer and not is_cancelled for _, _, whose, is_cancelled in self.tickets.values()
        )
        return in_holds + bought

    # --- commands ----------------------------------------------------------------------------------------

    def place(self, command: c.PlaceHold, now_ms: int) -> Code | None:
        kinds = {kind.ticket_type_id: at for at, kind in enumerate(self.definition.ticket_types)}
        if self.status != "open" or now_ms < self.opens_at_ms:
            return {"paused": Code.SALE_PAUSED, "closed": Code.SALE_CLOSED}.get(
                self.status, Code.SALE_NOT_OPEN
            )
        if not command.lines:
            return Code.QUANTITY_OUT_OF_RANGE
        wanted: dict[int, int] = {}
        for line in command.lines:
            if line.ticket_type_id not in kinds:
                return Code.UNKNOWN_TICKET_TYPE
            kind = self.definition.ticket_types[kinds[line.ticket_type_id]]
            if not (kind.sales_start_ms or 0) <= now_ms < (kind.sales_end_ms or 10**18):
                return Code.OUTSIDE_SALES_WINDOW
            wanted[kinds[line.ticket_type_id]] = wanted.get(kinds[line.ticket_type_id], 0) + line.quantity
        for at, quantity in wanted.items():
            kind = self.definition.ticket_types[at]
            if not kind.quantity_min <= quantity <= kind.quantity_max:
                return Code.QUANTITY_OUT_OF_RANGE
        if self.has(command.buyer_id) + sum(wanted.values()) > self.definition.buyer_limit:
            return Code.BUYER_LIMIT
        for pool in range(len(self.capacity)):
            needed = sum(
                quantity for at, quantity in wanted.items() if pool in self.definition.ticket_types[at].pools
            )
            if needed > self.free(pool):
                return Code.SOLD_OUT
        expires_at_ms = now_ms + self.definition.hold_ttl_ms
        self.holds[command.operation_id] = NaiveHold(command.buyer_id, list(wanted.items()), expires_at_ms)
        return None

    def _mine(self, hold_id: bytes, buyer: bytes, now_ms: int) -> Code | NaiveHold:
        hold = self.live().get(hold_id)
        if hold is None or hold.buyer != buyer:
            return Code.HOLD_NOT_FOUND
        return Code.HOLD_EXPIRED if now_ms >= hold.expires_at_ms else hold

    def extend(self, command: c.ExtendHold, now_ms: int) -> Code | None:
        hold = self._mine(command.hold_id, command.buyer_id, now_ms)
        if isinstance(hold, Code):
            return hold
        if hold.is_extended:
            return Code.ALREADY_EXTENDED
        hold.is_extended = True
        hold.expires_at_ms += self.definition.extension_ms
        return None

    def release(self, command: c.ReleaseHold, now_ms: int) -> Code | None:
        hold = self._mine(command.hold_id, command.buyer_id, now_ms)
        if isinstance(hold, Code):
            return hold
        hold.end = "released"
        return None

    def sell(self, command: c.Sell, now_ms: int) -> Code | None:
        hold = self._mine(command.hold_id, command.buyer_id, now_ms)
        if isinstance(hold, Code):
            return hold
        if len(command.ticket_ids) != hold.quantity:
            return Code.MALFORMED
        hold.end = "sold"
        kinds = [kind for kind, quantity in hold.lines for _ in range(quantity)]
        for ticket, kind in zip(command.ticket_ids, kinds, strict=True):
            self.tickets[ticket] = (command.operation_id, kind, hold.buyer, False)
        return None

    def order(self, order_id: bytes) -> c.SoldOrder | None:
        """What the durable record would say."""
        of_order = [(name, ticket) for name, ticket in self.tickets.items() if ticket[0] == order_id]
        if not of_order:
            return None
        tickets = tuple(c.SoldTicket(name, ticket[1], ticket[3]) for name, ticket in of_order)  # type: ignore[arg-type]
        return c.SoldOrder(order_id, self.definition.event_id, of_order[0][1][2], tickets)  # type: ignore[arg-type]

    def cancel(self, command: c.CancelTickets) -> Code | None:
        of_order = {name: ticket for name, ticket in self.tickets.items() if ticket[0] == command.order_id}
        if not of_order:
            return Code.ORDER_NOT_FOUND
        chosen: set[bytes] = set(command.ticket_ids) or {
            name for name, ticket in of_order.items() if not ticket[3]
        }
        if not chosen <= of_order.keys():
            return Code.NOT_FOUND
        if not chosen or any(of_order[name][3] for name in chosen):
            return Code.ALREADY_CANCELLED
        for name in chosen:
            order, kind, buyer, _ = self.tickets[name]
            self.tickets[name] = (order, kind, buyer, True)
        return None

    def expire(self, events: list[e.Expired]) -> None:
        for event in events:
            self.holds[event.hold_id].end = "expired"

    def overdue(self, now_ms: int) -> set[bytes]:
        return {name for name, hold in self.live().items() if hold.expires_at_ms <= now_ms}
