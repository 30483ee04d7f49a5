"""Every route that changes something is called once with success, and its entry is looked for in the log. If
this failed, somebody could change rights, prices or people's accounts and deny it.
"""

import json
from typing import Any

import pyotp

from domain.ids import USER, text
from domain.roles import PlatformRole
from gateway.api.openapi import document
from gateway.api.paths import names_in
from gateway.api.table import capability_routes
from services.audit import ORGANISATION_ACTIONS, PLATFORM_ACTIONS
from tests.gateway.api.organising import Caller, Town, town
from tests.people import PASSWORD, URL
from tests.services.users.authenticator import Authenticator

# What each route that changes something writes down.
ACTIONS = {
    "users.confirm_sign_up": "user.confirm",
    "users.reset_password": "user.reset_password",
    "users.confirm_email": "user.change_email",
    "me.update": "user.update",
    "me.change_password": "user.change_password",
    "me.confirm_totp": "user.add_totp",
    "me.drop_totp": "user.drop_totp",
    "me.add_passkey": "user.add_passkey",
    "me.drop_passkey": "user.drop_passkey",
    "me.end_session": "user.end_session",
    "users.sign_out_everywhere": "user.end_sessions",
    "me.erase": "user.erase",
    "organisations.create": "organisation.create",
    "organisations.update": "organisation.edit",
    "organisations.close": "organisation.close",
    "members.update": "member.change",
    "members.remove": "member.remove",
    "members.leave": "member.leave",
    "invitations.create": "invitation.create",
    "invitations.revoke": "invitation.revoke",
    "invitations.accept": "member.join",
    "keys.create": "key.create",
    "keys.revoke": "key.revoke",
    "devices.create": "device.create",
    "devices.revoke": "device.revoke",
    "admin.organisations.suspend": "organisation.suspend",
    "admin.organisations.unsuspend": "organisation.unsuspend",
    "admin.organisations.reopen": "organisation.reopen",
    "admin.users.reveal": "people.reveal",
    "admin.users.suspend": "user.suspend",
    "admin.users.unsuspend": "user.unsuspend",
    "admin.users.end_session": "user.end_session",
    "admin.users.end_sessions": "user.end_sessions",
    "admin.flags.put": "flag.put",
    "events.create": "event.create",
    "events.update": "event.edit",
    "events.set_tickets": "event.tickets",
    "events.copy": "event.create",
    "events.publish": "event.publish",
    "events.pause": "event.pause",
    "events.resume": "event.resume",
    "events.close": "event.close",
    "events.archive": "event.archive",
    "events.cancel": "event.cancel",
    "events.capacity": "event.capacity",
    "events.withhold": "event.withhold",
    "events.return": "event.return",
    "events.grant": "event.grant",
    "events.ungrant": "event.ungrant",
    "events.accept_offer": "event.grant_accept",
    "events.decline_offer": "event.grant_decline",
    "events.import": "event.import",
    "venues.create": "venue.create",
    "venues.update": "venue.edit",
    "venues.delete": "venue.delete",
    "series.create": "series.create",
    "series.apply": "event.setup",
    "vouchers.create": "voucher.create",
    "vouchers.bulk": "voucher.create",
    "vouchers.update": "voucher.edit",
    "vouchers.retire": "voucher.retire",
}
# Sessions that are ended from elsewhere are written down: they are in that list no more.
_SESSION = "who is signed in where is in the list of sessions, and no change of what is anybody's"
_LETTER = "a letter is sent; what its link does is written down"
_OFFER = "half of a step: the other half is written down"
WITHOUT_AN_ENTRY = {
    "session.begin": _SESSION,
    "session.socket_ticket": _SESSION,
    "users.sign_in": _SESSION,
    "users.sign_in_with_code": _SESSION,
    "users.passkey_options": _SESSION,
    "users.sign_in_with_passkey": _SESSION,
    "users.sign_out": _SESSION,
    "me.step_up": _SESSION,
    "users.sign_up": _LETTER,
    "users.ask_password_reset": _LETTER,
    "me.ask_email_change": _LETTER,
    "me.offer_totp": _OFFER,
    "me.passkey_options": _OFFER,
    "admin.users.find": "it changes nothing: an address that is looked for is kept out of addresses of pages",
}
# What no such route does, and which test does it.
_BY_COMMAND = "tests/services/users/test_operations.py"
ELSEWHERE = {
    "people.read": "tests/gateway/api/test_answers.py",
    "member.add": _BY_COMMAND,
    "user.set_password": _BY_COMMAND,
    "user.remove_second_factors": "tests/services/users/test_lost_factors.py",
    "platform.promote": _BY_COMMAND,
    "platform.demote": _BY_COMMAND,
}
TICKETS = {
    "pools": [{"name": "Hall", "capacity": 50}],
    "ticket_types": [{"name": "Full", "price_minor": 2000, "pools": [0]}],
}
OTHER_PASSWORD = "another battery of horses"


class Doing:
    """Calls routes by their names, each of which has to succeed and to write down what it did."""

    def __init__(self, place: Town) -> None:
        self.place = place
        routes = capability_routes(place.here.dependencies().services, place.here.gateway.limiter)
        self.routes = {route.name: route for route in routes if route.method != "GET"}
        self._document = document(routes, "")
        # What each has written, by its action.
        self.done: dict[str, dict[str, Any]] = {}

    async def __call__(
        self, name: str, caller: Caller, body: Any = None, *, version: int | None = None, **ids: str
    ) -> Any:
        """Return the answer. `body` is the document's example where none is given."""
        route = self.routes[name]
        operation = self._document["paths"][route.path][route.method.lower()]
        if body is None and route.body is not None:
            body = operation["requestBody"]["content"]["application/json"]["example"]
        path = route.path
        for part in names_in(path):
            path = path.replace("{" + part + "}", ids[part])
        before = await self._written()
        status, answer = await caller.ask(route.method, path, body, version=version)
        assert status < 300, f"{name}: {answer}"
        written = await self._written()
        self.done[name] = {written[key]["action"]: written[key] for key in written.keys() - before.keys()}
        return answer

    async def _written(self) -> dict[tuple[bytes, int], Any]:
        rows = await self.place.made.pool.fetch("SELECT * FROM audit_entries")
        return {(row["chain"], row["seq"]): row for row in rows}


async def test_every_route_that_changes_something_is_written_down(migrated_dsn: str, redis_url: str) -> None:
    async with town(migrated_dsn, redis_url) as place:
        do = Doing(place)
        changing = set(do.routes)
        assert changing == {*ACTIONS, *WITHOUT_AN_ENTRY}, changing ^ {*ACTIONS, *WITHOUT_AN_ENTRY}
        # What nothing here would do is a name that nobody writes down.
        assert {*ACTIONS.values(), *ELSEWHERE} == ORGANISATION_ACTIONS | PLATFORM_ACTIONS
        owner = await place.person()
        await _proven(place, owner)
        north = str((await do("organisations.create", owner, {"name": "North", "slug": "north"}))["id"])
        admin = await place.platform_person(PlatformRole.ADMIN)
        await _accounts(do)
        await _team(do, owner, north)
        await _events(do, owner, north)
        await _together(do, owner, north)
        await _platform(do, admin, owner, north)
        wrong = {
            name: sorted(do.done.get(name, {}))
            for name, action in ACTIONS.items()
            if action not in do.done.get(name, {})
        }
        assert wrong == {}, "what they wrote instead"
        entries = [entry for name in ACTIONS for entry in do.done[name].values()]
        assert all(entry["actor"].startswith("user_") and entry["target"] for entry in entries)
        update = do.done["me.update"]["user.update"]
        assert (json.loads(update["before"]), json.loads(update["after"])) == (
            {"locale": "en"},
            {"locale": "de", "name": "changed"},
        )


async def _proven(place: Town, caller: Caller) -> None:
    status, answer = await caller.ask("POST", "/me/step-up", {"password": place.people[-1].password})
    assert status == 200, answer


async def _accounts(do: Doing) -> None:
    place = do.place
    caller, email = await place.caller(), "berta@example.org"
    signed_up = {"email": email, "password": PASSWORD, "name": "Berta", "locale": "en"}
    await do("session.begin", caller)
    await do("users.sign_up", caller, signed_up)
    await do("users.confirm_sign_up", caller, {"token": await place.box.token_to(email)})
    await do("me.update", caller, {"name": "Bertha", "locale": "de"}, version=1)
    await do("users.ask_password_reset", caller, {"email": email})
    reset = {"token": await place.box.token_to(email), "password": OTHER_PASSWORD}
    await do("users.reset_password", caller, reset)
    signed_in = {"email": email, "password": OTHER_PASSWORD}
    await do("users.sign_in", caller, signed_in)
    email = "bertha@example.org"
    await do("me.ask_email_change", caller, {"email": email, "password": OTHER_PASSWORD})
    await do("users.confirm_email", caller, {"token": await place.box.token_to(email)})
    await do("me.change_password", caller, {"old": OTHER_PASSWORD, "new": PASSWORD})
    await do("me.step_up", caller, {"password": PASSWORD})
    asked = await do("me.passkey_options", caller)
    credential = Authenticator(URL).make(asked["options"])
    passkey = {"challenge": asked["challenge"], "credential": credential, "name": "Phone"}
    kept = await do("me.add_passkey", caller, passkey)
    await do("me.drop_passkey", caller, passkey=kept["id"])
    secret = (await do("me.offer_totp", caller))["secret"]
    await do("me.confirm_totp", caller, {"code": pyotp.TOTP(secret).at(place.made.clock() // 1000)})
    await do("me.drop_totp", caller)
    other = await place.caller()
    signed_in = {"email": email, "password": PASSWORD}
    assert (await other.ask("POST", "/sign-in", signed_in))[0] == 200
    sessions = (await other.ask("GET", "/me/sessions"))[1]["items"]
    (here,) = (session["id"] for session in sessions if session["is_current"])
    await do("me.end_session", caller, session=here)
    await do("users.sign_out_everywhere", caller)
    await do("users.sign_in", caller, signed_in)
    await do("me.step_up", caller, {"password": PASSWORD})
    await do("me.erase", caller)


async def _team(do: Doing, owner: Caller, organisation: str) -> None:
    place = do.place
    for _ in range(2):
        caller = await place.person()
        email = place.people[-1].email
        invited = {"email": email, "role": "viewer"}
        await do("invitations.create", owner, invited, organisation=organisation)
        joined = {"token": await place.box.token_to(email)}
        await do("invitations.accept", caller, joined)
    await do("members.leave", caller, {"organisation": organisation})
    listed = (await owner.ask("GET", f"/organisations/{organisation}/members"))[1]["items"]
    one = {
        "organisation": organisation,
        "member": next(row["id"] for row in listed if row["role"] == "viewer"),
    }
    await do("members.update", owner, {"role": "scanner"}, version=1, **one)
    await do("members.remove", owner, version=2, **one)
    invited = {"email": "nobody@example.org", "role": "viewer"}
    made = await do("invitations.create", owner, invited, organisation=organisation)
    await do("invitations.revoke", owner, organisation=organisation, invitation=made["id"])
    for kind in ("key", "device"):
        made = await do(f"{kind}s.create", owner, organisation=organisation)
        await do(f"{kind}s.revoke", owner, organisation=organisation, **{kind: made[kind]["id"]})
    patch = {"description": "Concerts"}
    await do("organisations.update", owner, patch, version=1, organisation=organisation)


async def _events(do: Doing, owner: Caller, organisation: str) -> None:
    draft = await do("events.create", owner, organisation=organisation)
    at = {"organisation": organisation, "event": draft["event"]}
    await do("events.update", owner, {"title": "Concert"}, version=draft["version"], **at)
    tickets = await do("events.set_tickets", owner, TICKETS, version=1, **at)
    copied = await do("events.copy", owner, {"starts_at": "2030-06-01T20:00"}, **at)
    rule = {"kind": "weekly", "weekdays": [3]}
    said = {"event": copied["event"], "title": "Wednesdays", "rule": rule, "count": 2}
    series = await do("series.create", owner, said, organisation=organisation)
    path = f"/organisations/{organisation}/events/{copied['event']}"
    changed = (await owner.ask("GET", path))[1]
    date = {**at, "event": copied["event"]}
    changed = await do("events.update", owner, {"summary": "New"}, version=changed["version"], **date)
    setup = {"event": copied["event"], "version": changed["version"], "scope": "all", "parts": ["texts"]}
    setup |= {"tickets_version": changed["tickets"]["version"]}
    await do("series.apply", owner, setup, organisation=organisation, series=series["series"])
    voucher = await do("vouchers.create", owner, {"code": "EARLY", "amount_minor": 100}, **at)
    await do("vouchers.bulk", owner, {"amount_minor": 100, "count": 2, "batch": "b"}, **at)
    one = {**at, "voucher": voucher["voucher"]}
    voucher = await do("vouchers.update", owner, {"amount_minor": 200}, version=voucher["version"], **one)
    await do("vouchers.retire", owner, version=voucher["version"], **one)
    event = (await owner.ask("GET", f"/organisations/{organisation}/events/{draft['event']}"))[1]
    await do("events.publish", owner, version=event["version"], **at)
    await do("events.pause", owner, **at)
    await do("events.resume", owner, **at)
    pool = {**at, "pool": tickets["pools"][0]["pool"]}
    await do("events.withhold", owner, {"quantity": 2}, **pool)
    await do("events.return", owner, {"quantity": 1}, **pool)
    read = (await owner.ask("GET", f"/organisations/{organisation}/events/{draft['event']}/ticket-types"))[1]
    await do("events.capacity", owner, {"capacity": 40}, version=read["version"], **pool)
    for step in ("close", "archive"):
        event = (await owner.ask("GET", f"/organisations/{organisation}/events/{draft['event']}"))[1]
        await do(f"events.{step}", owner, version=event["version"], **at)
    changed = await do("events.publish", owner, version=changed["version"], **date)
    await do("events.cancel", owner, {"reason": "Rain"}, version=changed["version"], **date)
    venue = await do("venues.create", owner, organisation=organisation)
    hall = {"organisation": organisation, "venue": venue["venue"]}
    await do("venues.update", owner, {"name": "Hall", "time_zone": "Europe/Berlin"}, version=1, **hall)
    await do("venues.delete", owner, version=2, **hall)
    imported = {"@type": "Event", "@id": "https://example.org/reading", "startDate": "2030-05-01T20:00+02:00"}
    # What is new is created; imported again with another name it is changed.
    for name in ("Reading", "Long reading"):
        await do("events.import", owner, {**imported, "name": name}, organisation=organisation)


async def _together(do: Doing, owner: Caller, organisation: str) -> None:
    other = await do.place.person()
    south = await do.place.organisation(other, "south")
    event = (await do("events.create", owner, organisation=organisation))["event"]
    at = {"organisation": organisation, "event": event}
    for ended in ("events.decline_offer", "events.ungrant"):
        await do("events.grant", owner, {"slug": "south"}, **at)
        await do("events.accept_offer", other, organisation=south, hosted=event)
        if ended == "events.ungrant":
            await do(ended, owner, guest=south, **at)
        else:
            await do(ended, other, organisation=south, hosted=event)


async def _platform(do: Doing, admin: Caller, owner: Caller, organisation: str) -> None:
    somebody = await do.place.person()
    user: dict[str, Any] = {"user": text(USER, do.place.people[-1].user_id)}
    await do("admin.users.reveal", admin, **user)
    sessions = (await admin.ask("GET", f"/admin/users/{user['user']}/sessions"))[1]["items"]
    await do("admin.users.end_session", admin, session=sessions[0]["id"], **user)
    signed_in = {"email": do.place.people[-1].email, "password": PASSWORD}
    assert (await somebody.ask("POST", "/sign-in", signed_in))[0] == 200
    await do("admin.users.end_sessions", admin, **user)
    await do("admin.users.suspend", admin, **user)
    await do("admin.users.unsuspend", admin, **user)
    flag = (await admin.ask("GET", "/admin/flags"))[1]["items"][0]
    await do("admin.flags.put", admin, {"is_on": True}, version=flag["version"], flag=flag["flag"])
    await do("admin.organisations.suspend", admin, organisation=organisation)
    await do("admin.organisations.unsuspend", admin, organisation=organisation)
    version = (await owner.ask("GET", f"/organisations/{organisation}"))[1]["version"]
    await do("organisations.close", owner, version=version, organisation=organisation)
    await do("admin.organisations.reopen", admin, organisation=organisation)
