"""The websocket endpoint: who may open one, reading from it, and its end.

aiohttp's defaults are unsafe here (4 MiB messages, compression, no deadlines), so all of it is set. What
aiohttp would do with a timer or a task for each connection (heartbeat, pongs, deadlines) is done by one timer
for all (`gateway.connections`), and frames are written by the outbox.
"""

import asyncio
import logging
from typing import Final

from aiohttp import WSMessage, WSMsgType, web
from aiohttp.http_websocket import WebSocketError

from domain.refusals import Code, Refusal
from gateway.connections import FULL, TOO_MANY, Connections
from gateway.limits import GatewayLimits, Limiter
from gateway.metrics import GatewayMetrics
from gateway.origins import Origins
from gateway.outbox import CLOSE_GRACE_S, Outbox
from gateway.problems import plain_problem, problem
from gateway.protocol import OPCODE_PONG, OPCODE_TEXT, SUBPROTOCOLS, Dialect, frame, negotiate
from gateway.requests import Requests
from gateway.session import NORMAL, Session, now_s
from gateway.topics import Topics
from services.sessions import Sessions
from storage.sessions import SocketOwner

BAD_TICKET: Final = 4401
WRONG_KIND: Final = 1003
ABNORMAL: Final = 1006
# Reading a flood without a pause would keep everybody else waiting.
_READS_WITHOUT_PAUSE: Final = 32
_OPENING_MAX: Final = 2_000

log = logging.getLogger(__name__)


class Websockets:
    """The handler of `/ws`."""

    def __init__(
        self,
        *,
        limits: GatewayLimits,
        metrics: GatewayMetrics,
        limiter: Limiter,
        connections: Connections,
        topics: Topics,
        requests: Requests,
        sessions: Sessions,
        origins: Origins,
    ) -> None:
        self._limits = limits
        self._metrics = metrics
        self._limiter = limiter
        self._connections = connections
        self._topics = topics
        self._requests = requests
        self._sessions = sessions
        self._origins = origins
        self._opening = 0
        self._clock = requests.clock

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Upgrade a request and serve its connection to the end."""
        refused = self._refused_upgrade(request)
        if refused is not None:
            return refused
        dialect = negotiate(request.headers.get("Sec-WebSocket-Protocol"))
        if dialect is None:
            self._metrics.rejected_upgrade("subprotocol")
            return problem(Refusal(Code.UNSUPPORTED_VERSION, None, {"supported": ", ".join(SUBPROTOCOLS)}))
        websocket = web.WebSocketResponse(
            timeout=CLOSE_GRACE_S,
            autoclose=False,
            autoping=False,
            heartbeat=None,
            protocols=(dialect.name,),
            compress=False,
            max_msg_size=self._limits.message_bytes_max,
            decode_text=False,
        )
        self._opening += 1
        try:
            await websocket.prepare(request)
            session = await self._open(request, websocket, dialect)
        finally:
            self._opening -= 1
        if session is not None:
            await self._serve(websocket, session, request)
        return websocket

    def _refused_upgrade(self, request: web.Request) -> web.Response | None:
        if not self._origins.allows(request):
            self._metrics.rejected_upgrade("origin")
            return problem(Refusal(Code.FORBIDDEN, None, {"field": "origin"}))
        if "websocket" not in request.headers.get("Upgrade", "").lower():
            return plain_problem(426, "This is where websockets are opened.")
        if self._opening >= _OPENING_MAX or self._connections.is_draining:
            self._metrics.rejected_upgrade("busy")
            return problem(Refusal(Code.BUSY, 1_000))
        return None

    async def _open(
        self, request: web.Request, websocket: web.WebSocketResponse, dialect: Dialect
    ) -> Session | None:
        """Find out whose connection this is and whether there is room for it; say why not by a close code."""
        address = request.remote or ""
        try:
            owner = await self._sessions.redeem_ticket(request.query.get("ticket", ""))
        except ConnectionError as error:
            log.warning("socket tickets can't be redeemed: %r", error)
            await self._turn_away(websocket, FULL, "try again in a moment")
            return None
        if owner is None:
            await self._turn_away(websocket, BAD_TICKET, "the ticket is missing, used or too old")
            return None
        buyer_id = owner.buyer_id
        if await self._limiter.socket(buyer_id.hex(), address) is not None:
            await self._turn_away(websocket, TOO_MANY, "too many connections in a short time")
            return None
        code = self._connections.refusal(buyer_id, address)
        if code:
            await self._turn_away(websocket, code, "no room")
            return None
        return self._session(request, owner, address, dialect)

    async def _turn_away(self, websocket: web.WebSocketResponse, code: int, reason: str) -> None:
        self._metrics.closed(code)
        await websocket.close(code=code, message=reason.encode())

    def _session(
        self, request: web.Request, owner: SocketOwner, address: str, dialect: Dialect
    ) -> Session | None:
        transport = request.transport
        if transport is None:
            return None
        limits = self._limits
        outbox = Outbox(
            transport,
            self._connections.lagging,
            self._metrics,
            limits.outbox_bytes_max,
            limits.update_bytes_max,
        )
        session = Session(owner.buyer_id, address, dialect=dialect, outbox=outbox, limits=limits, now=now_s())
        session.belongs_to(owner, self._clock())
        return session

    async def _serve(self, websocket: web.WebSocketResponse, session: Session, request: web.Request) -> None:
        self._connections.add(session)
        code = ABNORMAL
        try:
            session.welcome(self._clock(), self._limits.heartbeat_ms)
            code = await self._read(websocket, session)
        finally:
            session.is_gone = True
            self._connections.remove(session)
            self._topics.leave(session)
            self._requests.gone(session)
            self._metrics.closed(session.outbox.close_code or code)
            if request.transport is not None:
                request.transport.close()

    async def _read(self, websocket: web.WebSocketResponse, session: Session) -> int:
        """Take messages until the end. Returns the close code."""
        outbox = session.outbox
        expected = WSMsgType.TEXT if session.dialect.opcode == OPCODE_TEXT else WSMsgType.BINARY
        time = asyncio.get_running_loop().time
        take = self._requests.take
        reads = 0
        while True:
            message = await websocket.receive()
            kind = message.type
            reads += 1
            if reads >= _READS_WITHOUT_PAUSE:
                reads = 0
                await asyncio.sleep(0)
            if kind is expected:
                if outbox.close_code:
                    continue
                session.heard_at = time()
                session.asked_at = 0.0
                take(session, message.data)
            elif kind is WSMsgType.PONG:
                session.heard_at = time()
                session.asked_at = 0.0
            elif kind is WSMsgType.PING:
                session.heard_at = time()
                outbox.send(frame(OPCODE_PONG, message.data))
            elif kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
                outbox.close(WRONG_KIND, "text and binary are one subprotocol each")
            else:
                return _end(outbox, message)


def _end(outbox: Outbox, message: WSMessage) -> int:
    """Answer the end of a connection, and return its code."""
    if message.type is WSMsgType.CLOSE:
        code = int(message.data or 0)
        outbox.close(code if 1000 <= code < 5000 and code not in {1005, 1006, 1015} else NORMAL)
        return code or NORMAL
    if message.type is WSMsgType.ERROR and isinstance(message.data, WebSocketError):
        return int(message.data.code)
    return ABNORMAL
