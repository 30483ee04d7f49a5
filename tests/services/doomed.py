"""A process that buys a ticket and is killed (SIGKILL, itself) at a boundary of its order's story.

python -m tests.services.doomed DSN REDIS_URL EVENT HOLD OPERATION BUYER BOUNDARY
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from domain import commands as c
from domain import wire
from domain.ids import BuyerId
from tests.gateway.stage import works

R = TypeVar("R")
BOUNDARIES = 10
"""Before and after each of: placed, authorised by the provider, sold, captured, recorded."""


class Doom:
    """Counts boundaries, and kills at the one that was asked for."""

    def __init__(self, boundary: int) -> None:
        self.left = boundary

    def boundary(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def around(self, call: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        async def wrapped(*given: Any, **named: Any) -> R:
            self.boundary()
            found = await call(*given, **named)
            self.boundary()
            return found

        return wrapped


async def main(arguments: list[str]) -> None:
    dsn, redis_url, event, hold, operation, buyer, boundary = arguments
    async with works(dsn, redis_url, owner="doomed") as made:
        doom = Doom(int(boundary))
        orders: Any = made.orders
        orders.place = doom.around(made.orders.place)
        orders.step = doom.around(made.orders.step)
        sandbox: Any = made.sandbox
        sandbox.authorise = doom.around(made.sandbox.authorise)
        sandbox.capture = doom.around(made.sandbox.capture)
        ask = made.shards.ask

        async def sell(command: c.AnyCommand) -> Any:
            doom.boundary()
            outcome = await ask(command)
            doom.boundary()
            return outcome

        def ask_or_die(command: c.AnyCommand) -> Any:
            return asyncio.ensure_future(sell(command)) if isinstance(command, c.Sell) else ask(command)

        shards: Any = made.shards
        shards.ask = ask_or_die
        request = wire.Purchase(1, operation, event, hold, 3000, "card_ok")
        await made.purchases.purchase((BuyerId(bytes.fromhex(buyer)),), request)
        await made.purchases.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
