"""What a route of the API is: one record that serves it, validates it, limits it, guards it and documents it.

Every route says who may use it (`access`). There is no default, and a route that names an organisation in its
path names a permission: `tests/gateway/api` holds both.
"""

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from domain.identity import Identity, Origin, Who
from domain.ids import EventId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import Access, Permission


class LimitClass(enum.StrEnum):
    """How often somebody may ask. The rates are settings.

    No route is in `PURCHASE` or `DEVICE`: one buys over the websocket, and a device counts as one whatever it
    asks for.
    """

    BROWSE = "browse"
    SIGN_IN = "sign_in"
    SIGN_UP = "sign_up"
    PURCHASE = "purchase"
    ORGANIZER = "organizer"
    DEVICE = "device"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that is valid, within its limits and permitted.

    Attributes:
        organisation_id, event_id: what the path names, already known to belong together.
        path: the other parts of the path: identifiers as 16 bytes under their kind, slugs as text.
        body, query: of the models that the route names, None where it names none; the body as bytes for a
            route with `takes`.
        media_type: of the body, such as "text/calendar".
        version: from If-Match, for routes that change what has a version.
        session_token: what the cookie holds, "" without one.
        made: for `Route.again`: the TypeID of what the first request made or changed, or the operation of a
            change of an event, in hexadecimal.
    """

    identity: Identity
    origin: Origin
    now_ms: int
    organisation_id: OrganisationId | None = None
    event_id: EventId | None = None
    path: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    query: Any = None
    media_type: str = ""
    version: int | None = None
    session_token: str = ""
    made: str = ""

    @property
    def who(self) -> Who:
        return Who(self.identity, self.origin)

    @property
    def organisation(self) -> OrganisationId:
        """The organisation of the path; only for routes whose path names one."""
        assert self.organisation_id is not None
        return self.organisation_id

    @property
    def event(self) -> EventId:
        """The event of the path; only for routes whose path names one."""
        assert self.event_id is not None
        return self.event_id


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a handler gives back when it refuses nothing.

    Attributes:
        body: a model of the route's `answer`, or raw bytes with `content_type`, or of a GET the parts of what
            is too large to be made before it is sent; None for 204.
        version: becomes the ETag.
        session_token: a new value for the session cookie; "" removes it, None leaves it alone.
    """

    body: BaseModel | bytes | AsyncIterator[bytes] | None = None
    version: int | None = None
    session_token: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer | Refusal]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method on one path.

    Attributes:
        path: below /api/v1, such as "/organisations/{organisation}/events/{event}". A part in braces is an
            identifier of the kind that `gateway.api.paths` gives for its name.
        name: the operation's id, such as "events.update".
        tag: the chapter of the document.
        access: an `Access`, or the permission that is needed; one of an organisation needs the path to name
            it.
        answer, gives: the model of a JSON answer, or the media types of an answer of bytes.
        takes: media types of a body that the handler reads itself; it comes as bytes.
        body_bytes_max: the largest body, where it is not the gateway's own bound.
        is_versioned: changes something that has a version, so If-Match is required.
        heeds_version: the same, but may be asked for without one.
        again: answers a repeated POST whose first answer was lost; without it the client is told so.
        ends_rights: whoever has done it may have no right to it any more because of that. A person who
            repeats the POST with its key is told what came of it all the same.
        refusals: codes that the document lists beyond those that every route has.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    access: Access | Permission
    handler: Handler
    limit: LimitClass = LimitClass.BROWSE
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    gives: str | tuple[str, ...] = "application/json"
    takes: tuple[str, ...] = ()
    body_bytes_max: int | None = None
    status: int = 200
    is_versioned: bool = False
    heeds_version: bool = False
    again: Handler | None = None
    ends_rights: bool = False
    refusals: tuple[Code, ...] = ()
