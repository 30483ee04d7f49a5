"""Buyers and an organizer: what clients do, with the patience and the double clicks of people.

Every command is asked until something definite is answered, always with its first operation id, through
whichever gateway is at hand, and sometimes through two at once. What was answered goes to the witness.
"""

import asyncio
import random
from collections.abc import Callable

import msgspec

from domain import commands as c
from domain import events as e
from domain import ids
from domain.catalogue import Pool, PriceTier, SaleDefinition, TicketType
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherCode, VoucherKind, VoucherRule
from simulation.history import History
from simulation.network import Lost
from simulation.platform import Platform

DEADLINE_S = 8.0
VOUCHERS = 3
BLOCK = 2
NAMES_A_CODE = 0.5


class Clients:
    """How people reach the platform."""

    def __init__(
        self,
        platform: Platform,
        history: History,
        rng: random.Random,
        authorise: Callable[[ids.OrderId], None],
    ) -> None:
        self.rng = rng
        self.authorise = authorise
        self._platform = platform
        self._history = history

    def fresh(self) -> bytes:
        """Return a new identifier."""
        return ids.uuid7(self._platform.loop.now_ms(), self.rng.getrandbits(74))

    async def do(self, command: c.AnyCommand, tries: int = 30) -> e.AnyEvent | Refusal | None:
        """Ask until there is a definite answer; None if there is none after so many tries."""
        for _ in range(tries):
            if self.rng.random() < 0.05:
                both = asyncio.gather(self._ask(command), self._ask(command))
                answer = next((one for one in await both if one is not None), None)
            else:
                answer = await self._ask(command)
            if answer is not None and not (isinstance(answer, Refusal) and answer.code is Code.BUSY):
                return answer
            await asyncio.sleep(self.rng.random() * 0.3)
        return None

    async def _ask(self, command: c.AnyCommand) -> e.AnyEvent | Refusal | None:
        gateway = self.rng.choice(self._platform.gateways)
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await self._platform.network.call(gateway.process, lambda: gateway.ask(command))
        except (Lost, TimeoutError):
            return None
        self._history.answered(command, answer)
        return answer


def definition(event_id: bytes, rng: random.Random) -> SaleDefinition:
    """Return a small event: two pools, a type of each and one that needs both; scarce enough to sell out. The
    first type is cheaper for the first few.
    """
    pools = tuple(
        Pool(ids.PoolId(event_id[:8] + bytes(6) + bytes([1, n])), rng.randint(4, 25)) for n in range(2)
    )
    types = tuple(
        TicketType(ids.TicketTypeId(event_id[:8] + bytes(6) + bytes([2, n])), at, 1000 + n, 1, 4)
        for n, at in enumerate(((0,), (1,), (0, 1)))
    )
    early = PriceTier(1, 700, None, rng.randint(1, 6))
    types = (msgspec.structs.replace(types[0], tiers=(early,)), *types[1:])
    ttl_ms = rng.choice((1_000, 2_500, 6_000))
    return SaleDefinition(
        ids.EventId(event_id), "EUR", pools, types, rng.choice((4, 8, 50)), ttl_ms, ttl_ms // 2
    )


def code(sale: SaleDefinition, number: int) -> VoucherCode:
    """Return the code of one of an event's vouchers."""
    return VoucherCode(sale.event_id[:15] + bytes([number]))


def voucher_rule(number: int) -> VoucherRule:
    """Return what an event's vouchers are good for: one use, two uses, and places of their own."""
    if number == BLOCK:
        return VoucherRule(VoucherKind.BLOCK, types=(0,), block_pool=0, block_quantity=2)
    return VoucherRule(VoucherKind.DISCOUNT, 1_500, uses_max=1 + number)


class Buyer:
    """Holds, dithers, pays, gives up, asks again."""

    def __init__(self, clients: Clients, events: list[SaleDefinition]) -> None:
        self._clients = clients
        self._rng = clients.rng
        self._events = events
        self._buyer_id = ids.BuyerId(clients.fresh())
        self._done: list[c.AnyCommand] = []
        self.orders: list[tuple[SaleDefinition, e.Sold]] = []

    async def live(self, purchases: int) -> None:
        """Try to buy so many times."""
        for _ in range(purchases):
            await asyncio.sleep(self._rng.random() * 1.5)
            await self._buy(self._rng.choice(self._events))
            if self._done and self._rng.random() < 0.5:
                # "Did it work?" Of old ones, too: those have left the shard's memory.
                await self._clients.do(self._rng.choice(self._done))

        if self._rng.random() < 0.5:
            await self._hold(self._rng.choice(self._events))  # and is not seen again

    async def _hold(self, sale: SaleDefinition) -> e.AnyEvent | Refusal | None:
        kinds = self._rng.sample(sale.ticket_types, self._rng.choice((1, 1, 1, 2)))
        lines = tuple(c.Line(kind.ticket_type_id, self._rng.randint(1, 3)) for kind in kinds)
        codes = tuple(
            code(sale, number) for number in range(VOUCHERS) if self._rng.random() < NAMES_A_CODE / VOUCHERS
        )
        place = c.PlaceHold(self._operation(), sale.event_id, self._buyer_id, lines, codes)
        return await self._do(place)

    async def _buy(self, sale: SaleDefinition) -> None:
        rng = self._rng
        held = await self._hold(sale)
        if not isinstance(held, e.Held):
            return
        hold_id = held.operation_id
        await asyncio.sleep(rng.random() * rng.choice((0.1, sale.hold_ttl_ms / 1000 * 1.1)))
        what = rng.random()
        if what < 0.15:
            await self._do(c.ReleaseHold(self._operation(), sale.event_id, self._buyer_id, hold_id))
            return
        if what < 0.30:
            await self._do(c.ExtendHold(self._operation(), sale.event_id, self._buyer_id, hold_id))
        elif what < 0.40:
            return  # left, and lets it expire
        tickets = tuple(
            ids.TicketId(self._clients.fresh()) for line in held.lines for _ in range(line.quantity)
        )
        sell = c.Sell(self._operation(), sale.event_id, self._buyer_id, hold_id, tickets)
        # A second tab that pays for the same hold, with an operation of its own
        rival = c.Sell(self._operation(), sale.event_id, self._buyer_id, hold_id, tuple(map(_other, tickets)))
        for order_id in (sell.operation_id, rival.operation_id):
            # A command for an order that was not paid harms only itself.
            if rng.random() < 0.95:
                self._clients.authorise(order_id)
        rivals = [self._do(sell)] + ([self._do(rival)] if rng.random() < 0.15 else [])
        for sold in await asyncio.gather(*rivals):
            if isinstance(sold, e.Sold):
                self.orders.append((sale, sold))

    async def _do(self, command: c.AnyCommand) -> e.AnyEvent | Refusal | None:
        self._done.append(command)
        return await self._clients.do(command)

    def _operation(self) -> ids.OperationId:
        return ids.OperationId(self._clients.fresh())


def _other(ticket_id: ids.TicketId) -> ids.TicketId:
    return ids.TicketId(ticket_id[:8] + bytes(byte ^ 0x55 for byte in ticket_id[8:]))


class Organizer:
    """Opens, pauses, withholds, changes capacities and cancels orders."""

    def __init__(self, clients: Clients, events: list[SaleDefinition], buyers: list[Buyer]) -> None:
        self._clients = clients
        self._rng = clients.rng
        self._events = events
        self._buyers = buyers

    async def open(self) -> None:
        """Bring every event into the sale, however long it takes."""
        for sale in self._events:
            await self._clients.do(c.Configure(self._operation(), sale.event_id, sale), 1_000)
            for number in range(VOUCHERS):
                codes = (code(sale, number),)
                define = c.DefineVouchers(self._operation(), sale.event_id, voucher_rule(number), codes)
                await self._clients.do(define, 1_000)
            await self._clients.do(c.OpenSale(self._operation(), sale.event_id, 0), 1_000)

    async def live(self, interventions: int) -> None:
        """Change something now and then."""
        for _ in range(interventions):
            await asyncio.sleep(self._rng.random() * 1.5)
            sale = self._rng.choice(self._events)
            if self._rng.random() < 0.5:
                await asyncio.gather(*map(self._clients.do, self._cancels()))
            for command in self._changes(sale):
                await self._clients.do(command)

    def _changes(self, sale: SaleDefinition) -> list[c.AnyCommand]:
        rng, event_id = self._rng, sale.event_id
        pool = rng.choice(sale.pools)
        what = rng.randrange(7)
        if what == 0:
            pause = c.PauseSale(self._operation(), event_id)
            return [pause, c.OpenSale(self._operation(), event_id, 0)]
        if what == 1:
            return [c.Withhold(self._operation(), event_id, pool.pool_id, rng.randint(1, 5))]
        if what == 4:
            return [c.Reconfigure(self._operation(), event_id, self._changed(sale))]
        if what == 5:
            uses = msgspec.structs.replace(voucher_rule(1), uses_max=rng.randint(1, 4))
            return [c.ChangeVoucher(self._operation(), event_id, code(sale, 1), uses)]
        if what == 6:
            return [c.RetireVouchers(self._operation(), event_id, (code(sale, rng.randrange(VOUCHERS)),))]
        if what == 2:
            return [c.ReturnWithheld(self._operation(), event_id, pool.pool_id, rng.randint(1, 5))]
        capacity = max(0, pool.capacity + rng.randint(-6, 6))
        return [c.ChangeCapacity(self._operation(), event_id, pool.pool_id, capacity)]

    def _changed(self, sale: SaleDefinition) -> SaleDefinition:
        rng = self._rng
        first = msgspec.structs.replace(
            sale.ticket_types[0],
            price_minor=rng.choice((900, 1_300)),
            tiers=tuple(
                PriceTier(number, 500 + number, None, rng.randint(0, 6))
                for number in (1, 2)[: rng.randint(0, 2)]
            ),
        )
        last = msgspec.structs.replace(sale.ticket_types[2], is_retired=rng.random() < 0.3)
        return msgspec.structs.replace(
            sale,
            ticket_types=(first, sale.ticket_types[1], last),
            hold_ttl_ms=rng.choice((1_000, 2_500, 6_000)),
        )

    def _cancels(self) -> list[c.CancelTickets]:
        orders = [order for buyer in self._buyers for order in buyer.orders]
        if not orders:
            return []
        sale, sold = self._rng.choice(orders)
        some = sold.ticket_ids[: self._rng.randint(0, len(sold.ticket_ids))]
        # Two people at two desks, at once: the second takes what the first left, or nothing.
        both = (some, ())
        return [
            c.CancelTickets(self._operation(), sale.event_id, sold.operation_id, tickets) for tickets in both
        ]

    def _operation(self) -> ids.OperationId:
        return ids.OperationId(self._clients.fresh())
