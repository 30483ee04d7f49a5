"""What a rush says at its end: the table for people, the record for the JSON file."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape

from bench.audit import KINDS, Audit
from bench.kills import Kill, NotKilled
from bench.latency import Latency, latency
from bench.machine import CpuShare, Machine
from bench.results import print_table
from bench.witness import Witness


class RushReport(msgspec.Struct, frozen=True):
    """The whole result of a rush. Keys of `latency` are `hold` and `purchase`.

    Attributes:
        held, sold, expired: tickets that clients were told were held; tickets that they got; holds that ran
            out.
        unanswered: operations that were asked again because no answer came, by kind.
    """

    seed: int
    buyers: int
    event: str
    offered: int
    held: int
    sold: int
    expired: int
    released: int
    seconds: float
    refused: Mapping[str, int]
    unanswered: Mapping[str, int]
    connections: int
    reconnections: int
    latency: Mapping[str, Latency]
    kills: Sequence[Kill]
    not_killed: Sequence[NotKilled]
    audit: Audit
    cores: Mapping[str, CpuShare]
    machine: Machine


def report(
    *,
    seed: int,
    buyers: int,
    event: str,
    offered: int,
    seconds: float,
    witness: Witness,
    kills: Sequence[Kill],
    not_killed: Sequence[NotKilled],
    audit: Audit,
    cores: Mapping[str, CpuShare],
    machine: Machine,
) -> RushReport:
    """Put a report together."""
    return RushReport(
        seed=seed,
        buyers=buyers,
        event=event,
        offered=offered,
        held=sum(hold.quantity for hold in witness.holds.values()),
        sold=witness.tickets,
        expired=audit.expired,
        released=len(witness.releases),
        seconds=round(seconds, 1),
        refused=dict(witness.refused.most_common()),
        unanswered=dict(witness.unanswered),
        connections=witness.connections,
        reconnections=witness.reconnections,
        latency={what: latency(seconds) for what, seconds in witness.seconds.items()},
        kills=kills,
        not_killed=not_killed,
        audit=audit,
        cores=cores,
        machine=machine,
    )


def went_well(made: RushReport) -> bool:
    """Whether the audit passed, and everything that was to be killed was killed and has recovered."""
    recovered = all(each.recovery_s is not None for each in made.kills)
    return made.audit.passed and recovered and not made.not_killed


def show(console: Console, made: RushReport) -> None:
    """Print a report."""
    console.print()
    rows = [
        ("tickets offered", made.offered),
        ("tickets held", made.held),
        ("tickets sold", made.sold),
        ("holds that expired", made.expired),
        ("holds given back", made.released),
        ("connections", made.connections),
        ("connections lost and made again", made.reconnections),
        *((f"refused: {code}", number) for code, number in made.refused.items()),
        *((f"asked again: {what}", number) for what, number in made.unanswered.items()),
    ]
    title = f"{made.buyers:,} buyers, seed {made.seed}, {made.seconds:.1f} s"
    print_table(console, title, ("the sale", ""), rows)
    print_table(
        console,
        "From pressing to the answer, retries included",
        ("ms", "number", "p50", "p95", "p99", "p99.9", "max"),
        [
            (what, each.count, each.p50_ms, each.p95_ms, each.p99_ms, each.p999_ms, each.max_ms)
            for what, each in made.latency.items()
        ],
    )
    if made.kills:
        print_table(
            console,
            "Killed in the middle of it",
            ("killed", "after s", "recovered after s"),
            [
                (each.victim, each.at_s, "not seen" if each.recovery_s is None else each.recovery_s)
                for each in made.kills
            ],
        )
    for missed in made.not_killed:
        console.print(f"[bold red]NOT KILLED[/]: {missed.victim}: {escape(missed.why)}", soft_wrap=True)
    used = {name: share.cores for name, share in made.cores.items()}
    console.print(
        f"cores used from the first connection to the last: the buyers {used['buyers']:.2f}, "
        f"the platform and whatever else ran {used['others']:.2f}, idle {used['idle']:.2f}",
        soft_wrap=True,
    )
    found = msgspec.structs.asdict(made.audit)
    rows_found = [(kind.replace("_", " "), found[kind]) for kind in KINDS]
    print_table(console, "Audit: what clients saw against PostgreSQL", ("must be 0", "found"), rows_found)
    for example in made.audit.examples:
        console.print(f"  {example}", soft_wrap=True)
    verdict = "[bold green]the audit passed[/]" if made.audit.passed else "[bold red]THE AUDIT FAILED[/]"
    console.print(f"{verdict}: {made.audit.sold:,} tickets issued, {made.audit.holds:,} holds in the journal")
