"""The sale shard's promises, each tested at the moment in which it could be broken.

If one of these fails, an answer was given that a crash can take back, or an operation had two effects.
"""

import asyncio

import msgspec
import pytest

from actors import sale
from actors.ports import ShardSettings
from domain import commands as c
from domain import events as e
from domain import notices
from domain.ids import BuyerId, HoldId, OperationId
from domain.refusals import Code, Refusal
from storage.journal import Unknown
from tests.actors.stage import Heard, House, Show, fresh, until


async def test_an_answer_leaves_only_after_its_commit(house: House) -> None:
    show = await Show(house).open()
    journal = house.journals[0]
    journal.open_gate.clear()
    journal.at_gate.clear()
    asked = asyncio.ensure_future(house.ask(show.hold()))
    await journal.at_gate.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not asked.done()
    journal.open_gate.set()
    assert isinstance(await asked, e.Held)


async def test_a_refusal_decided_on_an_uncommitted_state_waits_for_it(house: House) -> None:
    """The last ticket is held by a batch that is not durable: nobody may hear `sold_out` before it is."""
    show = await Show(house, capacity=1).open()
    journal = house.journals[0]
    journal.open_gate.clear()
    journal.at_gate.clear()
    first = asyncio.ensure_future(house.ask(show.hold()))
    await journal.at_gate.wait()
    second = asyncio.ensure_future(house.ask(show.hold()))
    await until(lambda: house.handles[0].calls >= 4)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not second.done()
    journal.open_gate.set()
    assert isinstance(await first, e.Held)
    refusal = await second
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.SOLD_OUT


async def test_the_next_turn_is_decided_while_one_commits(house: House) -> None:
    show = await Show(house).open()
    journal = house.journals[0]
    before = len(journal.batches)
    journal.open_gate.clear()
    journal.at_gate.clear()
    asked = [asyncio.ensure_future(house.ask(show.hold()))]
    await journal.at_gate.wait()
    asked += [asyncio.ensure_future(house.ask(show.hold())) for _ in range(20)]
    resident = house.shards[0].residents.get(show.event_id)
    assert not isinstance(resident, e.Again)
    await until(lambda: len(resident.state.holds) == 21)
    assert not any(each.done() for each in asked)
    journal.open_gate.set()
    await asyncio.gather(*asked)
    assert len(journal.batches) - before <= 4, "what arrived during a commit goes together"


async def test_a_commit_of_unknown_outcome_has_one_effect(house: House) -> None:
    show = await Show(house).open()
    journal = house.journals[0]

    def lose_the_answer() -> None:
        journal.after_commit = lambda: None
        raise Unknown("the connection was cut after COMMIT")

    journal.after_commit = lose_the_answer
    command = show.hold()
    assert isinstance(await house.ask(command), e.Held)
    held = [event for event in await show.history() if isinstance(event, e.Held)]
    assert [event.operation_id for event in held] == [command.operation_id]


async def test_doing_an_operation_twice_gives_the_first_answer(house: House) -> None:
    show = await Show(house).open()
    hold = show.hold(2)
    first = await house.ask(hold)
    assert await house.ask(hold) == first
    sell = await show.authorised(show.sell(hold))
    sold = await house.ask(sell)
    assert isinstance(sold, e.Sold)
    again = c.Sell(sell.operation_id, sell.event_id, sell.buyer_id, sell.hold_id, (fresh(), fresh()))  # type: ignore[arg-type]
    assert await house.ask(again) == sold
    assert await house.ask(hold) == first, "also when the hold has become an order"
    assert len(await show.history()) == 4


async def test_an_operation_that_left_memory_is_still_known(migrated_dsn: str, house: House) -> None:
    await house.shards[0].kill()
    house.settings = ShardSettings(recent_operations_max=0, sweep_interval_ms=20)
    await house.start()
    show = await Show(house).open()
    hold = show.hold()
    first = await house.ask(hold)
    release = c.ReleaseHold(OperationId(fresh()), show.event_id, hold.buyer_id, HoldId(hold.operation_id))
    released = await house.ask(release)
    for _ in range(3):  # each later turn lets older operations go
        await house.ask(show.hold())
    assert await house.pool.fetchval("SELECT count(*) FROM operations") >= 3
    assert await house.ask(hold) == first
    assert await house.ask(release) == released


async def test_a_fenced_shard_answers_nothing_and_ends(house: House) -> None:
    show = await Show(house).open()
    zombie = house.shards[0]
    handle = house.handles[0]
    await house.start()
    reply = e.unpack_answers(await handle.submit(c.pack([show.hold()])))
    assert reply == [e.Again(is_elsewhere=False)]
    await zombie.ended.wait()
    assert zombie.is_fenced
    house.lanes = type(house.lanes)(house.journals[0], house.connect, 1)
    assert isinstance(await house.ask(show.hold()), e.Held)


async def test_a_full_mailbox_refuses_at_once(house: House) -> None:
    await house.shards[0].kill()
    house.settings = ShardSettings(mailbox_commands_max=10)
    await house.start()
    show = await Show(house).open()
    journal = house.journals[0]
    journal.open_gate.clear()
    handle = house.handles[0]
    calls = [asyncio.ensure_future(handle.submit(c.pack([show.hold() for _ in range(6)]))) for _ in range(6)]
    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    answers = e.unpack_answers(done.pop().result())
    assert all(isinstance(answer, Refusal) and answer.code is Code.BUSY for answer in answers)
    assert all(answer.retry_after_ms for answer in answers if isinstance(answer, Refusal))
    journal.open_gate.set()
    await asyncio.gather(*calls)


async def test_a_hold_expires_by_the_clock_and_its_buyer_is_told(house: House) -> None:
    show = await Show(house, capacity=1, hold_ttl_ms=60_000).open()
    hold = show.hold()
    await house.ask(hold)

    def told() -> list[notices.HoldNotice]:
        channel = notices.holds_channel(show.event_id)
        return [notices.unpack_holds(body) for name, body in house.heard.messages if name == channel]

    house.now_ms += 45_001
    await until(lambda: any(notice.expiring for notice in told()))
    assert not any(notice.expired for notice in told())
    house.now_ms += 14_999
    await until(lambda: any(notice.expired for notice in told()))
    assert [each for notice in told() for each in notice.expired] == [(hold.buyer_id, hold.operation_id)]
    assert isinstance(await house.ask(show.hold()), e.Held), "its place is free again"
    expired = [event for event in await show.history() if isinstance(event, e.Expired)]
    assert len(expired) == 1


async def test_buyers_are_warned_also_just_after_holds_were_made_to_last_shorter(house: House) -> None:
    """For a minute nobody was: it had been looked at already, when the holds in it were not placed yet."""
    show = await Show(house, hold_ttl_ms=480_000).open()
    await house.ask(show.hold())
    (resident,) = house.shards[0].residents
    house.now_ms += 440_000
    await until(lambda: resident.announced_until_ms > house.now_ms + 30_000)
    shorter = msgspec.structs.replace(show.definition, hold_ttl_ms=30_000)
    changed = await house.ask(c.Reconfigure(OperationId(fresh()), show.event_id, shorter))
    assert isinstance(changed, e.Reconfigured)
    hold = show.hold()
    await house.ask(hold)

    def warned() -> list[bytes]:
        channel = notices.holds_channel(show.event_id)
        told = [notices.unpack_holds(body) for name, body in house.heard.messages if name == channel]
        return [hold_id for notice in told for _, hold_id, _ in notice.expiring]

    house.now_ms += 250
    await until(lambda: resident.announced_until_ms < house.now_ms + 30_000)
    house.now_ms += 24_000
    await until(lambda: hold.operation_id in warned())


async def test_an_expired_hold_cannot_be_sold_though_the_sweep_is_late(house: House) -> None:
    await house.shards[0].kill()
    house.settings = ShardSettings(sweep_interval_ms=3_600_000)
    await house.start()
    show = await Show(house).open()
    hold = show.hold()
    await house.ask(hold)
    house.now_ms += 60_000
    refusal = await house.ask(show.sell(hold))
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.HOLD_EXPIRED


async def test_publications_carry_only_durable_states(house: House) -> None:
    show = await Show(house, capacity=5).open()
    await house.ask(show.hold(2))
    channel = notices.sale_channel(show.event_id)

    def newest() -> notices.SaleNotice:
        return notices.unpack_sale([body for name, body in house.heard.messages if name == channel][-1])

    await until(lambda: any(name == channel for name, _ in house.heard.messages) and newest().version == 3)
    assert newest().free_by_type == [3]
    assert newest().version == len(await show.history())


async def test_what_could_not_be_told_does_not_end_the_telling(house: House) -> None:
    """It ended in silence: pages stood still until the shard was started again, and its memory grew."""

    class Failing(Heard):
        failures = 0

        async def publish(self, notices: list[tuple[str, bytes]]) -> None:
            if not self.failures:
                self.failures += 1
                raise RuntimeError("a driver's own mistake")
            await super().publish(notices)

    await house.shards[0].kill()
    house.heard = Failing()
    await house.start()
    show = await Show(house).open()
    await until(lambda: bool(house.heard.failures))  # type: ignore[attr-defined]
    await house.ask(show.hold())
    await until(lambda: bool(house.heard.messages))


async def test_cancelling_frees_capacity_once(house: House) -> None:
    show = await Show(house, capacity=2).open()
    hold = show.hold(2)
    await house.ask(hold)
    sold = await house.ask(await show.authorised(show.sell(hold)))
    assert isinstance(sold, e.Sold)
    both = [c.CancelTickets(OperationId(fresh()), show.event_id, sold.operation_id) for _ in range(2)]
    outcomes = await asyncio.gather(*(house.ask(cancel) for cancel in both))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Cancelled", "Refusal"]
    assert isinstance(await house.ask(show.hold(2, BuyerId(fresh()))), e.Held)


async def test_a_sell_of_an_order_that_was_given_up_harms_only_itself(house: House) -> None:
    """The journal refuses its whole batch; its neighbours must get through all the same."""
    show = await Show(house).open()
    good, bad = show.hold(), show.hold()
    await asyncio.gather(house.ask(good), house.ask(bad))
    sells = [await show.authorised(show.sell(good)), await show.given_up(show.sell(bad))]
    sold, refused, held = await asyncio.gather(*(house.ask(sell) for sell in sells), house.ask(show.hold()))
    assert isinstance(sold, e.Sold)
    assert isinstance(held, e.Held)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ILLEGAL_STEP


async def test_orders_that_nobody_asks_about_again_are_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a disk is full every batch is refused, and most of its buyers give up."""
    monkeypatch.setattr(sale, "SUSPECTS_MAX", 3)
    show = await Show(house).open()
    shard = house.shards[0]
    for _ in range(5):
        hold = show.hold()
        await house.ask(hold)
        await shard.submit(c.pack([await show.given_up(show.sell(hold))]))
        assert 1 <= len(shard._suspects) <= 3
        await until(lambda: len(shard.residents) == 1)


async def test_what_postgres_refuses_to_look_up_is_looked_up_later(house: House) -> None:
    """As it does when it is out of memory: who asks waits, and the shard does not end because of it."""
    show = await Show(house).open()
    held = show.hold()
    await house.ask(held)
    sold = await house.ask(await show.authorised(show.sell(held)))
    assert isinstance(sold, e.Sold)
    await house.pool.execute("ALTER TABLE tickets RENAME TO away")
    cancel = c.CancelTickets(OperationId(fresh()), show.event_id, sold.operation_id)
    cancelling = asyncio.create_task(house.ask(cancel))
    try:
        calls = house.handles[0].calls
        await until(lambda: house.handles[0].calls > calls + 1)
    finally:
        await house.pool.execute("ALTER TABLE away RENAME TO tickets")
    assert isinstance(await cancelling, e.Cancelled)
    assert not house.shards[0].ended.is_set()


async def test_a_renewal_that_postgres_refuses_is_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """As it does when its disk is full: until it is done, nothing may be read, and nothing be decided."""
    show = await Show(house).open()
    journal, shard = house.journals[0], house.shards[0]

    def lose_the_answer() -> None:
        journal.after_commit = lambda: None
        raise Unknown("the connection was cut after COMMIT")

    journal.after_commit = lose_the_answer
    await house.pool.execute("ALTER TABLE shards ADD CONSTRAINT refusing CHECK (false) NOT VALID")
    holding = asyncio.create_task(house.ask(show.hold()))
    try:
        await until(lambda: "refusing" in caplog.text)
    finally:
        await house.pool.execute("ALTER TABLE shards DROP CONSTRAINT refusing")
    assert isinstance(await holding, e.Held)
    assert not shard.ended.is_set()


async def test_what_is_sold_out_is_right_when_turns_overlap(house: House) -> None:
    """The second turn is decided while the first is on its way: it must take back what that one says."""
    show = await Show(house, capacity=1).open()
    held = show.hold()
    await house.ask(held)
    sell = await show.authorised(show.sell(held))
    journal, shard = house.journals[0], house.shards[0]
    journal.open_gate.clear()
    selling = asyncio.create_task(house.ask(sell))
    resident = shard.residents.get(show.event_id)
    assert not isinstance(resident, e.Again)
    await until(lambda: resident.state.pools[0].sold == 1)
    more = c.ChangeCapacity(OperationId(fresh()), show.event_id, show.definition.pools[0].pool_id, 2)
    raising = asyncio.create_task(house.ask(more))
    await until(lambda: resident.state.pools[0].capacity == 2)
    journal.open_gate.set()
    assert isinstance(await selling, e.Sold)
    assert isinstance(await raising, e.CapacityChanged)
    said = [standing.sold_out for batch in journal.batches for standing in batch.standings]
    assert said[-2:] == [(0,), ()]
    assert await house.pool.fetchval("SELECT sold_out FROM sale_standings") == []
