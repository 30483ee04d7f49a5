"""As much of an HTTP client as a buyer's session needs: one request a connection, JSON in and out, cookies.

It is here so that the client needs nothing but `websockets` and `msgpack`. Redirects are not followed: an API
does not move.
"""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from client.errors import NotConnected

BODY_BYTES_MAX: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is the decoded JSON, None if there was none."""

    status: int
    body: Any
    retry_after_s: float | None


class HttpSession:
    """Requests to one server, with the cookies that it gave.

    Attributes:
        cookies: by name; pass them to another session to be the same buyer there.
    """

    def __init__(self, url: str, cookies: dict[str, str] | None = None, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https address")
        self.url = url.rstrip("/")
        self.cookies = dict(cookies or {})
        self._host = parts.hostname
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._ssl else 80)
        self._netloc = parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self._timeout_s = timeout_s

    async def request(self, method: str, path: str, body: object | None = None) -> Answer:
        """Make one request. Raises `NotConnected` if no whole answer comes in time."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, path, body)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            raise NotConnected(f"{method} {self.url}{path}: {error or type(error).__name__}") from error

    async def _exchange(self, method: str, path: str, body: object | None) -> Answer:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._ssl)
        try:
            writer.write(self._head_and_body(method, path, body))
            await writer.drain()
            status, headers = await _read_head(reader)
            content = await _read_body(reader, headers)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        for value in headers.get("set-cookie", []):
            with contextlib.suppress(CookieError):
                self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(value).items()})
        is_json = headers.get("content-type", [""])[0].startswith(
            ("application/json", "application/problem+json")
        )
        retry_after = headers.get("retry-after", [""])[0]
        return Answer(
            status,
            json.loads(content) if content and is_json else None,
            float(retry_after) if retry_after.isdigit() else None,
        )

    def _head_and_body(self, method: str, path: str, body: object | None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {self._base}{path} HTTP/1.1",
            f"Host: {self._netloc}",
            "Accept: application/json",
            "Connection: close",
            "User-Agent: bilten-client",
        ]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if method != "GET":
            lines += [f"Content-Length: {len(content)}", "Content-Type: application/json"]
        return "\r\n".join([*lines, "", ""]).encode() + content


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, list[str]]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return int(first.split(" ", 2)[1]), headers


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, list[str]]) -> bytes:
    if headers.get("transfer-encoding", [""])[0].lower() == "chunked":
        content = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            if len(content) + size > BODY_BYTES_MAX:
                raise ValueError("the answer is too long")
            content += await reader.readexactly(size)
            await reader.readline()
        return content
    length = int(headers.get("content-length", ["0"])[0])
    if length > BODY_BYTES_MAX:
        raise ValueError("the answer is too long")
    return await reader.readexactly(length)
