"""Figures are only as good as the arithmetic under them. No bench is run here."""

import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bench import fanout, hot_event, purchase, scale
from bench.echo import EchoLoad
from bench.latency import Latency, latency, nearest_rank
from bench.load import BenchFailed, Load, measure
from bench.machine import CpuMeter, CpuShare, Machine, limit_line, stall_line
from bench.platform import Identifiers
from bench.raw_socket import RawSocket, client_frame
from bench.redis_baseline import run_redis
from bench.results import Result, ratio, shown, write_json
from bench.run import BENCHES, main
from bench.rush_event import rush_catalogue
from bench.shoppers import Measured
from bench.sql_baselines import WAYS
from bench.stalls import stalls_of
from client import BiltenClient
from domain import commands as c
from domain import events as e
from domain.ids import EventId
from domain.refusals import Code, Refusal
from gateway.protocol import frame
from services.events.catalogue_file import CatalogueFile, read_catalogue
from tests.gateway.stage import ROOT

MACHINE = Machine("processor", 2, 24.0, "Linux", "3.11", 0.1, 0.0)


def load(per_s: float, callers: int = 1) -> Load:
    return Load(callers, per_s, latency([0.001, 0.002, 0.003]))


def share(cores: float) -> CpuShare:
    return CpuShare(cores, cores, 0.0)


def test_percentiles_are_what_somebody_waited() -> None:
    """An interpolated p99 is a wait that nobody had; one rank too low hides the slowest."""
    ordered = [float(value) for value in range(1, 101)]
    assert nearest_rank(ordered, 0.5) == 50
    assert nearest_rank(ordered, 0.99) == 99
    assert nearest_rank(ordered, 0.999) == 100
    assert nearest_rank([7.0], 0.5) == nearest_rank([7.0], 0.99) == 7
    made = latency([0.004, 0.001, 0.002, 0.003])
    assert made == Latency(4, 2.0, 4.0, 4.0, 4.0, 4.0)
    assert latency([]).count == 0


def test_ratios_have_three_figures_and_survive_nothing() -> None:
    assert ratio(50_000, 637) == 78.5
    assert ratio(1, 0) == 0
    assert shown(12_345.6) == "12,346"
    assert shown(1.2345) == "1.23"


def test_the_hot_events_json_has_the_keys_that_were_agreed() -> None:
    """Whoever compares runs reads these keys; a renamed one is a figure lost."""
    loads = {
        waiting: load(per_s, waiting)
        for waiting, per_s in zip(hot_event.WAITING, (9, 30, 60, 50), strict=True)
    }
    baselines = {name: load(2.0) for name in hot_event.RATIOS}
    made = hot_event.result(loads, baselines, ["a line"], MACHINE)
    for waiting in (50, 500, 2_000, 10_000):
        assert {f"holds_per_s_{waiting}", f"p50_ms_{waiting}", f"p99_ms_{waiting}"} <= made.figures.keys()
    assert set(made.ratios) == {
        *(
            "for_update",
            "conditional_update",
            "skip_locked",
            "advisory_lock",
            "redis_always",
            "redis_everysec",
        )
    }
    # The best of the four, not the last.
    assert made.ratios["for_update"] == 30
    assert set(WAYS) <= set(made.baselines)
    assert callable(run_redis)


def test_the_purchase_bench_counts_against_the_cheapest_echo() -> None:
    """Against a dearer client's echo the ratio would flatter us."""
    holds, bought = Measured(2.0, 0.0, is_buying=False), Measured(2.0, 0.0, is_buying=True)
    holds.holds = [0.01] * 2_000
    bought.purchases = [0.05] * 400
    cores = {"client": share(0.5), "echo": share(1.0)}
    echoes = {
        "raw": EchoLoad("raw", 400, 10_000.0, latency([0.001]), cores),
        "websockets": EchoLoad("websockets", 400, 5_000.0, latency([0.001]), cores),
    }
    made = purchase.result(holds, bought, echoes, 0.3, 0.5, ["a line"], 2.0, MACHINE)
    assert made.figures["holds_per_s"] == 1_000
    assert made.figures["purchases_per_s"] == 200
    assert {"hold_p99_ms", "purchase_p99_ms"} <= made.figures.keys()
    assert made.ratios == {"holds_per_echo": 0.1, "purchases_per_echo": 0.02}
    assert made.baselines["echo_raw_client_us"] == 50.0


def test_a_change_is_seen_with_the_first_state_that_has_it() -> None:
    """Counting the state after would double every delay; counting the one before would hide them."""
    # Changes 0 to 3 have versions 11 to 14; states 12 and 14 came at 1.0 and 2.0.
    delays = fanout.delays_ms([10, 12, 14], [0.0, 1.0, 2.0], 10, [0.5, 0.6, 0.7, 0.8], 1)
    assert delays == pytest.approx([500, 400, 1300, 1200])
    never = fanout.delays_ms([10, 12], [0.0, 1.0], 10, [0.5, 0.6, 0.7], 1)
    assert never[2] == float("inf")


def test_results_are_written_as_agreed(tmp_path: Path) -> None:
    file = tmp_path / "new" / "result.json"
    write_json(Result("scale", {"us": 1.5}, {}, {"events_10000": 1.0}, MACHINE), file)
    assert {"name", "figures", "baselines", "ratios", "machine"} <= json.loads(file.read_text()).keys()
    assert {f"events_{scale.EVENTS[-1]}", "tickets_1m"} == {"events_10000", "tickets_1m"}


async def test_each_of_many_events_has_a_live_hold() -> None:
    """An event without one leaves the shard's memory, and the bench measures fewer than it says."""
    held: Counter[EventId] = Counter()

    class AskedShards:
        async def ask(self, command: c.AnyCommand) -> object:
            if isinstance(command, c.Configure):
                return e.Configured(command.operation_id, command.definition)
            if isinstance(command, c.OpenSale):
                return e.SaleOpened(command.operation_id, 0)
            assert isinstance(command, c.PlaceHold)
            held[command.event_id] += 1
            if len(held) > 6_000:
                return Refusal(Code.SOLD_OUT)
            return e.Held(command.operation_id, command.buyer_id, (), 0)

    made: list[scale.Event] = []
    fresh = Identifiers(seed=1)
    for number in (1, 100, 5_000):
        await scale.add_events(AskedShards(), fresh, made, number, 0, 1)
        assert held == dict.fromkeys((event_id for event_id, _ in made), 1)
        assert len(held) == number
    with pytest.raises(BenchFailed):
        await scale.add_events(AskedShards(), fresh, made, 7_000, 0, 1)


def test_costs_are_compared_within_a_round() -> None:
    """In the slow round both are dear, which says nothing of either."""
    assert scale.against([2.2, 22.0, 2.4], [2.0, 20.0, 2.0]) == 1.1
    with pytest.raises(ValueError, match="longer"):
        scale.against([1.0], [1.0, 1.0])


def test_slow_laps_that_follow_each_other_are_one_stall() -> None:
    """A machine that stands still must be told from a bench that is slow, and jitter from both."""
    laps = [0.001] * 95 + [0.006, 0.011] + [0.0015] * 2 + [0.004]
    found = stalls_of(laps)
    assert found.longest_ms == pytest.approx(15.0)
    assert found.share == pytest.approx((0.015 + 0.003) / sum(laps), abs=1e-4)
    still = stalls_of([0.001] * 10)
    assert (still.share, still.longest_ms) == (0, 0)


def test_a_machine_that_stands_still_is_told() -> None:
    assert stall_line(MACHINE) == ""
    said = stall_line(msgspec.structs.replace(MACHINE, stalled_share=0.031, stall_ms_max=61.5))
    assert "3.1%" in said
    assert "61.5 ms" in said


def test_an_unknown_bench_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("nonsense") == 2
    said = capsys.readouterr().out
    assert all(name in said for name in BENCHES)


async def test_a_load_counts_only_what_began_and_ended_in_time() -> None:
    """Warming up must not count, nor what the end cut off."""
    made = await measure(3, lambda: asyncio.sleep(0.01), seconds=0.3, warm_up_s=0.05)
    assert 0.2 * 90 < made.latency.count <= 90
    assert made.per_s == pytest.approx(made.latency.count / 0.3)

    async def fail() -> None:
        raise BenchFailed("no hold")

    with pytest.raises(BaseExceptionGroup):
        await measure(2, fail, seconds=0.1)


def test_processor_time_is_measured_where_it_is_spent() -> None:
    """The line that says what limits a bench is read off this."""
    meter = CpuMeter({"us": [os.getpid()]}).start()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    cores = meter.stop()
    assert cores["us"].cores > 0.1
    assert cores["us"].cores == pytest.approx(cores["us"].user + cores["us"].system, abs=0.01)


def test_the_line_on_what_limits_says_what_was_measured() -> None:
    idle = {"shard": share(0.4), "others": share(0.0), "idle": share(1.5)}
    assert "waiting" in limit_line(idle, 2)
    one = {"shard": share(0.97), "others": share(0.0), "idle": share(0.9)}
    assert "limited by shard" in limit_line(one, 2)
    full = {"shard": share(0.9), "others": share(1.0), "idle": share(0.02)}
    assert "every core is busy" in limit_line(full, 2)


async def test_the_raw_client_reads_frames_however_they_are_cut() -> None:
    """A frame lost at a boundary would be a buyer who waits for ever, and a rate that is too low."""
    payloads = [b"a", b"b" * 125, b"c" * 126, b"d" * 70_000, b""]
    stream = b"HTTP/1.1 101 Switching\r\n\r\n" + b"".join(frame(2, payload) for payload in payloads)
    for step in (1, 7, 4_096, len(stream)):
        received: list[bytes] = []
        socket = RawSocket(received.append)
        for at in range(0, len(stream), step):
            socket.data_received(stream[at : at + step])
        assert received == payloads
        assert socket.opened.done()


def test_the_raw_clients_frames_are_masked_with_nothing() -> None:
    """A server refuses a client's frame that is not masked; this mask leaves the payload as it is."""
    for payload in (b"x", b"x" * 126, b"x" * 70_000):
        made = client_frame(payload)
        assert made[1] & 0x80
        assert made.endswith(bytes(4) + payload)


def demo() -> CatalogueFile:
    return read_catalogue((ROOT / "docs" / "examples" / "demo.toml").read_text())


@pytest.mark.parametrize("tickets", [1, 999, 10_000, 10_007])
def test_a_rush_offers_as_many_tickets_as_were_asked_for(tickets: int) -> None:
    """`--tickets 10000` that sells 9,998 would look like tickets lost."""
    made = rush_catalogue(demo(), tickets, "rush-1")
    first = {kind.pools[0] for kind in made.ticket_types}
    assert sum(pool.capacity for pool in made.pools if pool.name in first) == tickets
    assert made.event.slug.endswith("-rush-1")


def test_the_clients_example_is_in_its_documentation() -> None:
    """The example in the package's text is what people copy."""
    import client

    assert client.__doc__ is not None
    assert "client.purchase(held" in client.__doc__
    assert callable(BiltenClient.purchase)
