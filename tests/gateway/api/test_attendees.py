"""The people of an event, taken along as a file. If one failed, an organiser would be given rows that are not
true, somebody would be given people who are none of their business or without a trace, a spreadsheet would
compute what a buyer typed, or one large event would keep everybody else waiting.
"""

import asyncio
import csv
import io
import json
from typing import Any

import aiohttp
import pytest

from domain.ids import EVENT, parse, text
from domain.roles import KEY_SCOPES
from tests.gateway.api.organising import Caller, Office, Town, organisation_id
from tests.gateway.api.test_answers import DIET, buying, published
from tests.gateway.stage import operation
from tests.people import PASSWORD

REMARK = {"label": "=Anything, else?", "kind": "long_text"}
COLUMNS = (
    *("order", "ticket", "ticket_type", "status", "order_status", "price", "currency", "bought_at"),
    *("buyer_name", "buyer_email"),
)


async def prove(caller: Caller) -> None:
    status, answer = await caller.ask("POST", "/me/step-up", {"password": PASSWORD})
    assert status == 200, answer


async def take(caller: Caller, path: str) -> tuple[int, str, Any]:
    """Return status, text and headers of what somebody is given."""
    headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    url = f"{caller.stage.url}/api/v1{path}/attendees.csv"
    async with caller.http.get(url, headers=headers) as answer:
        return answer.status, (await answer.read()).decode(), answer.headers


async def rows(caller: Caller, path: str) -> list[dict[str, str]]:
    status, given, _ = await take(caller, path)
    assert status == 200, given
    return list(csv.DictReader(io.StringIO(given, newline="")))


async def all_paid(place: Town) -> None:
    """Wait for what follows a sale in the background."""
    async with asyncio.timeout(10):
        while await place.made.pool.fetchval("SELECT count(*) FROM orders WHERE state = 'sold'"):
            await asyncio.sleep(0.02)


async def exports(place: Town, office: Office) -> list[tuple[str, str, Any]]:
    """Return what the organisation's log says of exports: who, of what, and what is said of it."""
    found = await place.made.pool.fetch(
        "SELECT * FROM audit_entries WHERE chain = $1 AND action = 'people.export' ORDER BY seq",
        organisation_id(office.base.rpartition("/")[2]),
    )
    return [(one["actor"], one["target"], json.loads(one["after"])) for one in found]


async def test_every_ticket_has_its_row(place: Town, office: Office) -> None:
    event = await published(office, [DIET, REMARK])
    diet, remark = (one["question"] for one in event["tickets"]["questions"])
    code = {"code": "EARLY", "amount_minor": 101, "is_per_order": True}
    assert (await office.owner.ask("POST", f"{office.of(event)}/vouchers", code))[0] == 201
    kind = event["tickets"]["ticket_types"][0]["ticket_type"]
    anna = await place.person("anna@example.org", 'Anna, "Änni" 👩‍🎤 عنّا')
    client = await place.here.connect(http=anna.http)
    held = await client.ask(
        "hold",
        operation=operation(),
        event=event["event"],
        lines=[{"ticket_type": kind, "quantity": 3}],
        codes=["EARLY"],
    )
    assert held["type"] == "held", held
    said = [
        *(
            {"question": diet, "ticket": at, "text": dish}
            for at, dish in enumerate(("Fish", "Beans", "Fish"))
        ),
        {"question": remark, "text": '=HYPERLINK("https://evil.example"; "x")\n<b>We, "sing"</b>'},
    ]
    order = {"event": event["event"], "hold": held["hold"], "amount_minor": 5899, "payment": "card_ok"}
    annas = await client.ask("purchase", operation=operation(), answers=said, **order)
    assert annas["type"] == "purchased", annas
    guest = await buying(await place.there.connect(), event)
    guests = await guest.pay([{"question": diet, "ticket": 0, "text": "Beans"}])
    # What came to nothing is no row.
    other = await buying(await place.there.connect(), event)
    refused = await other.pay([{"question": diet, "ticket": 0, "text": "Fish"}], payment="card_declined")
    assert refused["type"] == "refused", refused
    await all_paid(place)
    await prove(office.owner)
    status, given, headers = await take(office.owner, office.of(event))
    assert status == 200, given
    assert headers["Content-Type"].startswith("text/csv")
    assert headers["Content-Disposition"] == 'attachment; filename="attendees-dinner.csv"'
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert given.count("\r\n") == 5, "lines within a cell end as they were typed"
    head, *found = csv.reader(io.StringIO(given, newline=""))
    assert head == [*COLUMNS, "Diet", "'=Anything, else?", "other_answers"]
    assert [row[:1] for row in found] == [[guests["order"]], *([[annas["order"]]] * 3)], "newest first"
    sung = '\'=HYPERLINK("https://evil.example"; "x")\n<b>We, "sing"</b>'
    who = ['Anna, "Änni" 👩‍🎤 عنّا', "anna@example.org"]
    assert [[*row[2:7], *row[8:]] for row in found] == [
        ["Full", "issued", "paid", "20.00", "EUR", "", "", "Beans", "", ""],
        ["Full", "issued", "paid", "19.66", "EUR", *who, "Fish", sung, ""],
        ["Full", "issued", "paid", "19.66", "EUR", *who, "Beans", sung, ""],
        ["Full", "issued", "paid", "19.67", "EUR", *who, "Fish", sung, ""],
    ]
    assert [row[1] for row in found[1:]] == [one["ticket"] for one in annas["tickets"]]
    at = await place.made.pool.fetchval("SELECT max(created_at) FROM orders WHERE state = 'paid'")
    local = await place.made.pool.fetchval(
        "SELECT to_char($1::timestamptz AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD\"T\"HH24:MI')", at
    )
    assert found[0][7].startswith(local)


async def test_what_is_taken_along_is_written_down_first_and_says_nothing_of_people(
    place: Town, office: Office
) -> None:
    event = await published(office, [])
    anna = await place.person("anna@example.org", "Anna")
    await (await buying(await place.here.connect(http=anna.http), event, 2)).pay([])
    await prove(office.owner)
    assert len(await rows(office.owner, office.of(event))) == 2
    _, owner = await office.owner.ask("GET", "/me")
    assert await exports(place, office) == [(owner["id"], event["event"], {"tickets": 2})]
    written = await place.made.pool.fetch("SELECT * FROM audit_entries")
    assert "anna@example.org" not in str(written)
    _, shown = await office.owner.ask("GET", f"{office.base}/audit", query={"action": "people."})
    assert [entry["action"] for entry in shown["items"]] == ["people.export"]


async def test_nobody_else_takes_people_along(place: Town, office: Office) -> None:
    event = await published(office, [])
    path, organisation = office.of(event), office.base.rpartition("/")[2]
    # Without a fresh proof, whatever else somebody may do.
    status, given, _ = await take(office.owner, path)
    assert (status, json.loads(given)["code"]) == (403, "step_up_needed")
    for role, allowed in (("event_manager", 403), ("box_office", 403), ("viewer", 403), ("finance", 200)):
        member = await place.member(office.owner, organisation, role)
        await prove(member)
        assert (await take(member, path))[0] == allowed, role
    assert len(await exports(place, office)) == 1
    # Of the event only, and of no other.
    other = await office.published("Elsewhere")
    member = await place.member(office.owner, organisation, "finance", event["event"])
    await prove(member)
    assert (await take(member, path))[0] == 200
    assert (await take(member, office.of(other)))[0] == 404
    # To others it is as if there were nothing.
    stranger = await place.person()
    await prove(stranger)
    nothing = path.replace(event["event"], text(EVENT, b"n" * 16))
    told = [(await take(stranger, one))[:2] for one in (path, nothing)]
    assert told[0] == told[1] and told[0][0] == 404
    south = await place.organisation(stranger, "south")
    theirs = path.replace(organisation, south)
    assert (await take(stranger, theirs))[0] == 404
    # Who works on it together with the seller sees no buyers either.
    await office.owner.ask("POST", f"{path}/grants", {"slug": "south", "may_edit": True})
    accept = f"/organisations/{south}/offers/{event['event']}/accept"
    status, answer = await stranger.ask("POST", accept)
    assert status in {200, 204}, answer
    async with asyncio.timeout(5):
        while (await take(stranger, theirs))[0] == 404:
            await asyncio.sleep(0.05)
    assert (await take(stranger, theirs))[0] == 403
    assert (await take(await place.caller(), path))[0] == 401
    assert len(await exports(place, office)) == 2


async def test_no_key_takes_people_along(place: Town, office: Office) -> None:
    """Nobody is there to be asked who they are; what a key may read is one order's answers at a time."""
    event = await published(office, [])
    wanted = {"name": "All", "scopes": ["people.export"]}
    assert (await office.owner.ask("POST", f"{office.base}/keys", wanted))[0] == 400
    wanted = {"name": "All", "scopes": sorted(KEY_SCOPES)}
    status, made = await office.owner.ask("POST", f"{office.base}/keys", wanted)
    assert status == 201, made
    key = await place.caller(made["token"])
    assert (await key.ask("GET", f"{office.of(event)}/orders"))[0] == 200
    status, given, _ = await take(key, office.of(event))
    assert (status, json.loads(given)["code"]) == (403, "forbidden")
    # Not even one whose scopes somebody has written into the database.
    await place.made.pool.execute("UPDATE api_tokens SET scopes = scopes || '{people.export}'")
    again = await place.caller(made["token"])
    again.stage = place.there
    assert (await take(again, office.of(event)))[0] == 403
    assert await exports(place, office) == []


async def test_who_was_erased_is_in_no_row(place: Town, office: Office) -> None:
    event = await published(office, [REMARK])
    (remark,) = (one["question"] for one in event["tickets"]["questions"])
    await prove(office.owner)
    anna = await place.person("anna@example.org", "Anna")
    buyer = await buying(await place.here.connect(http=anna.http), event)
    bought = await buyer.pay([{"question": remark, "text": "No nuts"}])
    await all_paid(place)
    (before,) = await rows(office.owner, office.of(event))
    assert (before["buyer_name"], before["'=Anything, else?"]) == ("Anna", "No nuts")
    await prove(anna)
    assert (await anna.ask("DELETE", "/me"))[0] == 204
    (after,) = await rows(office.owner, office.of(event))
    emptied = {"buyer_name": "", "buyer_email": "", "'=Anything, else?": ""}
    assert after == {**before, **emptied}
    assert after["order"] == bought["order"]


async def test_an_answer_stands_under_the_words_that_were_asked(place: Town, office: Office) -> None:
    event = await published(office, [{"label": "Do you eat fish?", "kind": "text"}, REMARK])
    fish, remark = (one["question"] for one in event["tickets"]["questions"])
    buyer = await buying(await place.here.connect(), event)
    said = [{"question": fish, "text": "Yes"}, {"question": remark, "text": "Hello"}]
    assert (await buyer.pay(said))["type"] == "purchased"
    body = {**event["tickets"]}
    version = body.pop("version")
    # One is asked the other way round, one not at all any more.
    body["questions"] = [{**body["questions"][0], "label": "Do you refuse fish?"}]
    status, answer = await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", body, version=version)
    assert status == 200, answer
    await prove(office.owner)
    (row,) = await rows(office.owner, office.of(event))
    assert row["Do you refuse fish?"] == ""
    assert row["other_answers"] == "Do you eat fish?: Yes\n=Anything, else?: Hello"


async def test_a_file_that_breaks_off_is_none(place: Town, office: Office) -> None:
    """Whoever asks is told that they have a part only: a list with an end that is missing looks whole."""
    event = await published(office, [])
    await place.made.pool.execute(
        """
        WITH given AS (
            SELECT gen_random_uuid() AS id, number FROM generate_series(0, 499) AS number
        ), placed AS (
            INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency,
                lease_owner, lease_until, created_at, updated_at, finished_at)
            SELECT id, $1, id, id, 'paid', 2000, 'EUR', '', now(),
                date_trunc('second', now()) - number * interval '1 second', now(), now()
            FROM given
        ), lines AS (
            INSERT INTO order_lines SELECT id, 0, 0, 1, 2000 FROM given WHERE number < 499
        )
        INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, issued_at)
        SELECT id, id, $1, id, 0, now() FROM given
        """,
        parse(EVENT, event["event"]),
    )
    await prove(office.owner)
    # The oldest order is one that can't be told: its ticket has no price.
    with pytest.raises(aiohttp.ClientPayloadError):
        await take(office.owner, office.of(event))
    await place.made.pool.execute(
        "INSERT INTO order_lines SELECT order_id, 0, 0, 1, 2000 FROM orders ON CONFLICT DO NOTHING"
    )
    assert len(await rows(office.owner, office.of(event))) == 500
