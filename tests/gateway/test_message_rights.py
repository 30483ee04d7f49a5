"""Who may send which message, tried with every message as everybody. If one failed, a message could be added
that nobody has decided the rights of, or somebody could do over the websocket what a route refuses them.

What is expected comes from the table in `domain.roles`.
"""

from typing import Any

import aiohttp
import pytest

from domain.refusals import Code
from domain.roles import MESSAGES, ORGANISATION_PERMISSIONS, Access, Permission
from gateway.asyncapi import REPLY_TO
from gateway.protocol import CLIENT_TYPES
from tests.gateway.api.cast import Figure, assemble, open_session
from tests.gateway.stage import Sale, Stage, hold, operation

GUEST = Figure(name="guest", is_guest=True)


def test_every_message_names_who_may_send_it() -> None:
    assert set(MESSAGES) == set(CLIENT_TYPES), "domain.roles.MESSAGES and domain.wire name the same messages"
    for tag, access in MESSAGES.items():
        # A socket is always a session's, and never somebody's of the platform or a key's.
        assert access in {Access.SESSION, *ORGANISATION_PERMISSIONS}, tag


def examples(sale: Sale, held: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A message of each kind that is done for whoever may; "hold" comes first, for what changes it."""
    event = {"event": sale.event}
    change = {**event, "hold": held["hold"]}
    return {
        "ping": {},
        "watch": event,
        "unwatch": event,
        "watch_sales": dict(event),
        "unlock": {**event, "code": "NOTHING"},
        "hold": {**event, "lines": sale.lines(1), "operation": operation()},
        "extend": {**change, "operation": operation()},
        "release": {**change, "operation": operation()},
        "purchase": {**change, "amount_minor": 1500, "payment": "card_ok", "operation": operation()},
    }


def may(figure: Figure, access: Access | Permission) -> bool:
    if access is Access.SESSION:
        return True
    return access in (figure.granted_for_event or ()) and not figure.is_barred


@pytest.mark.timeout(300)
async def test_every_message_as_everybody(stage: Stage) -> None:
    cast = await assemble(stage.works)
    record = await stage.works.catalogue.find(cast.event_id)
    assert record is not None
    sale, faults = Sale(record), []
    for figure in cast.figures:
        # A key or a device has no session: whoever has its token sends it along, as a guest.
        session = await open_session(stage.works, figure if figure.person else GUEST)
        http = aiohttp.ClientSession(cookies={"bilten": session}, cookie_jar=aiohttp.CookieJar(unsafe=True))
        client = await stage.connect(http=http)
        said = examples(sale, await hold(client, sale))
        said["watch_sales"]["key"] = figure.key
        assert set(said) == set(CLIENT_TYPES)
        for tag, fields in said.items():
            answer = await client.ask(tag, **fields)
            is_refused = answer.get("code") == Code.FORBIDDEN
            if is_refused == may(figure, MESSAGES[tag]):
                faults.append(f"{figure.name}: {tag}: {answer}")
            # What is permitted is done, or fails for a reason of its own: what was given back can't be paid.
            if not is_refused and answer["type"] not in {"refused", *REPLY_TO[tag]}:
                faults.append(f"{figure.name}: {tag}: {answer}")
        await http.close()
    assert not faults, "\n".join(faults)
