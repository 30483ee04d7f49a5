"""A gateway as a process of its own, with its shard, for tests that send it signals.

    python -m tests.gateway.gateway_process DSN REDIS_URL PORT

Prints the port once it serves, and the event that it sells.
"""

import sys

import uvloop

from gateway.process import listening_socket, serve
from storage.audit_log import seal_with
from tests.conftest import AUDIT_KEY
from tests.gateway.stage import ROOMY, Stage, new_sale, works


async def main(dsn: str, redis_url: str, port: int) -> None:
    async with works(dsn, redis_url) as made:
        sale = await new_sale(made)
        stage = Stage(made, ROOMY)
        listener = listening_socket("127.0.0.1", port)
        await serve(
            stage.dependencies(),
            listener,
            ready=lambda: print(listener.getsockname()[1], sale.event, sale.types[0], flush=True),
        )
        await stage.http.close()


if __name__ == "__main__":
    seal_with(AUDIT_KEY)
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
