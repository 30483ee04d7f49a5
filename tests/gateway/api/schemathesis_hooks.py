"""Who schemathesis is: an owner of an organisation, somebody of the platform below /admin, and for what ends
sessions somebody else, signed in anew each time.
"""

import json
import os
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import schemathesis

# What these do to the session that asks makes it of no use to the next request.
_ENDS_SESSIONS = re.compile("/(me|sign-|password-|session)")


def sign_in() -> str:
    """Return the token of a new session of somebody who has no role anywhere."""
    body = json.dumps(
        {"email": os.environ["BILTEN_EMAIL"], "password": os.environ["BILTEN_PASSWORD"]}
    ).encode()
    request = Request(
        os.environ["BILTEN_URL"] + "/api/v1/sign-in", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urlopen(request, timeout=20) as answer:
            cookies = answer.headers.get_all("Set-Cookie") or []
    except HTTPError:
        # Somebody of the platform has suspended them, as the document says that they may.
        cookies = []
    tokens = [cookie.partition("=")[2].partition(";")[0] for cookie in cookies]
    return next(iter(tokens), "nobodys")


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """To JSON Schema 7.0 is an integer; we ask for whole numbers to be written as such."""
    if isinstance(body, float) and body.is_integer():
        return int(body)
    if isinstance(body, dict):
        return {key: map_body(_, value) for key, value in body.items()}
    if isinstance(body, list):
        return [map_body(_, value) for value in body]
    return body


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Say whether a request is what it is taken for. What is no text is sent as some text all the same. And
    a version in quotes may come out as a number without them, which is not what the document asks for.
    """
    is_text = (case.media_type or "").startswith("text/")
    headers: dict[str, Any] = dict(case.headers or {})
    version = str(headers.get("If-Match", ""))
    is_sent_as_text = is_text and not isinstance(case.body, str | bytes)
    # An import takes a file as it is, and tells in its answer what it could not read.
    is_any_file = case.operation.path.endswith("/import") and isinstance(case.body, bytes)
    return not is_sent_as_text and not is_any_file and not version.isdigit()


@schemathesis.auth(refresh_interval=None)
class SessionAuth:
    """Shows a session's cookie."""

    def get(self, case: schemathesis.Case[Any], _: schemathesis.AuthContext) -> str:
        if case.operation.path.startswith("/admin/"):
            return os.environ["BILTEN_PLATFORM_SESSION"]
        if _ENDS_SESSIONS.match(case.operation.path):
            return sign_in()
        return os.environ["BILTEN_OWNER_SESSION"]

    def set(self, case: schemathesis.Case[Any], data: str, _: schemathesis.AuthContext) -> None:
        cookies: dict[str, Any] = dict(case.cookies or {})
        case.cookies = {**cookies, "bilten": data}
