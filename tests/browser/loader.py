"""Puts events on sale and makes accounts at a running platform, in one process: joining Ray takes seconds, as
does the start of a command.

    python -P -m tests.browser.loader < requests

A line of input is the JSON of a `LoadRequest` or an `AccountRequest`, and a line of JSON is its answer: a
`LoadAnswer`, or for an account what was wrong ("" if nothing was).
"""

import asyncio
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from cluster.cli_settings import settings_of_running
from cluster.people_wiring import audit_key, people_vault
from cluster.ticket_key import voucher_key
from domain import commands as c
from domain.catalogue import Pool, PriceTier, SaleDefinition, TicketType
from domain.codes import fingerprint
from domain.ids import EventId, OperationId, uuid7
from domain.refusals import Refusal
from domain.roles import PlatformRole
from domain.vouchers import VoucherKind, VoucherRule
from services.demo import load
from services.events.catalogue_file import read_catalogue
from services.users.operations import AccountOperations
from services.users.passwords import Passwords, PasswordSettings
from storage.audit_log import seal_with

if TYPE_CHECKING:
    from cluster.wiring import Core


class LoadRequest(msgspec.Struct, frozen=True, tag="event"):
    """A catalogue file's text, and when its sale opens.

    Attributes:
        percents: codes of vouchers with what they take off, each good for one order.
        early: how many tickets of the first type cost 10.00 only.
        hidden: names of types that the code SECRET shows.
        named: names of types whose buyers name the price, from 5.00.
        questions: what is asked of buyers, as columns of the table; `of` names the one type of which it is.
    """

    catalogue: str
    opens_in_ms: int
    percents: dict[str, int] = {}
    early: int = 0
    hidden: list[str] = []
    named: list[str] = []
    questions: list[dict[str, Any]] = []


class LoadAnswer(msgspec.Struct, frozen=True):
    """The event and its organisation, by their ids in hexadecimal."""

    event_id: str
    organisation_id: str
    opens_at_ms: int


class AccountRequest(msgspec.Struct, frozen=True, tag="account"):
    """An account that is confirmed.

    Attributes:
        event_slug: an event whose organisation it is an owner of, or "".
        role: what it is to the platform, or "".
    """

    email: str
    name: str
    password: str
    event_slug: str = ""
    role: str = ""


async def add_prices(core: "Core", key: bytes, event_id: EventId, request: LoadRequest) -> None:
    record = await core.catalogue.find(event_id)
    assert record is not None
    types = tuple(
        TicketType(
            kind.ticket_type_id,
            kind.pools,
            kind.price_minor,
            tiers=(PriceTier(1, 1_000, None, request.early),) if request.early and not at else (),
            is_hidden=kind.name in request.hidden,
            price_min_minor=500 if kind.name in request.named else None,
        )
        for at, kind in enumerate(record.ticket_types)
    )
    async with core.pool.acquire() as connection:
        await connection.execute(
            "UPDATE ticket_types SET is_hidden = true WHERE event_id = $1 AND name = ANY ($2)",
            event_id,
            request.hidden,
        )
    pools = tuple(Pool(pool.pool_id, pool.capacity) for pool in record.pools)
    sale = SaleDefinition(event_id, record.currency, pools, types, record.buyer_limit)
    commands: list[c.AnyCommand] = [c.Reconfigure(fresh(), event_id, sale)]
    rules = {
        code: VoucherRule(VoucherKind.DISCOUNT, 100 * percent, uses_max=1)
        for code, percent in request.percents.items()
    }
    if request.hidden:
        rules["SECRET"] = VoucherRule(VoucherKind.ACCESS)
    for code, rule in rules.items():
        commands.append(c.DefineVouchers(fresh(), event_id, rule, (fingerprint(key, event_id, code),)))
    for command in commands:
        answer = await core.shards.ask(command)
        assert not isinstance(answer, Refusal), answer


async def add_questions(core: "Core", event_id: EventId, questions: list[dict[str, Any]]) -> None:
    async with core.pool.acquire() as connection:
        for at, one in enumerate(questions):
            await connection.execute(
                """
                INSERT INTO questions (question_id, event_id, position, per, label, kind, choices,
                    is_required, type_ids)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ARRAY(
                    SELECT ticket_type_id FROM ticket_types WHERE event_id = $2 AND name = $9))
                """,
                fresh(),
                event_id,
                at,
                one.get("per", "order"),
                one["label"],
                one.get("kind", "text"),
                one.get("choices", []),
                one.get("is_required", False),
                one.get("of", ""),
            )


def fresh() -> OperationId:
    return OperationId(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))


async def load_event(core: "Core", key: bytes, request: LoadRequest) -> LoadAnswer:
    loaded = await load(
        read_catalogue(request.catalogue),
        catalogue=core.catalogue,
        shards=core.shards,
        clock=core.clock,
        opens_in_ms=request.opens_in_ms,
    )
    if request.percents or request.early or request.hidden or request.named:
        await add_prices(core, key, loaded.event_id, request)
    await add_questions(core, loaded.event_id, request.questions)
    return LoadAnswer(loaded.event_id.hex(), loaded.organisation_id.hex(), loaded.opens_at_ms)


async def add_account(accounts: AccountOperations, request: AccountRequest) -> str:
    added = await accounts.add(request.email, request.name, request.password, request.event_slug)
    is_done = not added.problem
    if is_done and request.role and not await accounts.promote(request.email, PlatformRole(request.role)):
        return "there is no such account"
    return added.problem


async def serve() -> None:
    settings = settings_of_running(None)
    # Imports Ray, which reads the environment that the line above has set.
    from cluster import wiring

    wiring.connect_to_ray(settings)
    seal_with(audit_key(settings))
    passwords = Passwords(PasswordSettings(settings.users.hash_memory_kib, settings.users.hash_passes))
    async with wiring.core(settings, "browser tests") as core:
        vault = people_vault(settings, core.pool, core.clock)
        accounts = AccountOperations(core.pool, vault, passwords, core.clock, fresh)
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer: LoadAnswer | str
            match msgspec.json.decode(line, type=LoadRequest | AccountRequest):
                case LoadRequest() as request:
                    answer = await load_event(core, voucher_key(settings), request)
                case AccountRequest() as request:
                    answer = await add_account(accounts, request)
            sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
            sys.stdout.flush()
    await passwords.close()


if __name__ == "__main__":
    asyncio.run(serve())
