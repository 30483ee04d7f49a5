"""Who waits, and what they are told: if one of these fails, those who came first are served last, or people
leave a line in which they would have been next.
"""

import asyncio
import contextlib
from typing import Any

from tests.gateway.stage import Stage, Works, eventually, hold, new_sale, operation
from tests.gateway.wire_client import Client


async def test_who_waits_is_told_where_they_stand(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    assert made.handle is not None
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    made.handle.gate.clear()
    for number in range(3):
        await client.send({"type": "hold", "id": 100 + number, "operation": operation(), "event": sale.event,
                           "lines": sale.lines()})  # fmt: skip
    for number in range(3):
        told = await client.until(lambda message: message["type"] == "waiting")
        assert (told["id"], told["ahead"]) == (100 + number, number)
    made.handle.gate.set()
    for number in range(3):
        assert (await client.reply_to(100 + number))["type"] == "held"


async def test_only_what_is_decided_in_turn_has_a_place(stage: Stage, made: Works) -> None:
    """Who holds by a code stands behind everybody else; who pays or asks something stands behind nobody, and
    would be told how many others pay for whatever event.
    """
    sale = await new_sale(made)
    assert made.handle is not None
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    held = await hold(client, sale)
    made.handle.gate.clear()
    line = {"event": sale.event, "lines": sale.lines()}
    paying = {"event": sale.event, "hold": held["hold"], "amount_minor": 1500, "payment": "card_ok"}
    for number, message in enumerate([
        {"type": "purchase", **paying},
        {"type": "unlock", "event": sale.event, "code": "GUESS"},
        {"type": "hold", **line},
        {"type": "hold", **line, "codes": ["GUESS"]},
    ]):  # fmt: skip
        operation_of = {} if message["type"] == "unlock" else {"operation": operation()}
        await client.send({**message, **operation_of, "id": 100 + number})
    told = [await client.until(lambda message: message["type"] == "waiting") for _ in range(2)]
    assert [(one["id"], one["ahead"]) for one in told] == [(102, 0), (103, 1)]
    made.handle.gate.set()
    answers = [await client.until(lambda message: message.get("id") in {100, 102}) for _ in range(2)]
    assert {answer["id"]: answer["type"] for answer in answers} == {100: "purchased", 102: "held"}


class Turnstile:
    """Stands in for `Direct.gate`: lets so many calls through."""

    def __init__(self) -> None:
        self.calls = asyncio.Semaphore(0)

    async def wait(self) -> None:
        await self.calls.acquire()


async def test_many_who_press_at_once_are_served_in_order(stage: Stage, made: Works) -> None:
    """At an opening there are more buyers than tickets: who came first must get them, nobody may be left
    without an answer, and what is told must be true, or people leave a line in which they would be next.
    """
    many, tickets = 200, 50
    sale = await new_sale(made, capacity=tickets)
    assert made.handle is not None
    async with contextlib.AsyncExitStack() as browsers:

        async def arrive() -> Client:
            client = await stage.connect(http=await browsers.enter_async_context(await stage.guest()))
            await client.ask("watch", event=sale.event)
            return client

        async def press(client: Client) -> None:
            await client.send(
                {
                    "type": "hold",
                    "id": 99,
                    "operation": operation(),
                    "event": sale.event,
                    "lines": sale.lines(),
                }
            )

        clients = [await arrive() for _ in range(many)]
        late = await arrive()
        turnstile = made.handle.gate = Turnstile()  # type: ignore[assignment]
        await asyncio.gather(*map(press, clients))
        told = [(await client.until(is_waiting))["ahead"] for client in clients]
        assert sorted(told) == list(range(many))

        # The line gets shorter, and who comes now is told so.
        turns = stage.gateway.turns
        async with asyncio.timeout(20):
            while len(turns) > many // 2:
                turnstile.calls.release()
                before = len(turns)
                await eventually(lambda before=before: len(turns) < before)  # type: ignore[misc]
        left = len(turns)
        await press(late)
        assert (await late.until(is_waiting))["ahead"] == left <= many // 2

        for _ in range(many):
            turnstile.calls.release()
        replies = [await client.reply_to(99) for client in [*clients, late]]
        first = {ahead for ahead, reply in zip(told, replies, strict=False) if reply["type"] == "held"}
        assert first == set(range(tickets))
        assert {reply["code"] for reply in replies if reply["type"] != "held"} == {"sold_out"}
        assert not len(turns)


def is_waiting(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "waiting")
