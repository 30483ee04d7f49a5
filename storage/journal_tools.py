"""Looking into the journal from the command line: `bilten journal tail` and `bilten journal verify`."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from domain import events, snapshots
from domain.applying import replay
from domain.ids import EVENT, EventId, parse, text
from domain.inventory import Inventory
from storage.audit import broken_promises, issued_by_type, sums
from storage.journal import Entry
from storage.journal_reader import START, JournalReader, JournalRow
from storage.postgres import Connection, connect, create_pool

LOOK_AGAIN_S: Final = 0.2
ROWS_A_READ: Final = 500
EXIT_BROKEN: Final = 1


class Finding(msgspec.Struct, frozen=True):
    """Something that must not be."""

    event_id: EventId
    what: str


async def tail(
    dsn: str, event_id: EventId | str | None, follow: bool, console: Console | None = None
) -> None:
    """Print the journal, of one event or of all, from its beginning; with `follow` go on until cancelled.

    Raises:
        ConnectionError: PostgreSQL can't be reached.
    """
    console = console or Console()
    wanted = EventId(parse(EVENT, event_id)) if isinstance(event_id, str) else event_id
    pool = await create_pool(dsn, application_name="bilten journal tail", connections_max=1)
    try:
        async for row in _rows(JournalReader(pool), follow):
            if wanted is None or row.entry.event_id == wanted:
                _print(console, row)
    finally:
        await pool.close()


async def _rows(reader: JournalReader, follow: bool) -> AsyncIterator[JournalRow]:
    position = START
    while True:
        rows = await reader.read(position, ROWS_A_READ)
        for row in rows:
            yield row
            position = row.position
        if not rows:
            if not follow:
                return
            await asyncio.sleep(LOOK_AGAIN_S)


def _print(console: Console, row: JournalRow) -> None:
    entry = row.entry
    at = dt.datetime.fromtimestamp(entry.at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    head = f"{at}  {text(EVENT, entry.event_id)}"
    try:
        happened = events.unpack(entry.body)
    except msgspec.MsgspecError as error:
        console.print(
            f"{head}  {entry.seq_first}..{entry.seq_last}  not readable: {error}", style="red", markup=False
        )
        return
    for seq, event in enumerate(happened, entry.seq_first):
        console.print(f"{head}  {seq:>8}  {_line(event)}", markup=False, highlight=False, soft_wrap=True)


def _line(event: events.AnyEvent) -> str:
    values = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        shown = value.hex() if isinstance(value, bytes) else value
        if isinstance(value, tuple) and value and isinstance(value[0], bytes):
            shown = f"[{len(value)}]"
        values.append(f"{name.removesuffix('_id')}={shown}")
    return f"{type(event).__name__:<16} {' '.join(values)}"


async def verify(dsn: str, console: Console | None = None) -> int:
    """Check every journal against the rules of the domain and against the tables, in one snapshot of the
    database.

    Dense, readable, its head where it ends, the counts of every pool right after every event, every snapshot
    equal to the journal it stands for, as many tickets issued as sold, and the questions of `storage.audit`.

    Returns:
        The exit code: 0 if all of it holds, 1 if not. What does not is printed.

    Raises:
        ConnectionError: PostgreSQL can't be reached.
    """
    console = console or Console()
    connection = await connect(dsn, application_name="bilten journal verify")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            findings = await verify_all(connection, console)
    finally:
        await connection.close()
    for finding in findings:
        console.print(f"{text(EVENT, finding.event_id)}: {finding.what}", style="red", markup=False)
    console.print("The journal holds." if not findings else f"{len(findings)} things are wrong.")
    return EXIT_BROKEN if findings else 0


async def verify_all(connection: Connection, console: Console) -> list[Finding]:
    """Return what is wrong, printing what each event amounts to. To be called within one snapshot."""
    heads = await connection.fetch("SELECT event_id, seq_last FROM journal_heads ORDER BY event_id")
    orphans = await connection.fetch("""
        SELECT DISTINCT event_id FROM journal
        WHERE NOT EXISTS (SELECT FROM journal_heads WHERE journal_heads.event_id = journal.event_id)
    """)
    findings = [Finding(row["event_id"], "its journal has no head") for row in orphans]
    table = Table("event", "events", "free", "held", "sold", "issued", "cancelled", "captured", "refunded")
    with Progress(console=console, transient=True) as progress:
        for row in progress.track(heads, description="replaying"):
            event_id = row["event_id"]
            state, wrong = await _verify_event(connection, event_id, row["seq_last"])
            findings.extend(Finding(event_id, what) for what in wrong)
            amounts = await sums(connection, event_id)
            table.add_row(
                text(EVENT, event_id),
                str(state.seq),
                *(
                    str(sum(getattr(pool, place) for pool in state.pools))
                    for place in ("free", "held", "sold")
                ),
                *map(
                    str, (amounts.issued, amounts.cancelled, amounts.captured_minor, amounts.refunded_minor)
                ),
            )
    console.print(table)
    return findings


async def _verify_event(connection: Connection, event_id: EventId, head: int) -> tuple[Inventory, list[str]]:
    state, wrong = Inventory(event_id), []
    stored = await connection.fetch(
        "SELECT seq, body FROM snapshot_bodies WHERE event_id = $1 ORDER BY seq", event_id
    )
    unchecked = {row["seq"]: row["body"] for row in stored}
    try:
        async for row in connection.cursor(
            "SELECT event_id, seq, seq_last, at, body FROM journal WHERE event_id = $1 ORDER BY seq", event_id
        ):
            for event in _readable(state, Entry(*row)):
                replay(state, [event])
                if state.seq in unchecked:
                    wrong.extend(_snapshot_problems(unchecked.pop(state.seq), state))
            while state.operations.spill():
                pass  # as a shard would, or a long sale would not fit into memory
    except (AssertionError, LookupError, ArithmeticError, ValueError) as error:
        # Past the first event that can't be, nothing that follows means anything.
        wrong.append(f"event {state.seq + 1} can't be replayed: {error!r}")
        return state, wrong
    if state.seq != head:
        wrong.append(f"its journal ends at {state.seq}, its head says {head}")
    wrong.extend(f"there is a snapshot at {seq}, where the journal is not" for seq in unchecked)
    issued = await issued_by_type(connection, event_id)
    for position in sorted({*issued, *range(len(state.types))}):
        sold = state.types[position].sold if position < len(state.types) else 0
        if issued.get(position, 0) != sold:
            wrong.append(f"type {position}: {sold} sold, {issued.get(position, 0)} tickets issued")
    broken = await broken_promises(connection, event_id)
    wrong.extend(f"{count} {name}" for name, count in broken.items())
    return state, wrong


def _readable(state: Inventory, entry: Entry) -> list[events.AnyEvent]:
    if entry.seq_first != state.seq + 1:
        raise ValueError(f"the next entry begins at {entry.seq_first}")
    happened = events.unpack(entry.body)
    if len(happened) != entry.seq_last - entry.seq_first + 1:
        raise ValueError(f"{len(happened)} events where {entry.seq_first} to {entry.seq_last} were promised")
    return happened


def _snapshot_problems(body: bytes, state: Inventory) -> list[str]:
    try:
        taken = snapshots.load(body)
    except snapshots.UnknownSnapshot:
        return []  # of another version: recovery passes over it as well
    here, there = (
        (each.seq, each.status, [pool.as_tuple() for pool in each.pools], each.holds, each.extended)
        for each in (state, taken)
    )
    return [] if here == there else [f"the snapshot at {state.seq} is not what the journal says"]
