"""A process in which many buy, killed (SIGKILL, by itself) while each order stands at another boundary of
its story.

python -m tests.services.doomed DSN REDIS_URL EVENT STORY ORDERS

ORDERS is JSON: of each order its hold, operation, buyer and boundary.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from domain import commands as c
from domain import wire
from domain.ids import HOLD, BuyerId, EventId, HoldId, OperationId, parse
from tests.gateway.stage import Works, fresh, works

R = TypeVar("R")
_LONG_MS: Final = 60_000


class Story(msgspec.Struct, frozen=True):
    """How an order goes.

    Attributes:
        boundaries: how many there are: before and after each of its steps.
        first: the first one from which on it can go no other way.
        payment: what is paid with.
        is_recorded: the lease is nearly over, so that the authorisation is recorded before the sale.
        gives_back: the hold is given back when the payment has just been authorised.
    """

    boundaries: int
    first: int = 0
    payment: str = "card_ok"
    is_recorded: bool = False
    gives_back: bool = False


STORIES: Final = {
    # placed, authorised by the provider, sold, captured, recorded
    "sold": Story(10),
    # placed, declined by the provider, recorded
    "declined": Story(6, payment="card_declined"),
    # placed, authorised, refused by the shard, voiding recorded, voided by the provider, recorded
    "given up": Story(12, first=3, gives_back=True),
    # placed, authorised, refused by the shard, held anew, sold, captured, recorded; its hold has expired
    "held anew": Story(14),
    # placed, authorised, that recorded, sold, captured, recorded
    "authorised": Story(12, is_recorded=True),
    # placed, authorised, that recorded, refused by the shard, voiding recorded, voided, recorded
    "authorised, given up": Story(14, first=3, is_recorded=True, gives_back=True),
}


class Doom:
    """Kills when every order stands where it is to stand."""

    def __init__(self, orders: int) -> None:
        self.awaited = orders

    async def stand(self) -> None:
        self.awaited -= 1
        if not self.awaited:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.Event().wait()


class Path:
    """Counts the boundaries of one order, and lets it stand at the one that was asked for."""

    def __init__(self, doom: Doom, boundary: int) -> None:
        self.doom = doom
        self.left = boundary

    async def boundary(self) -> None:
        if self.left == 0:
            await self.doom.stand()
        self.left -= 1

    def around(self, call: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        async def wrapped(*given: Any, **named: Any) -> R:
            await self.boundary()
            found = await call(*given, **named)
            await self.boundary()
            return found

        return wrapped


def prepare(made: Works, story: Story, path: Path, give_back: c.ReleaseHold) -> None:
    """Set boundaries around everything that an order's story does outside of its process."""
    orders: Any = made.orders
    sandbox: Any = made.sandbox
    shards: Any = made.shards
    ask, authorise = made.shards.ask, made.sandbox.authorise

    async def authorise_and_give_back(*given: Any) -> Any:
        answer = await authorise(*given)
        if story.gives_back:
            await ask(give_back)
        return answer

    def ask_with_boundaries(command: c.AnyCommand) -> Any:
        is_a_step = isinstance(command, c.Sell) or (isinstance(command, c.PlaceHold) and command.lines)
        return asyncio.ensure_future(path.around(ask)(command)) if is_a_step else ask(command)

    orders.place = path.around(made.orders.place)
    orders.step = path.around(made.orders.step)
    sandbox.authorise = path.around(authorise_and_give_back)
    sandbox.capture = path.around(made.sandbox.capture)
    sandbox.void = path.around(made.sandbox.void)
    shards.ask = ask_with_boundaries
    # However slow the machine is: the lease is over when that belongs to the story, and else it is not.
    purchases: Any = made.purchases
    lease_ms = 1 if story.is_recorded else _LONG_MS
    purchases._settings = msgspec.structs.replace(purchases._settings, lease_ms=lease_ms)
    made.saga._lease_ms = _LONG_MS


async def main(arguments: list[str]) -> None:
    dsn, redis_url, event, name, given = arguments
    story, orders = STORIES[name], json.loads(given)
    doom = Doom(len(orders))
    async with works(dsn, redis_url, owner="doomed") as made:
        sale = await made.events.sale(event)
        assert sale is not None

        async def buy(hold: str, operation: str, buyer: str, boundary: int) -> None:
            buyer_id, hold_id = BuyerId(bytes.fromhex(buyer)), HoldId(parse(HOLD, hold))
            own = Works(made.pool, redis_url, "doomed", made.handle)
            give_back = c.ReleaseHold(OperationId(fresh()), EventId(sale.event_id), buyer_id, hold_id)
            prepare(own, story, Path(doom, boundary), give_back)
            request = wire.Purchase(1, operation, event, hold, 3000, story.payment)
            await own.purchases.purchase((buyer_id,), request)
            await own.purchases.close()

        buying = [asyncio.create_task(buy(*order)) for order in orders]
        done, _ = await asyncio.wait(buying, return_when=asyncio.FIRST_COMPLETED)
        raise AssertionError(f"an order came to its end without standing anywhere: {done}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
