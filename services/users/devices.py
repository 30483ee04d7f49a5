"""What a session's device is called: enough for its owner to know it again, and nothing that tracks them."""

from functools import lru_cache
from typing import Final

import ua_parser

_LOOKED_AT: Final = 300
_LENGTH_MAX: Final = 80


@lru_cache(maxsize=2_000)
def device_of(user_agent: str) -> str:
    """Return a browser and a system, such as "Firefox on Linux", from a User-Agent header; "" if it says
    neither.
    """
    found = ua_parser.parse(user_agent[:_LOOKED_AT])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    if browser and system:
        return f"{browser} on {system}"[:_LENGTH_MAX]
    return (browser or system)[:_LENGTH_MAX]
