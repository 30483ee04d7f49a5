"""What comes to an HTTP port and is no HTTP: scanners, broken clients, heads that are too long.

aiohttp refuses it with 400 and logs a traceback with the bytes at fault. Anybody could fill the log that way,
and bytes at fault may be half of somebody's cookie. So it is counted, and not logged.
"""

import logging
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError


class _Counting(logging.Filter):
    def __init__(self, count: Callable[[], None]) -> None:
        super().__init__()
        self._count = count

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._count()
            return False
        return record.levelno >= logging.INFO


def server_log(count: Callable[[], None]) -> logging.Logger:
    """Return the logger of an HTTP server; `count` is called for each request that is no HTTP."""
    # aiohttp tells of some of them at this level only. Of the rest of it, nothing goes on.
    made = logging.Logger("gateway.http", logging.DEBUG)  # noqa: LOG001 - one an application, gone with it
    made.parent = logging.getLogger()
    made.addFilter(_Counting(count))
    return made
