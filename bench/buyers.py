"""The people of a rush. They hold, dither, pay, abandon, click twice, lose their connection, and come back.

What each does is decided by a random generator of its own, seeded with the rush's seed and its number; what
comes of it depends on everybody else, as in life.
"""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from bench.witness import Witness
from client import (
    BiltenClient,
    BiltenError,
    ClientSettings,
    GaveUp,
    Held,
    NotConnected,
    Notice,
    Purchased,
    Refused,
)
from client.records import EventState, HoldExpired, Waiting

WATCHERS_SHARE: Final = 0.05
ARRIVE_LATE_SHARE: Final = 0.35
LATE_S: Final = 12.0
SOLD_OUT_PATIENCE_S: Final = 6.0
ASK_AGAIN_MAX: Final = 4
# How the crowd is made up; the shares add up to 1.
HABITS: Final = (
    ("decided", 0.50),
    ("dithers", 0.15),
    ("changes their mind", 0.10),
    ("abandons", 0.12),
    ("has a bad card", 0.05),
    ("clicks twice", 0.04),
    ("loses the connection", 0.04),
)
SETTINGS: Final = ClientSettings(answer_s=45.0)

T = TypeVar("T")


class Offer(msgspec.Struct, frozen=True):
    """A ticket type as the event's page shows it."""

    ticket_type: str
    quantity_min: int
    quantity_max: int


class Sale(msgspec.Struct, frozen=True):
    """What a buyer knows of the sale.

    Attributes:
        wanted_mean: tickets that a buyer wants to have in the end, on average.
    """

    url: str
    event: str
    opens_at_ms: int
    buyer_limit: int
    offers: Sequence[Offer]
    wanted_mean: float


class Buyer:
    """One person, who may use several connections, and several names if the limit is in the way."""

    def __init__(self, sale: Sale, number: int, seed: int, witness: Witness, over: asyncio.Event) -> None:
        self._sale = sale
        self._rng = random.Random(f"{seed}:{number}")
        self._witness = witness
        self._over = over
        names, shares = zip(*HABITS, strict=True)
        self._habit: str = self._rng.choices(names, shares)[0]
        self._wanted = max(1, round(self._rng.expovariate(1 / sale.wanted_mean)))
        self._is_watching = self._rng.random() < WATCHERS_SHARE
        self.client: BiltenClient | None = None

    async def live(self) -> None:
        """Come, buy, and go. Ends when the person has enough, gives up, or the rush is over."""
        if self._rng.random() < ARRIVE_LATE_SHARE:
            await self._pause(self._rng.uniform(0.0, LATE_S))
        cookies: dict[str, str] = {}
        while self._wanted > 0 and not self._over.is_set():
            client = BiltenClient(
                self._sale.url, cookies=cookies, settings=SETTINGS, on_notice=self._notice, rng=self._rng
            )
            try:
                async with client:
                    self.client = client
                    comes_back = await self._visit(client)
            except BiltenError as error:
                self._witness.unanswered[f"connect: {reason(error)}"] += 1
                await self._pause(1.0)
                continue
            finally:
                self._witness.connections += client.connections
                self._witness.reconnections += max(0, client.connections - 1)
                self.client = None
            if comes_back == "never":
                return
            # The same person again after a while, or somebody else of the family, for whom there is no limit.
            cookies = client.cookies if comes_back == "later" else {}
            await self._pause(self._rng.uniform(1.0, 4.0) if comes_back == "later" else 0.0)

    async def _visit(self, client: BiltenClient) -> str:
        """Be at the page, and say when to come back: `never`, `later`, or as `somebody else`."""
        async with contextlib.AsyncExitStack() as stack:
            if self._is_watching:
                states = await stack.enter_async_context(client.watch(self._sale.event))
                watching = asyncio.create_task(_look_at(states))
                stack.callback(watching.cancel)
            await self._pause((self._sale.opens_at_ms - client.server_time_ms()) / 1000)
            await self._pause(self._rng.expovariate(2.0))
            bought = 0
            while self._wanted > 0 and not self._over.is_set():
                held = await self._hold_something(client)
                if held is None or isinstance(held, str):
                    return held or "never"
                outcome = await self._decide(client, held)
                if isinstance(outcome, str):
                    return outcome
                if outcome is not None:
                    bought += len(outcome.tickets)
                    self._wanted -= len(outcome.tickets)
                if bought >= self._sale.buyer_limit:
                    return "somebody else"
        return "never"

    # --- holding ------------------------------------------------------------------------------------------

    async def _hold_something(self, client: BiltenClient) -> Held | str | None:
        """Try each type, and again for a while, as tickets come back; None when there are none."""
        patience = time.perf_counter() + SOLD_OUT_PATIENCE_S * self._rng.uniform(0.3, 1.0)
        offers = list(self._sale.offers)
        self._rng.shuffle(offers)
        while not self._over.is_set():
            for offer in offers:
                quantity = min(self._wanted, self._rng.randint(1, 4), offer.quantity_max)
                held = await self._hold(client, {offer.ticket_type: max(quantity, offer.quantity_min)})
                if held == "sold_out":
                    continue
                if held == "buyer_limit":
                    return "somebody else"
                if isinstance(held, str):
                    return "later"
                return held
            if time.perf_counter() > patience:
                return None
            await self._pause(self._rng.uniform(0.5, 1.5))
        return None

    async def _hold(self, client: BiltenClient, lines: dict[str, int]) -> Held | str:
        """Hold, or return the code of the refusal, or `unknown`."""
        operation = client.new_operation()
        began = time.perf_counter()
        held = await self._ask("hold", lambda: client.hold(self._sale.event, lines, operation=operation))
        if isinstance(held, str):
            return held
        self._witness.held(client.buyer, held, began)
        return held

    # --- what to do with a hold ---------------------------------------------------------------------------

    async def _decide(self, client: BiltenClient, held: Held) -> Purchased | str | None:
        await self._pause(self._rng.uniform(0.1, 1.5))
        chance = self._rng.random()
        if self._habit == "dithers":
            return await self._dither(client, held)
        if self._habit == "changes their mind" and chance < 0.6:
            await self._release(client, held)
            return None
        if self._habit == "abandons" and chance < 0.7:
            # Closes the page without a word; the hold runs out by itself. Half of them think again.
            return "later" if chance < 0.35 else "never"
        if self._habit == "has a bad card" and chance < 0.7:
            await self._pay(client, held, payment="card_declined")
            await self._pause(self._rng.uniform(0.2, 1.0))
        if self._habit == "clicks twice":
            return await self._click_twice(client, held)
        if self._habit == "loses the connection":
            asyncio.get_running_loop().call_later(self._rng.uniform(0.0, 0.05), client.disconnect)
        return await self._pay(client, held)

    async def _dither(self, client: BiltenClient, held: Held) -> Purchased | None:
        await self._pause(self._rng.uniform(2.0, 6.0))
        extended = await self._ask("extend", lambda: client.extend(self._sale.event, held.hold))
        if isinstance(extended, str):
            return None
        await self._pause(self._rng.uniform(0.5, 8.0))
        return await self._pay(client, held)

    async def _release(self, client: BiltenClient, held: Held) -> None:
        released = await self._ask("release", lambda: client.release(self._sale.event, held.hold))
        if not isinstance(released, str):
            self._witness.released(held.hold)

    async def _click_twice(self, client: BiltenClient, held: Held) -> Purchased | None:
        """Press the button twice, and pay in a second tab as well: one order may come of all that."""
        operation = client.new_operation()
        async with BiltenClient(self._sale.url, cookies=client.cookies, settings=SETTINGS) as tab:
            first, again, _ = await asyncio.gather(
                self._pay(client, held, operation=operation),
                self._pay(client, held, operation=operation),
                self._pay(tab, held),
            )
        return first or again

    async def _pay(
        self, client: BiltenClient, held: Held, *, payment: str = "card_ok", operation: str | None = None
    ) -> Purchased | None:
        name = operation or client.new_operation()
        began = time.perf_counter()
        bought = await self._ask("purchase", lambda: client.purchase(held, payment, operation=name))
        if isinstance(bought, str):
            return None
        self._witness.purchased(client.buyer, held.hold, bought, began)
        return bought

    # --- asking -------------------------------------------------------------------------------------------

    async def _ask(self, what: str, ask: Callable[[], Awaitable[T]]) -> T | str:
        """Ask, and ask again with the same operation when no answer came; a refusal's code or `unknown`."""
        for _ in range(ASK_AGAIN_MAX):
            try:
                return await ask()
            except Refused as refusal:
                self._witness.refused[refusal.code] += 1
                return refusal.code
            except (GaveUp, NotConnected):
                self._witness.unanswered[what] += 1
        return "unknown"

    def _notice(self, notice: Notice) -> None:
        if isinstance(notice, HoldExpired):
            self._witness.expired.add(notice.hold)
        elif isinstance(notice, Waiting):
            self._witness.waited += 1

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the rush."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._over.wait()


def reason(error: BaseException) -> str:
    """Return why a visit failed, without what differs from one to the next."""
    words = str(error.__cause__ or error) or type(error).__name__
    return re.sub(r"[0-9]{2,}|https?://\S+", "…", words)[:60]


async def _look_at(states: AsyncIterator[EventState]) -> None:
    async for _ in states:
        pass
