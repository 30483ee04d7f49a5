"""A gateway process and signals: if this fails, every deployment costs buyers their requests."""

import asyncio
import signal
import sys
from typing import Any

import aiohttp

from gateway.limits import GatewayLimits
from tests.gateway.stage import ROOT, Stage, operation
from tests.gateway.wire_client import Client


async def test_sigterm_answers_what_is_under_way_and_ends(migrated_dsn: str, redis_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.gateway_process", migrated_dsn, redis_url, "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port, event, kind = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
    stage: Any = Stage.__new__(Stage)
    stage.clients, stage.port, stage.limits = [], int(port), GatewayLimits()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        stage.http = http
        client: Client = await stage.connect()
        lines = [{"ticket_type": kind, "quantity": 2}]
        held = await client.ask("hold", operation=operation(), event=event, lines=lines)
        await client.send(
            {
                "type": "purchase",
                "id": 99,
                "operation": operation(),
                "event": event,
                "hold": held["hold"],
                "amount_minor": 3000,
                "payment": "card_slow",
            }
        )
        await client.ask("ping")
        process.send_signal(signal.SIGTERM)
        await client.until(lambda message: message["type"] == "draining")
        bought = await client.reply_to(99)
        assert bought["type"] == "purchased", bought
        assert await client.closed() == 1001
    assert await asyncio.wait_for(process.wait(), 30) == 0
