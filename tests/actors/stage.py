"""Sale shards on a real PostgreSQL without Ray: called directly, with a journal whose commits can be held
up.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from actors.ports import ShardHandle, ShardLost, ShardSettings
from actors.refs import LaneSettings, Shards
from actors.sale import SaleShard
from domain import commands as c
from domain import events as e
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.ids import BuyerId, EventId, HoldId, OperationId, PoolId, TicketId, TicketTypeId, uuid7
from domain.refusals import Refusal
from storage.journal import Batch
from storage.postgres import Pool as Connections
from storage.postgres_journal import PostgresJournal

NOW_MS = 1_800_000_000_000
EVENT_ROWS = """
    WITH made AS (
        INSERT INTO organisations (organisation_id, name, slug)
        VALUES ($1::uuid, 'Test', 'test-' || $1::uuid) ON CONFLICT DO NOTHING
    )
    INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
    VALUES ($1::uuid, $1::uuid, 'test-' || $1::uuid, 'Test', 'EUR', now()) ON CONFLICT DO NOTHING
"""
ORDER_ROW = """
    INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency, lease_owner,
                        lease_until, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, 1500, 'EUR', 'test', now(), now(), now())
"""
_numbers = itertools.count(1)


def fresh() -> bytes:
    """An identifier that no other call gives."""
    return uuid7(NOW_MS, next(_numbers) << 32 | 0xABCD)


class Watched(PostgresJournal):
    """The real journal, with a gate before each commit and a mishap after it."""

    def __init__(self, pool: Connections) -> None:
        super().__init__(pool)
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.at_gate = asyncio.Event()
        self.after_commit: Callable[[], None] = lambda: None
        self.batches: list[Batch] = []

    async def commit(self, batch: Batch) -> None:
        self.at_gate.set()
        await self.open_gate.wait()
        await super().commit(batch)
        self.batches.append(batch)
        self.after_commit()


class Heard:
    """A publisher that keeps what was published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        self.messages.extend(notices)


class Direct:
    """A shard handle without Ray in between."""

    def __init__(self, shard: SaleShard) -> None:
        self.shard = shard
        self.calls = 0

    async def submit(self, packed: bytes) -> bytes:
        self.calls += 1
        return await self.shard.submit(packed)

    async def state(self, event_id: bytes) -> bytes | None:
        return await self.shard.state(EventId(event_id))


class House:
    """Shards by number, each with its journal, and the lanes of one gateway to them."""

    def __init__(self, pool: Connections, settings: ShardSettings | None = None) -> None:
        self.now_ms = NOW_MS
        self.pool = pool
        self.settings = settings or ShardSettings(sweep_interval_ms=20, publish_interval_ms=1)
        self.shards: dict[int, SaleShard] = {}
        self.journals: dict[int, Watched] = {}
        self.heard = Heard()
        self.handles: dict[int, Direct] = {}
        self.lanes = Shards(Watched(pool), self.connect, 1, LaneSettings(patience_ms=5_000))

    async def start(self, number: int = 0) -> SaleShard:
        self.journals[number] = Watched(self.pool)
        shard = SaleShard(
            number, self.journals[number], self.heard, lambda: self.now_ms, self.settings, owner="test"
        )
        await shard.start()
        self.shards[number] = shard
        self.handles[number] = Direct(shard)
        return shard

    async def connect(self, number: int) -> ShardHandle:
        if number not in self.handles:
            raise ShardLost(f"shard {number}")
        return self.handles[number]

    async def close(self) -> None:
        await self.lanes.close()
        for shard in self.shards.values():
            await shard.kill()

    async def ask(self, command: c.AnyCommand) -> e.AnyEvent | Refusal:
        return await self.lanes.ask(command)


class Show:
    """An event with one type of ticket, and commands about it."""

    def __init__(
        self,
        house: House,
        capacity: int = 100,
        hold_ttl_ms: int = 60_000,
        event_id: EventId | None = None,
    ) -> None:
        self.house = house
        self.event_id = event_id or EventId(fresh())
        self.type_id = TicketTypeId(fresh())
        self.definition = SaleDefinition(
            self.event_id,
            "EUR",
            (Pool(PoolId(fresh()), capacity),),
            (TicketType(self.type_id, (0,), 1_500),),
            hold_ttl_ms=hold_ttl_ms,
        )

    async def open(self) -> "Show":
        configured = await self.house.ask(c.Configure(OperationId(fresh()), self.event_id, self.definition))
        assert isinstance(configured, e.Configured)
        opened = await self.house.ask(c.OpenSale(OperationId(fresh()), self.event_id, NOW_MS))
        assert isinstance(opened, e.SaleOpened)
        return self

    def hold(self, quantity: int = 1, buyer_id: BuyerId | None = None) -> c.PlaceHold:
        line = c.Line(self.type_id, quantity)
        return c.PlaceHold(OperationId(fresh()), self.event_id, buyer_id or BuyerId(fresh()), (line,))

    def sell(self, held: c.PlaceHold) -> c.Sell:
        tickets = tuple(TicketId(fresh()) for _ in range(held.lines[0].quantity))
        return c.Sell(OperationId(fresh()), self.event_id, held.buyer_id, HoldId(held.operation_id), tickets)

    async def authorised(self, sell: c.Sell) -> c.Sell:
        """Write the order that a sell belongs to, as the saga would have before it asks the shard."""
        await self._order(sell, "authorised")
        return sell

    async def given_up(self, sell: c.Sell) -> c.Sell:
        """Write an order that is given up."""
        await self._order(sell, "voiding")
        return sell

    async def _order(self, sell: c.Sell, state: str) -> None:
        await self.house.pool.execute(EVENT_ROWS, self.event_id)
        await self.house.pool.execute(
            ORDER_ROW, sell.operation_id, self.event_id, sell.hold_id, sell.buyer_id, state
        )

    async def history(self) -> list[e.AnyEvent]:
        """What the journal says, from its beginning."""
        entries = await PostgresJournal(self.house.pool).read(self.event_id, 0, 10_000)
        return [event for entry in entries for event in e.unpack(entry.body)]


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = 10.0) -> None:
    """Wait for a condition; fail when it does not come true."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.002)
