"""A bare aiohttp websocket echo, and pages that are always the same: what a gateway could do at most if it
did nothing.

It collects garbage as seldom as a gateway does (`gateway.process`): with the usual thresholds thousands of
connections cost it up to a third of what it can do, which would flatter us.

`python -m bench.echo_server [BYTES]` prints its port and lives until its standard input ends; its pages have
so many bytes.
"""

import asyncio
import gc
import sys

import uvloop
from aiohttp import WSMsgType, web

from gateway.process import GC_THRESHOLDS


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False, autoping=True, max_msg_size=65_536, protocols=("echo",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def _serve(page_bytes: int) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="a" * page_bytes, content_type="text/html")

    app = web.Application()
    app.router.add_get("/ws", _echo)
    app.router.add_get("/e/{name}", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    print(runner.addresses[0][1], flush=True)
    # Lives until whoever started it closes our standard input, however it ends.
    await _ended()
    await runner.cleanup()


async def _ended() -> None:
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
