"""What the platform's own people use. Whoever has no role of the platform is told that it is forbidden."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, Handler, LimitClass, Route
from services.admin.capability import Administration
from services.admin.models import (
    AddressBody,
    AuditVerdict,
    FlagBody,
    FlagList,
    FlagView,
    Health,
    OrganisationsQuery,
    ReasonBody,
    Revealed,
    UserMemberships,
    UserRow,
    UsersQuery,
)
from services.audit_search import AuditEntryView, PlatformAuditQuery
from services.flags import KNOWN
from services.models import Page
from services.organisations.models import OrganisationView
from services.users.models import EndedSessions, SessionList
from storage.feature_flags import Flag

_TAG = "Platform"


def routes(administration: Administration) -> list[Route]:
    """Return the routes of those who run the platform."""
    return [
        *_organisation_routes(administration),
        *_user_routes(administration),
        *_session_routes(administration),
        *_platform_routes(administration),
    ]


def _route(
    method: str,
    path: str,
    name: str,
    summary: str,
    access: Permission,
    handler: Handler,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    is_versioned: bool = False,
    refusals: tuple[Code, ...] = (),
) -> Route:
    return Route(
        method=method,
        path=f"/admin{path}",
        name=f"admin.{name}",
        tag=_TAG,
        summary=summary,
        access=access,
        handler=handler,
        limit=LimitClass.ORGANIZER,
        body=body,
        query=query,
        answer=answer,
        is_versioned=is_versioned,
        refusals=refusals,
    )


def _answering(work: Callable[[Call], Awaitable[BaseModel | Refusal | None]]) -> Handler:
    async def handler(call: Call) -> Answer | Refusal:
        found = await work(call)
        return found if isinstance(found, Refusal) else Answer(body=found)

    return handler


def _organisation_routes(administration: Administration) -> list[Route]:
    organisations = administration.organisations

    async def listed(call: Call) -> Page[OrganisationView] | Refusal:
        return await organisations.list(call.query)

    async def suspend(call: Call) -> OrganisationView | Refusal:
        return await organisations.suspend(call.who, call.organisation, call.body.reason, call.now_ms)

    async def unsuspend(call: Call) -> OrganisationView | Refusal:
        return await organisations.unsuspend(call.who, call.organisation, call.body.reason, call.now_ms)

    async def reopen(call: Call) -> OrganisationView | Refusal:
        return await organisations.reopen(call.who, call.organisation, call.body.reason, call.now_ms)

    read, manage = Permission.PLATFORM_READ, Permission.PLATFORM_MANAGE
    return [
        _route(
            "GET", "/organisations", "organisations.list", "All organisations", read, _answering(listed),
            query=OrganisationsQuery, answer=Page[OrganisationView],
        ),
        _route(
            "POST", "/organisations/{organisation}/suspend", "organisations.suspend",
            "Keep an organisation from acting, its keys included", manage, _answering(suspend),
            body=ReasonBody, answer=OrganisationView, refusals=(Code.NOT_FOUND, Code.ILLEGAL_STEP),
        ),
        _route(
            "POST", "/organisations/{organisation}/unsuspend", "organisations.unsuspend",
            "Let an organisation act again", manage, _answering(unsuspend),
            body=ReasonBody, answer=OrganisationView, refusals=(Code.NOT_FOUND, Code.ILLEGAL_STEP),
        ),
        _route(
            "POST", "/organisations/{organisation}/reopen", "organisations.reopen",
            "Let an organisation that was closed act again", manage, _answering(reopen),
            body=ReasonBody, answer=OrganisationView,
            refusals=(Code.NOT_FOUND, Code.ILLEGAL_STEP, Code.LAST_OWNER),
        ),
    ]  # fmt: skip


def _user_routes(administration: Administration) -> list[Route]:
    users = administration.users

    async def listed(call: Call) -> Page[UserRow] | Refusal:
        return await users.list(call.query)

    async def read_one(call: Call) -> UserRow | Refusal:
        return await users.read(call.path["user"])

    async def memberships(call: Call) -> UserMemberships | Refusal:
        return await users.memberships(call.path["user"])

    async def find(call: Call) -> UserRow | Refusal:
        return await users.find(call.body.email)

    async def reveal(call: Call) -> Revealed | Refusal:
        return await users.reveal(call.who, call.path["user"], call.body.reason, call.now_ms)

    async def suspend(call: Call) -> UserRow | Refusal:
        return await users.suspend(call.who, call.path["user"], call.body.reason, call.now_ms)

    async def unsuspend(call: Call) -> UserRow | Refusal:
        return await users.unsuspend(call.who, call.path["user"], call.body.reason, call.now_ms)

    read, manage = Permission.PLATFORM_READ, Permission.PLATFORM_MANAGE
    return [
        _route(
            "GET", "/users", "users.list", "All users, without personal data", read, _answering(listed),
            query=UsersQuery, answer=Page[UserRow],
        ),
        _route(
            "GET", "/users/{user}", "users.read", "One user, without personal data", read,
            _answering(read_one), answer=UserRow,
        ),
        _route(
            "GET", "/users/{user}/memberships", "users.memberships", "What a user is in which organisations",
            read, _answering(memberships), answer=UserMemberships,
        ),
        _route(
            "POST", "/users/find", "users.find", "The user of an address that somebody gave us", read,
            _answering(find), body=AddressBody, answer=UserRow, refusals=(Code.NOT_FOUND,),
        ),
        _route(
            "POST", "/users/{user}/reveal", "users.reveal",
            "A person's name and address, for a reason that is logged", Permission.PEOPLE_REVEAL,
            _answering(reveal), body=ReasonBody, answer=Revealed, refusals=(Code.NOT_FOUND,),
        ),
        _route(
            "POST", "/users/{user}/suspend", "users.suspend", "Sign a user out and keep them out", manage,
            _answering(suspend), body=ReasonBody, answer=UserRow,
            refusals=(Code.NOT_FOUND, Code.ILLEGAL_STEP),
        ),
        _route(
            "POST", "/users/{user}/unsuspend", "users.unsuspend", "Let a user sign in again", manage,
            _answering(unsuspend), body=ReasonBody, answer=UserRow, refusals=(Code.NOT_FOUND,),
        ),
    ]  # fmt: skip


def _session_routes(administration: Administration) -> list[Route]:
    users = administration.users

    async def listed(call: Call) -> SessionList | Refusal:
        return await users.sessions(call.path["user"], call.now_ms)

    async def end(call: Call) -> Refusal | None:
        return await users.end_session(call.who, call.path["user"], call.path["session"], call.now_ms)

    async def end_all(call: Call) -> EndedSessions | Refusal:
        return await users.end_all_sessions(call.who, call.path["user"], call.now_ms)

    read, manage = Permission.PLATFORM_READ, Permission.PLATFORM_MANAGE
    return [
        _route(
            "GET", "/users/{user}/sessions", "users.sessions", "Where a user is signed in", read,
            _answering(listed), answer=SessionList,
        ),
        _route(
            "DELETE", "/users/{user}/sessions/{session}", "users.end_session", "End a user's session",
            manage, _answering(end),
        ),
        _route(
            "DELETE", "/users/{user}/sessions", "users.end_sessions", "Sign a user out everywhere", manage,
            _answering(end_all), answer=EndedSessions,
        ),
    ]  # fmt: skip


def _platform_routes(administration: Administration) -> list[Route]:
    async def flags(_: Call) -> FlagList:
        found = await administration.flags.list()
        return FlagList(items=tuple(_flag(flag) for flag in found))

    async def put_flag(call: Call) -> Answer | Refusal:
        assert call.version is not None
        flag = await administration.flags.put(
            call.who, call.path["flag"], call.body.is_on, call.version, call.now_ms
        )
        return flag if isinstance(flag, Refusal) else Answer(body=_flag(flag), version=flag.version)

    async def health(_: Call) -> Health:
        return await administration.health.health()

    async def audit(call: Call) -> Page[AuditEntryView] | Refusal:
        return await administration.audit.of_all(call.query)

    async def verdict(_: Call) -> AuditVerdict:
        return await administration.audit_check.verdict()

    read, manage = Permission.PLATFORM_READ, Permission.PLATFORM_MANAGE
    return [
        _route("GET", "/flags", "flags.list", "Feature flags", read, _answering(flags), answer=FlagList),
        _route(
            "PUT", "/flags/{flag}", "flags.put", "Switch a feature, everywhere within a second", manage,
            put_flag, body=FlagBody, answer=FlagView, is_versioned=True,
        ),
        _route(
            "GET", "/health", "health.read", "How every part is", read, _answering(health), answer=Health
        ),
        _route(
            "GET", "/audit", "audit.list", "Who changed what, in all logs, newest first",
            Permission.PLATFORM_AUDIT, _answering(audit), query=PlatformAuditQuery,
            answer=Page[AuditEntryView],
        ),
        _route(
            "GET", "/audit/verdict", "audit.verdict", "Whether every log is as it was written",
            Permission.PLATFORM_AUDIT, _answering(verdict), answer=AuditVerdict,
        ),
    ]  # fmt: skip


def _flag(flag: Flag) -> FlagView:
    return FlagView(
        flag=flag.flag, is_on=flag.is_on, version=flag.version, description=KNOWN.get(flag.flag, "")
    )
