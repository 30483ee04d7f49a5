"""The audit log is believed because nobody can change it unseen, its keepers included. If these fail,
somebody can give themselves a right, use it, and take the entry out.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cluster.cli import app
from domain import ids
from domain.ids import OrganisationId
from storage.audit_log import PLATFORM, AuditEntry, record
from storage.audit_reader import AuditFilter, entries_of, entries_of_all
from storage.audit_verification import Damage, Verified, verify
from storage.journal import Refused
from storage.postgres import AnyConnection, Pool, asking, connect
from storage.tenancy import tenant
from tests.conftest import AUDIT_KEY

OURS, THEIRS = OrganisationId(b"o" * 16), OrganisationId(b"t" * 16)
ENTRIES = 9


def entry(organisation_id: OrganisationId | None = OURS, number: int = 0) -> AuditEntry:
    return AuditEntry(
        organisation_id=organisation_id,
        at_ms=1_800_000_000_000 + number,
        actor="user_1",
        action="event.edit",
        target=f"event_{number}",
        before={"title": "Å\u0308 \U0001f600 \u2028 'x'\\", "price_minor": 2**62, "tags": ["b", "a"]},
        after={"title": None, "is_on": True, "inner": {"z": 1, "a": -1}, "\uffff": 1, "\U0001f600": 2},
        address="::1",
        user_agent="agent",
    )


async def checked(dsn: str, key: bytes = AUDIT_KEY, earlier: Verified | None = None) -> Verified:
    connection = await connect(dsn, application_name="test")
    try:
        return await verify(connection, key, earlier.heads if earlier else {})
    finally:
        await connection.close()


@pytest.fixture
async def written(pool: Pool) -> AsyncIterator[Pool]:
    for number in range(ENTRIES):
        async with tenant(pool, OURS) as connection:
            assert await record(connection, entry(OURS, number)) == number + 1
        async with tenant(pool, THEIRS) as connection:
            await record(connection, entry(THEIRS, number))
        async with asking(pool) as connection, connection.transaction():
            await record(connection, entry(None, number))
    yield pool


async def test_what_was_written_is_sound(written: Pool, shared_dsn: str) -> None:
    """Whatever PostgreSQL makes of JSON, it gives back what was hashed."""
    found = await checked(shared_dsn)
    assert (found.entries, found.findings) == (3 * ENTRIES, ())
    assert {head.seq for head in found.heads.values()} == {ENTRIES}
    assert set(found.heads) == {OURS, THEIRS, PLATFORM}


# What somebody with every right in the database does, and what is said of it: kind, entries.
TAMPERING: Sequence[tuple[str, str, set[tuple[Damage, int, int]]]] = [
    (
        "an edited value",
        """UPDATE audit_entries SET after = '{"role": "owner"}' WHERE chain = $1 AND seq = 4""",
        {(Damage.EDIT, 4, 4)},
    ),
    (
        "an edited actor",
        "UPDATE audit_entries SET actor = 'user_2' WHERE chain = $1 AND seq = 1",
        {(Damage.EDIT, 1, 1)},
    ),
    (
        "an edited time",
        "UPDATE audit_entries SET at = at + interval '1 ms' WHERE chain = $1 AND seq = 9",
        {(Damage.EDIT, 9, 9)},
    ),
    (
        "an edit whose hash was made anew",
        "UPDATE audit_entries SET actor = '', hash = sha256('x') WHERE chain = $1 AND seq = 4",
        {(Damage.EDIT, 4, 4)},
    ),
    (
        "a removed entry",
        "DELETE FROM audit_entries WHERE chain = $1 AND seq = 4",
        {(Damage.REMOVAL, 4, 4)},
    ),
    (
        "the first entries removed",
        "DELETE FROM audit_entries WHERE chain = $1 AND seq <= 3",
        {(Damage.REMOVAL, 1, 3)},
    ),
    (
        "a removed entry, with the numbers closed up",
        """
        DELETE FROM audit_entries WHERE chain = $1 AND seq = 9;
        UPDATE audit_entries SET seq = 9 WHERE chain = $1 AND seq = 8
        """,
        {(Damage.REMOVAL, 8, 8), (Damage.EDIT, 9, 9)},
    ),
    (
        "two entries in each other's place",
        """
        UPDATE audit_entries AS entry SET (at, actor, action, target, before, after, previous_hash, hash) = (
            SELECT at, actor, action, target, before, after, previous_hash, hash FROM audit_entries AS other
            WHERE other.chain = entry.chain AND other.seq = 10 - entry.seq)
        WHERE chain = $1 AND seq IN (3, 7)
        """,
        {(Damage.REORDER, 3, 3), (Damage.REORDER, 7, 7)},
    ),
    (
        "contents in each other's place under the old hashes",
        """
        UPDATE audit_entries AS entry SET (at, actor, action, target, before, after) = (
            SELECT at, actor, action, target, before, after FROM audit_entries AS other
            WHERE other.chain = entry.chain AND other.seq = 9 - entry.seq)
        WHERE chain = $1 AND seq IN (4, 5)
        """,
        {(Damage.REORDER, 4, 4), (Damage.REORDER, 5, 5)},
    ),
    (
        "a cut tail",
        "DELETE FROM audit_entries WHERE chain = $1 AND seq > 6",
        {(Damage.CUT_TAIL, 7, 9)},
    ),
    (
        "a cut tail with a head that fits",
        """
        WITH gone AS (DELETE FROM audit_entries WHERE chain = $1 AND seq > 6)
        UPDATE audit_heads SET seq = 6, hash = (SELECT hash FROM audit_entries WHERE chain = $1 AND seq = 6)
        WHERE chain = $1
        """,
        {(Damage.FORGED_HEAD, 0, 0)},
    ),
    (
        "a head that is gone",
        "DELETE FROM audit_heads WHERE chain = $1",
        {(Damage.CUT_TAIL, 0, 0)},
    ),
    (
        "everything but the head",
        "DELETE FROM audit_entries WHERE chain = $1",
        {(Damage.CUT_TAIL, 1, 9)},
    ),
    (
        "another chain's head",
        """
        UPDATE audit_heads SET mac = (
            SELECT mac FROM audit_heads WHERE chain = '74747474747474747474747474747474')
        WHERE chain = $1
        """,
        {(Damage.FORGED_HEAD, 0, 0)},
    ),
]


@pytest.mark.parametrize(
    ("statement", "expected"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING]
)
async def test_tampering_is_named(
    written: Pool, shared_dsn: str, statement: str, expected: set[tuple[Damage, int, int]]
) -> None:
    await tamper(written, statement)
    found = (await checked(shared_dsn)).findings
    assert {(finding.damage, finding.first, finding.last) for finding in found} == expected
    assert {finding.chain for finding in found} == {OURS}


async def test_a_chain_written_anew_from_some_entry_on_shows_in_the_seal(
    written: Pool, shared_dsn: str
) -> None:
    """Whoever knows how hashes are made can make all of them; the seal needs the key."""
    from tests.storage.forging import rewrite

    await rewrite(written, OURS, 5)
    found = await checked(shared_dsn)
    assert [finding.damage for finding in found.findings] == [Damage.FORGED_HEAD]


async def test_an_earlier_head_shows_what_the_database_can_not(written: Pool, shared_dsn: str) -> None:
    """Somebody who puts the whole database back to an earlier day has a head that was sealed once."""
    earlier = await checked(shared_dsn)
    async with tenant(written, OURS) as connection:
        await record(connection, entry(OURS, 10))
    now = await checked(shared_dsn, earlier=earlier)
    assert now.findings == ()
    await tamper(
        written, "DELETE FROM audit_entries WHERE chain = $1; DELETE FROM audit_heads WHERE chain = $1"
    )
    found = await checked(shared_dsn, earlier=earlier)
    assert [(finding.damage, finding.chain) for finding in found.findings] == [(Damage.LOST_CHAIN, OURS)]


async def test_a_lost_chain_is_told_of_by_the_platforms(pool: Pool, shared_dsn: str) -> None:
    async with asking(pool) as connection, connection.transaction():
        await record(
            connection,
            AuditEntry(
                organisation_id=None,
                at_ms=0,
                actor="",
                action="organisation.create",
                target=ids.text(ids.ORGANISATION, OURS),
                before={},
                after={},
                address="",
                user_agent="",
            ),
        )
    found = await checked(shared_dsn)
    assert [(finding.damage, finding.chain) for finding in found.findings] == [(Damage.LOST_CHAIN, OURS)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = ''",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET seq = seq - 1",
    ],
)
async def test_even_the_owner_is_refused(written: Pool, statement: str) -> None:
    with pytest.raises(Refused, match="append-only"):
        async with asking(written) as connection:
            await connection.execute(statement)


async def test_concurrent_writers_make_one_dense_chain(pool: Pool, shared_dsn: str) -> None:
    """Some of the transactions end without their change; their entries leave no gap."""

    async def write(number: int) -> None:
        async with tenant(pool, OURS) as connection:
            await record(connection, entry(OURS, number))
            if number % 3 == 0:
                raise ZeroDivisionError

    results = await asyncio.gather(*(write(number) for number in range(90)), return_exceptions=True)
    assert sum(isinstance(result, ZeroDivisionError) for result in results) == 30
    assert sum(result is None for result in results) == 60
    found = await checked(shared_dsn)
    assert (found.entries, found.findings) == (60, ())


async def test_an_entry_needs_the_transaction_of_its_change(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(RuntimeError, match="transaction of the change"):
            await record(connection, entry())


async def test_text_that_postgresql_refuses_is_made_harmless(pool: Pool, shared_dsn: str) -> None:
    """A user agent with a NUL must not stop somebody from revoking a key."""
    odd = AuditEntry(
        organisation_id=OURS,
        at_ms=0,
        actor="a\0",
        action="a.b",
        target="\ud800",
        before={"\0": "\0"},
        after={"long": "x" * 30_000, "short": "y"},
        address="\0",
        user_agent="\ud800" * 1000,
    )
    async with tenant(pool, OURS) as connection:
        await record(connection, odd)
    assert json.loads(await pool.fetchval("SELECT after FROM audit_entries"))["short"] == "y"
    assert (await checked(shared_dsn)).findings == ()
    with pytest.raises(TypeError):
        async with tenant(pool, OURS) as connection:
            await record(connection, entry_with(0.5))


def entry_with(value: object) -> AuditEntry:
    return msgspec.structs.replace(entry(), before={"value": value})


async def test_of_what_is_too_long_the_figures_are_kept(pool: Pool) -> None:
    """A long text must not take a price with it."""
    types = {f"type_{at}": {"description": "x" * 3_000, "price_minor": at} for at in range(100)}
    made = msgspec.structs.replace(entry(OURS, 0), after={"ticket_types": types})
    async with tenant(pool, OURS) as connection:
        await record(connection, made)
    kept = json.loads(await pool.fetchval("SELECT after FROM audit_entries"))
    assert kept["ticket_types"] == {
        f"type_{at}": {"description": "too long to keep", "price_minor": at} for at in range(100)
    }


async def rows_read(connection: AnyConnection) -> int:
    """How many entries were looked at in this transaction."""
    read: int = await connection.fetchval(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'audit_entries'"
    )
    return read


async def test_who_looks_for_an_event_does_not_read_the_whole_log(pool: Pool) -> None:
    """A log grows for ever; what is done to the codes of one event are a few entries of it."""
    other = msgspec.structs.replace(entry(), target="member_1", before={}, after={"event": "event_other"})
    ours = msgspec.structs.replace(other, target="event_ours")
    code = msgspec.structs.replace(other, target="voucher_1", after={})
    codes = [
        msgspec.structs.replace(code, **{side: {"event": "event_ours"}})
        for side in ("before", "after", "before", "after")
    ]
    for organisation_id in (OURS, THEIRS):
        async with tenant(pool, organisation_id) as connection:
            for each in [*[other] * 200, ours, *codes, *[other] * 200]:
                await record(connection, msgspec.structs.replace(each, organisation_id=organisation_id))
    wanted = AuditFilter(target="event_ours")
    async with tenant(pool, OURS) as connection:
        before = await rows_read(connection)
        found = await entries_of(connection, OURS, wanted, None, 10)
        assert [each.seq for each in found] == [205, 204, 203, 202, 201]
        assert [each.seq for each in await entries_of(connection, OURS, wanted, 203, 1)] == [202]
        assert await rows_read(connection) - before <= 8
    async with asking(pool) as connection, connection.transaction():
        before = await rows_read(connection)
        everywhere = await entries_of_all(connection, wanted, None, 20)
        assert len(everywhere) == 10
        places = [(each.at_ms, each.chain, each.seq) for each in everywhere]
        assert places == sorted(places, reverse=True)
        last = everywhere[3]
        rest = await entries_of_all(connection, wanted, (last.at_ms, last.chain, last.seq), 2)
        assert rest == everywhere[4:6]
        assert await rows_read(connection) - before <= 14


async def test_the_command_says_which_entry_and_how(written: Pool, shared_dsn: str, tmp_path: Path) -> None:
    environment = {"BILTEN_POSTGRES_DSN": shared_dsn, "BILTEN_AUDIT_KEY": AUDIT_KEY.hex()}
    environment["BILTEN_DATA_DIR"] = str(tmp_path)
    command = ["audit", "verify", "--heads", str(tmp_path / "heads")]

    def run() -> tuple[int, str]:
        result = CliRunner().invoke(app, command, env=environment)
        return result.exit_code, result.output

    key = environment.pop("BILTEN_AUDIT_KEY")
    code, output = await asyncio.to_thread(run)
    assert code == 2
    assert "the key is not here" in output
    assert not (tmp_path / "audit-key").exists()
    environment["BILTEN_AUDIT_KEY"] = key
    code, output = await asyncio.to_thread(run)
    assert (code, output) == (0, f"{3 * ENTRIES} entries in 3 chains are as they were written\n")
    assert len((tmp_path / "heads").read_text().splitlines()) == 3
    await tamper(written, "DELETE FROM audit_entries WHERE chain = $1 AND seq = 4")
    code, output = await asyncio.to_thread(run)
    organisation = ids.text(ids.ORGANISATION, OURS)
    assert (code, output) == (1, f"{organisation} entry 4: removal: these entries are missing\n")


async def tamper(pool: Pool, statements: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements.split(";"):
            await connection.execute(statement.replace("$1", f"'{OURS.hex()}'"))
