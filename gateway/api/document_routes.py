"""The document that describes the API, and the page that shows it to people."""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.refusals import Refusal
from domain.roles import Access
from gateway.api.openapi import document
from gateway.api.route import Answer, Call, Route


def routes(described: Sequence[Route], public_url: str, web_folder: Path) -> list[Route]:
    """Return the routes of the document of other routes. It is made when it is first asked for."""

    @functools.cache
    def made() -> tuple[bytes, str]:
        body = msgspec.json.encode(document(described, public_url))
        return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'

    async def openapi(_: Call) -> Answer | Refusal:
        body, tag = made()
        return Answer(body=body, headers={"ETag": tag, "Cache-Control": "public, no-cache"})

    async def page(_: Call) -> Answer | Refusal:
        body = (web_folder / "docs" / "api.html").read_bytes()
        return Answer(body=body, content_type="text/html; charset=utf-8")

    return [
        Route(
            method="GET",
            path="/openapi.json",
            name="openapi",
            tag="About",
            summary="The OpenAPI document",
            access=Access.ANYONE,
            handler=openapi,
        ),
        Route(
            method="GET",
            path="/docs",
            name="docs",
            tag="About",
            summary="The document as a page",
            access=Access.ANYONE,
            handler=page,
            gives="text/html",
        ),
    ]
