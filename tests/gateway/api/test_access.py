"""Who may use which route, tried on every route as everybody. If one failed, somebody would see or change
what is not theirs, or could not do what their role is for.

What is expected comes from the table in `domain.roles`; nothing here is a list of routes.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest

from domain.ids import EVENT, ORGANISATION, text
from domain.refusals import Code
from domain.roles import PLATFORM_PERMISSIONS, Access, Permission
from gateway.api.examples import example_of
from gateway.api.openapi import document
from gateway.api.paths import FORM_OF, KIND_OF, names_in
from gateway.api.route import Route
from gateway.api.table import capability_routes
from tests.gateway.api.belongings import NAMES, OF_AN_EVENT, own_and_others
from tests.gateway.api.cast import Cast, Figure, assemble, open_session
from tests.gateway.stage import Stage, fresh

SLUG = "nothing-of-that-name"
NOTHING: Mapping[str, bytes] = MappingProxyType({})
_ENDED = "what is ended is ended, whoever else looks at it"
_SWITCH = "it has nothing beside itself that could be overwritten"
_RELATIVE = "so many more or fewer, counted by the sale"
# What changes something and needs no version, and why not.
WITHOUT_A_VERSION = {
    "events.pause": "a brake: who pulls it must not be refused because of a corrected text",
    "events.resume": "undoes the brake",
    "events.withhold": _RELATIVE,
    "events.return": _RELATIVE,
    "events.grant": _SWITCH,
    "events.ungrant": _ENDED,
    "events.accept_offer": _SWITCH,
    "events.decline_offer": _ENDED,
    "series.apply": "its body names the versions of the date that others follow",
    "events.import": "it names no one thing: what is known already is compared entry by entry",
    "keys.revoke": _ENDED,
    "devices.revoke": _ENDED,
    "invitations.revoke": _ENDED,
    "me.end_session": _ENDED,
    "me.erase": _ENDED,
    "me.drop_totp": _ENDED,
    "me.drop_passkey": _ENDED,
    "admin.users.end_session": _ENDED,
    "admin.users.end_sessions": _ENDED,
    "admin.users.suspend": _SWITCH,
    "admin.users.unsuspend": _SWITCH,
    "admin.users.reveal": "it changes nothing",
    "admin.organisations.suspend": _SWITCH,
    "admin.organisations.unsuspend": _SWITCH,
    "admin.organisations.reopen": _SWITCH,
}


def routes_of(stage: Stage) -> list[Route]:
    return capability_routes(stage.dependencies().services, stage.gateway.limiter)


async def test_every_route_says_who_may_use_it(stage: Stage) -> None:
    routes = routes_of(stage)
    assert len({route.name for route in routes}) == len(routes), "operations have names of their own"
    assert len({(route.method, route.path) for route in routes}) == len(routes)
    for route in routes:
        assert isinstance(route.access, Access | Permission), route.name
        assert set(names_in(route.path)) <= {*KIND_OF, *FORM_OF}, route.name
        if "organisation" in names_in(route.path):
            assert isinstance(route.access, Permission), f"{route.name} names an organisation"
            assert route.access not in PLATFORM_PERMISSIONS or route.path.startswith("/admin/"), route.name
            below = set(names_in(route.path)) - {"organisation", "event"}
            assert below <= NAMES, f"{route.name}: whoever is allowed finds nothing there"
        elif isinstance(route.access, Permission):
            assert route.access in PLATFORM_PERMISSIONS, f"{route.name} needs an organisation to be judged by"
        if "event" in names_in(route.path):
            assert "organisation" in names_in(route.path), f"{route.name}: whose event is it?"
        if route.is_versioned:
            assert route.method in {"PUT", "PATCH", "DELETE", "POST"}, route.name


async def test_everything_that_changes_names_the_version_that_it_changes(stage: Stage) -> None:
    """Two editors: the second is told, and nothing is overwritten."""
    unversioned: set[str] = set()
    for route in routes_of(stage):
        # What answers 201 makes something new; what names nothing in its path changes nothing that is there.
        makes_something = route.method == "POST" and (route.status == 201 or not names_in(route.path))
        is_change = route.method != "GET" and not makes_something
        if is_change and not route.is_versioned:
            unversioned.add(route.name)
    assert unversioned == set(WITHOUT_A_VERSION), unversioned ^ set(WITHOUT_A_VERSION)


def expected(route: Route, figure: Figure) -> str:
    access = route.access
    is_known = figure.person is not None or bool(figure.key)
    if access is Access.ANYONE:
        return "allowed"
    if access is Access.SESSION:
        return "allowed" if figure.person or figure.is_guest else "unauthenticated"
    if access is Access.USER:
        return "allowed" if figure.person else "unauthenticated"
    assert isinstance(access, Permission)
    if not is_known:
        return "unauthenticated"
    if access in PLATFORM_PERMISSIONS:
        return "allowed" if access in figure.on_platform else "forbidden"
    granted = figure.granted_for_event if "event" in names_in(route.path) else figure.granted
    if granted is None:
        return "hidden"
    if access in granted and figure.is_barred:
        return "barred"
    return "allowed" if access in granted else "forbidden"


class Asking:
    """Asks a gateway as one figure, with requests that are valid."""

    def __init__(self, stage: Stage, cast: Cast, routes: list[Route]) -> None:
        self.stage = stage
        self.cast = cast
        self.document = document(routes, "")
        # Cookies are the figures' own, not those that an answer before has set.
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    def path(
        self, route: Route, organisation_id: bytes, event_id: bytes, ids: Mapping[str, bytes] = NOTHING
    ) -> str:
        """Return a route's path; what `ids` does not name is nothing that there is."""
        path = route.path
        for name in names_in(path):
            if name == "organisation":
                value = text(ORGANISATION, organisation_id)
            elif name == "event":
                value = text(EVENT, event_id)
            else:
                value = text(KIND_OF[name], ids.get(name) or fresh()) if name in KIND_OF else SLUG
            path = path.replace("{" + name + "}", value)
        return path

    async def ask(self, route: Route, figure: Figure, session: str, path: str) -> tuple[int, bytes]:
        operation: dict[str, Any] = self.document["paths"][route.path][route.method.lower()]
        headers = {"Cookie": f"bilten={session}"} if session else {}
        if figure.key:
            headers["Authorization"] = f"Bearer {figure.key}"
        if route.is_versioned:
            headers["If-Match"] = '"1"'
        data = None
        if route.body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(operation["requestBody"]["content"]["application/json"]["example"])
        elif route.takes:
            headers["Content-Type"] = route.takes[0]
            data = "nothing"
        query = {
            parameter["name"]: str(
                example_of(parameter["schema"], self.document["components"]["schemas"], parameter["name"])
            )
            for parameter in operation["parameters"]
            if parameter["in"] == "query" and parameter.get("required")
        }
        async with self.http.request(
            route.method, f"{self.stage.url}/api/v1{path}", params=query, data=data, headers=headers
        ) as answer:
            return answer.status, await answer.read()


def fault(route: Route, outcome: str, status: int, body: bytes, hidden: bytes) -> str:
    """Return what is wrong with an answer, "" if nothing is."""
    code = json.loads(body).get("code", "") if status >= 400 and body.startswith(b"{") else ""
    if status >= 500 and code != Code.BUSY:
        return f"{status} {code}"
    if outcome == "unauthenticated":
        return "" if (status, code) == (401, Code.UNAUTHENTICATED) else f"{status} {code}, not 401"
    if outcome == "forbidden":
        return "" if (status, code) == (403, Code.FORBIDDEN) else f"{status} {code}, not 403"
    if outcome == "barred":
        return "" if (status, code) == (403, Code.SECOND_FACTOR_NEEDED) else f"{status} {code}, not barred"
    if outcome == "hidden":
        if (status, code) != (404, Code.NOT_FOUND):
            return f"{status} {code}, not 404"
        return "" if body == hidden else f"{body!r} is told from {hidden!r}"
    if code in {Code.UNAUTHENTICATED, Code.STEP_UP_NEEDED} and isinstance(route.access, Permission):
        return f"{status} {code}, although it is allowed"
    if status == 400:
        return f"the example of the document is refused: {body!r}"
    is_there = set(names_in(route.path)) <= {"organisation", "event", *NAMES}
    is_missed = status == 404 or code == Code.UNKNOWN_POOL
    if is_missed and isinstance(route.access, Permission) and is_there and names_in(route.path):
        return f"{status} {code}, although it is there and allowed"
    return ""


@pytest.mark.timeout(600)
async def test_every_route_as_everybody(stage: Stage) -> None:
    made = stage.works
    cast = await assemble(made)
    own, _ = await own_and_others(stage, cast)
    # Who erases themselves asks for nothing after that.
    routes = sorted(routes_of(stage), key=lambda route: route.name == "me.erase")
    asking = Asking(stage, cast, routes)
    faults: list[str] = []
    nothing_there: dict[str, bytes] = {}
    for figure in cast.figures:
        session = await open_session(made, figure)
        for route in routes:
            if not isinstance(route.access, Permission):
                # It may end its session, or change who it belongs to.
                session = await open_session(made, figure)
            outcome = expected(route, figure)
            if outcome == "hidden" and route.name not in nothing_there:
                nowhere = asking.path(route, fresh(), fresh())
                nothing_there[route.name] = (await asking.ask(route, figure, session, nowhere))[1]
            if outcome == "allowed":
                for name in NAMES.intersection(names_in(route.path)):
                    await own.put_back(made, name)
            path = asking.path(route, cast.organisation_id, cast.event_id, own.ids)
            status, body = await asking.ask(route, figure, session, path)
            wrong = fault(route, outcome, status, body, nothing_there.get(route.name, b""))
            if wrong:
                faults.append(f"{figure.name}: {route.method} {route.path}: {wrong}")
    await asking.http.close()
    assert not faults, "\n".join(faults)


async def test_an_event_of_another_organisation_looks_like_none_at_all(stage: Stage) -> None:
    """Even to an owner, who may do everything to their own."""
    cast = await assemble(stage.works)
    routes = routes_of(stage)
    asking = Asking(stage, cast, routes)
    owner = next(figure for figure in cast.figures if figure.name == "owner")
    session = await open_session(stage.works, owner)
    for route in routes:
        if "event" not in names_in(route.path) or route.access not in (owner.granted or ()):
            continue
        foreign = asking.path(route, cast.organisation_id, cast.foreign_event_id)
        nowhere = asking.path(route, cast.organisation_id, fresh())
        told = await asking.ask(route, owner, session, foreign)
        assert told[0] == 404, (route.name, told)
        assert told == await asking.ask(route, owner, session, nowhere), route.name
    await asking.http.close()


async def test_what_others_have_looks_like_nothing_at_all_below_an_own_path(stage: Stage) -> None:
    """Whoever knows the identifier of another organisation's venue neither reads nor changes it by naming it
    under their own; nor does who may change one event reach what stands around another.
    """
    cast = await assemble(stage.works)
    routes = routes_of(stage)
    asking = Asking(stage, cast, routes)
    _, others = await own_and_others(stage, cast)
    owner = next(figure for figure in cast.figures if figure.name == "owner")
    session = await open_session(stage.works, owner)
    tried = set()
    for route in routes:
        for name in NAMES.intersection(names_in(route.path)):
            for other in others:
                is_own = other.organisation_id == cast.organisation_id
                if is_own and name not in OF_AN_EVENT:
                    continue
                before = await other.row(stage.works, name)
                path = asking.path(route, cast.organisation_id, cast.event_id, other.ids)
                told = await asking.ask(route, owner, session, path)
                nowhere = asking.path(route, cast.organisation_id, cast.event_id)
                assert told[0] == 404 or Code.UNKNOWN_POOL.encode() in told[1], (route.name, told)
                assert told == await asking.ask(route, owner, session, nowhere), route.name
                assert await other.row(stage.works, name) == before, f"{route.name} has changed it"
                tried.add(name)
    assert tried == NAMES
    await asking.http.close()
