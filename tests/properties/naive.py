"""What an event's sale is, said as simply as can be: everything is kept, and every number is counted anew
when it is asked for. The domain has to agree with it on every count, every price and every refusal.
"""

from fractions import Fraction

from domain import commands as c
from domain import events as e
from domain.catalogue import SaleDefinition
from domain.refusals import Code
from domain.vouchers import VoucherRule
from tests.properties.naive_records import (
    FOREVER_MS,
    NaiveHold,
    NaiveIssued,
    NaiveTicket,
    NaiveVoucher,
    half_up,
    named_price,
    shared,
    tickets_of,
)

NOT_OPEN = {"paused": Code.SALE_PAUSED, "closed": Code.SALE_CLOSED, "cancelled": Code.EVENT_CANCELLED}


class NaiveSale:
    """The model. Commands come with the time; each answers a refusal's code, or None when it is granted."""

    def __init__(self, definition: SaleDefinition) -> None:
        self.definition = definition
        self.capacity = [pool.capacity for pool in definition.pools]
        self.withheld = [0] * len(definition.pools)
        self.status = "new"
        self.opens_at_ms = 0
        self.holds: dict[bytes, NaiveHold] = {}
        self.issued: dict[bytes, NaiveIssued] = {}
        self.orders: dict[bytes, NaiveHold] = {}
        self.vouchers: list[NaiveVoucher] = []
        self.codes: dict[bytes, int] = {}
        # What each buyer has of the types with a limit, since they have had one.
        self.limited: set[int] = set()
        self.has_of_type: dict[tuple[bytes, int], int] = {}
        self.limit_types()

    # --- counting ----------------------------------------------------------------------------------------

    def live(self) -> dict[bytes, NaiveHold]:
        return {name: hold for name, hold in self.holds.items() if not hold.end}

    def held_tickets(self) -> list[NaiveTicket]:
        return [ticket for hold in self.live().values() for ticket in hold.tickets]

    def sold_tickets(self) -> list[NaiveTicket]:
        return [issued.ticket for issued in self.issued.values() if not issued.is_cancelled]

    def held(self, pool: int) -> int:
        return sum(pool in self.definition.ticket_types[ticket.kind].pools for ticket in self.held_tickets())

    def sold(self, pool: int) -> int:
        return sum(pool in self.definition.ticket_types[ticket.kind].pools for ticket in self.sold_tickets())

    def blocked(self, pool: int) -> int:
        return sum(
            self.left(number)
            for number, voucher in enumerate(self.vouchers, 1)
            if voucher.rule.block_pool == pool
        )

    def left(self, number: int) -> int:
        """What is left of a voucher's block."""
        voucher = self.vouchers[number - 1]
        if voucher.is_retired:
            return 0
        taken = sum(ticket.block == number for ticket in self.held_tickets() + self.sold_tickets())
        return voucher.rule.block_quantity - taken

    def uses(self, number: int, buyer: bytes | None = None) -> int:
        """How often a voucher is held and used. An order whose tickets are all cancelled has not used it."""
        alive = {issued.order for issued in self.issued.values() if not issued.is_cancelled}
        using = [*self.live().values(), *(self.orders[order] for order in alive)]
        return sum(number in hold.vouchers and buyer in (None, hold.buyer) for hold in using)

    def in_tier(self, kind: int, tier: int) -> int:
        there = self.held_tickets() + self.sold_tickets()
        return [(ticket.kind, ticket.tier) for ticket in there].count((kind, tier))

    def free(self, pool: int) -> int:
        kept = self.withheld[pool] + self.blocked(pool)
        return self.capacity[pool] - self.held(pool) - self.sold(pool) - kept

    def counts(self) -> list[tuple[int, int, int, int, int]]:
        return [
            (
                self.capacity[at],
                self.free(at),
                self.held(at),
                self.sold(at),
                self.withheld[at] + self.blocked(at),
            )
            for at in range(len(self.capacity))
        ]

    def has(self, buyer: bytes) -> int:
        in_holds = sum(hold.quantity for hold in self.live().values() if hold.buyer == buyer)
        return in_holds + sum(
            issued.buyer == buyer and not issued.is_cancelled for issued in self.issued.values()
        )

    def limit_types(self) -> None:
        kinds = enumerate(self.definition.ticket_types)
        fresh = {at for at, kind in kinds if kind.buyer_limit is not None} - self.limited
        self.limited |= fresh
        for hold in self.live().values():
            self._count_types(hold, 1, fresh)

    def _count_types(self, hold: NaiveHold, sign: int, among: set[int]) -> None:
        for ticket in hold.tickets:
            if ticket.kind in among:
                at = hold.buyer, ticket.kind
                self.has_of_type[at] = self.has_of_type.get(at, 0) + sign

    # --- placing -----------------------------------------------------------------------------------------

    def place(self, command: c.PlaceHold, now_ms: int) -> Code | None:
        if self.status != "open" or now_ms < self.opens_at_ms:
            return NOT_OPEN.get(self.status, Code.SALE_NOT_OPEN)
        if not command.lines:
            return Code.QUANTITY_OUT_OF_RANGE
        named = self._named(command)
        if isinstance(named, Code):
            return named
        tickets = self._wanted(command, named, now_ms)
        if isinstance(tickets, Code):
            return tickets
        refusal = self._limits(command.buyer_id, tickets)
        if refusal is not None:
            return refusal
        named = [
            number
            for number in named
            if self._of(number).takes_money_off
            or self._of(number).kind != "access"
            or any(self._is_for(number, ticket.kind) for ticket in tickets)
        ]
        refusal = self._uses_wrong(command.buyer_id, tickets, named, now_ms) or self._stock(tickets, named)
        if refusal is not None:
            return refusal
        expires_at_ms = now_ms + self.definition.hold_ttl_ms
        hold = NaiveHold(command.buyer_id, self._priced(tickets, named, now_ms), expires_at_ms, tuple(named))
        self.holds[command.operation_id] = hold
        self._count_types(hold, 1, self.limited)
        return None

    def _of(self, number: int) -> VoucherRule:
        return self.vouchers[number - 1].rule

    def _named(self, command: c.PlaceHold) -> list[int] | Code:
        if len(command.codes) > 5:
            return Code.VOUCHER_LIMIT
        named: list[int] = []
        for code in command.codes:
            number = self.codes.get(code)
            if number is None or self.vouchers[number - 1].is_retired:
                return Code.VOUCHER_UNKNOWN
            if number not in named:
                named.append(number)
        if len([number for number in named if self._of(number).takes_money_off]) > 1:
            return Code.VOUCHER_LIMIT
        if len([number for number in named if self._of(number).kind == "block"]) > 1:
            return Code.VOUCHER_LIMIT
        return named

    def _shows(self, number: int, kind: int) -> bool:
        rule = self._of(number)
        return rule.kind in ("access", "block") and (not rule.types or kind in rule.types)

    def _is_for(self, number: int, at: int) -> bool:
        rule, kind = self._of(number), self.definition.ticket_types[at]
        if rule.types and at not in rule.types:
            return False
        if rule.kind == "block":
            return rule.block_pool in kind.pools
        if rule.kind == "access":
            return bool(rule.types) or kind.is_hidden
        return kind.price_min_minor is None

    def _wanted(self, command: c.PlaceHold, named: list[int], now_ms: int) -> list[NaiveTicket] | Code:
        kinds = {kind.ticket_type_id: at for at, kind in enumerate(self.definition.ticket_types)}
        tickets: list[NaiveTicket] = []
        for line in command.lines:
            at = kinds.get(line.ticket_type_id)
            if at is None:
                return Code.UNKNOWN_TICKET_TYPE
            kind = self.definition.ticket_types[at]
            if kind.is_hidden and not any(self._shows(number, at) for number in named):
                return Code.UNKNOWN_TICKET_TYPE
            if kind.is_retired or not (kind.sales_start_ms or 0) <= now_ms < (
                kind.sales_end_ms or FOREVER_MS
            ):
                return Code.OUTSIDE_SALES_WINDOW
            price = named_price(kind, line.price_minor)
            if isinstance(price, Code):
                return price
            tickets += [NaiveTicket(at, price, 0, 0, 0)] * line.quantity
        return Code.QUANTITY_OUT_OF_RANGE if any(line.quantity < 1 for line in command.lines) else tickets

    def _limits(self, buyer: bytes, tickets: list[NaiveTicket]) -> Code | None:
        wanted = {at: [ticket.kind for ticket in tickets].count(at) for at in {one.kind for one in tickets}}
        for at, quantity in wanted.items():
            kind = self.definition.ticket_types[at]
            if not kind.quantity_min <= quantity <= kind.quantity_max:
                return Code.QUANTITY_OUT_OF_RANGE
        if self.has(buyer) + len(tickets) > self.definition.buyer_limit:
            return Code.BUYER_LIMIT
        for at, quantity in wanted.items():
            limit = self.definition.ticket_types[at].buyer_limit
            if limit is not None and self.has_of_type.get((buyer, at), 0) + quantity > limit:
                return Code.BUYER_LIMIT
        return None

    def _uses_wrong(
        self, buyer: bytes, tickets: list[NaiveTicket], named: list[int], now_ms: int
    ) -> Code | None:
        for number in named:
            rule = self._of(number)
            for_it = sum(self._is_for(number, ticket.kind) for ticket in tickets)
            if not (rule.starts_ms or 0) <= now_ms < (rule.ends_ms or FOREVER_MS):
                return Code.VOUCHER_NOT_APPLICABLE
            if for_it < max(1, rule.quantity_min):
                return Code.VOUCHER_NOT_APPLICABLE
            if rule.uses_max is not None and self.uses(number) >= rule.uses_max:
                return Code.VOUCHER_USED_UP
            if rule.per_buyer_max is not None and self.uses(number, buyer) >= rule.per_buyer_max:
                return Code.VOUCHER_USED_UP
        return None

    def _block(self, named: list[int]) -> int:
        return next((number for number in named if self._of(number).kind == "block"), 0)

    def _stock(self, tickets: list[NaiveTicket], named: list[int]) -> Code | None:
        block = self._block(named)
        from_block = sum(self._is_for(block, ticket.kind) for ticket in tickets) if block else 0
        if block and from_block > self.left(block):
            return Code.SOLD_OUT
        for pool in range(len(self.capacity)):
            needed = sum(pool in self.definition.ticket_types[ticket.kind].pools for ticket in tickets)
            if block and self._of(block).block_pool == pool:
                needed -= from_block
            if needed > 0 and needed > self.free(pool):
                return Code.SOLD_OUT
        return None

    def _priced(self, tickets: list[NaiveTicket], named: list[int], now_ms: int) -> list[NaiveTicket]:
        block = self._block(named)
        priced: list[NaiveTicket] = []
        for ticket in tickets:
            kind = self.definition.ticket_types[ticket.kind]
            price, tier = (ticket.price, 0) if kind.price_min_minor is not None else (kind.price_minor, 0)
            for one in kind.tiers:
                has = self.in_tier(ticket.kind, one.number)
                has += sum((other.kind, other.tier) == (ticket.kind, one.number) for other in priced)
                if now_ms < (one.until_ms or FOREVER_MS) and (one.quantity is None or has < one.quantity):
                    price, tier = one.price_minor, one.number
                    break
            mine = block if block and self._is_for(block, ticket.kind) else 0
            priced.append(NaiveTicket(ticket.kind, price, 0, tier, mine))
        cheaper = next((number for number in named if self._of(number).takes_money_off), 0)
        return self._cheaper(priced, cheaper) if cheaper else priced

    def _cheaper(self, tickets: list[NaiveTicket], number: int) -> list[NaiveTicket]:
        rule = self._of(number)
        lines: dict[NaiveTicket, int] = {}
        for ticket in tickets:
            lines[ticket] = lines.get(ticket, 0) + 1
        totals = [
            line.price * quantity
            if self._is_for(number, line.kind)
            and self.definition.ticket_types[line.kind].price_min_minor is None
            else 0
            for line, quantity in lines.items()
        ]
        if rule.percent_bp:
            offs = [half_up(Fraction(total * rule.percent_bp, 10_000)) for total in totals]
        elif rule.is_per_order:
            offs = shared(rule.amount_minor, totals)
        else:
            offs = [
                min(rule.amount_minor, line.price) * quantity if total else 0
                for (line, quantity), total in zip(lines.items(), totals, strict=True)
            ]
        made = []
        for (line, quantity), off in zip(lines.items(), offs, strict=True):
            each = [0] * quantity
            for unit in range(off):
                each[unit % quantity] += 1
            made += [line._replace(price=line.price - less, discount=less) for less in each]
        return made

    def agree(self, hold_id: bytes, made: e.Held) -> None:
        """Compare a hold with what the domain made of it, and take over the order of its tickets."""
        tickets = tickets_of(made)
        hold = self.holds[hold_id]
        assert sorted(tickets) == sorted(hold.tickets), (made, hold.tickets)
        assert getattr(made, "vouchers", ()) == hold.vouchers
        hold.tickets = tickets

    # --- the life of a hold ------------------------------------------------------------------------------

    def _mine(self, hold_id: bytes, buyer: bytes, now_ms: int) -> Code | NaiveHold:
        hold = self.live().get(hold_id)
        if hold is None or hold.buyer != buyer:
            return Code.HOLD_NOT_FOUND
        return Code.HOLD_EXPIRED if now_ms >= hold.expires_at_ms else hold

    def extend(self, command: c.ExtendHold, now_ms: int) -> Code | None:
        if self.status == "cancelled":
            return Code.EVENT_CANCELLED
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
        self._end(hold, "released")
        return None

    def _end(self, hold: NaiveHold, end: str) -> None:
        hold.end = end
        self._count_types(hold, -1, self.limited)

    def sell(self, command: c.Sell, now_ms: int) -> Code | None:
        if self.status == "cancelled":
            return Code.EVENT_CANCELLED
        hold = self._mine(command.hold_id, command.buyer_id, now_ms)
        if isinstance(hold, Code):
            return hold
        if len(command.ticket_ids) != hold.quantity:
            return Code.MALFORMED
        hold.end = "sold"
        self.orders[command.operation_id] = hold
        for name, ticket in zip(sorted(command.ticket_ids), hold.tickets, strict=True):
            self.issued[name] = NaiveIssued(command.operation_id, hold.buyer, ticket, False)
        return None

    def order(self, order_id: bytes) -> c.SoldOrder | None:
        """What the durable record would say."""
        of_order = [(name, issued) for name, issued in self.issued.items() if issued.order == order_id]
        if not of_order:
            return None
        tickets = tuple(
            c.SoldTicket(
                name,  # type: ignore[arg-type]
                issued.ticket.kind,
                issued.is_cancelled,
                issued.ticket.tier,
                issued.ticket.block,
            )
            for name, issued in of_order
        )
        return c.SoldOrder(
            order_id,  # type: ignore[arg-type]
            self.definition.event_id,
            of_order[0][1].buyer,  # type: ignore[arg-type]
            tickets,
            self.orders[order_id].vouchers,
        )

    def cancel(self, command: c.CancelTickets) -> Code | None:
        of_order = {name: one for name, one in self.issued.items() if one.order == command.order_id}
        if not of_order:
            return Code.ORDER_NOT_FOUND
        chosen: set[bytes] = set(command.ticket_ids) or {
            name for name, issued in of_order.items() if not issued.is_cancelled
        }
        if not chosen <= of_order.keys():
            return Code.NOT_FOUND
        if not chosen or any(of_order[name].is_cancelled for name in chosen):
            return Code.ALREADY_CANCELLED
        for name in chosen:
            issued = self.issued[name]
            self.issued[name] = issued._replace(is_cancelled=True)
            at = issued.buyer, issued.ticket.kind
            if self.has_of_type.get(at):
                self.has_of_type[at] -= 1
        return None

    def expire(self, events: list[e.Expired]) -> None:
        for event in events:
            self._end(self.holds[event.hold_id], "expired")

    def overdue(self, now_ms: int) -> set[bytes]:
        return {name for name, hold in self.live().items() if hold.expires_at_ms <= now_ms}
