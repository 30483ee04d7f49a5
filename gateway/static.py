"""The files of the pages: kept in memory, compressed once, told apart by their content.

Their names carry no version, so a browser asks each time whether its copy is still good (an ETag, RFC 9110,
section 8.8.3) and mostly hears that it is. What is vendored changes with a release only.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

FILES_MAX: Final = 500
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
_GZIP_BYTES_MIN: Final = 600
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".html": "text/html",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
_COMPRESSIBLE: Final = frozenset({".js", ".css", ".svg", ".html", ".json", ".webmanifest"})


class StaticFile(msgspec.Struct, frozen=True):
    """A file as it is served."""

    content_type: str
    etag: str
    body: bytes
    gzipped: bytes | None
    changed_ns: int


class StaticFiles:
    """What lies below a folder, as far as it is of a kind that pages use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: dict[str, StaticFile] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Answer `/static/{path}`."""
        found = self.find(request.match_info["path"])
        if found is None:
            raise web.HTTPNotFound
        headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if found.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = found.body
        if found.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = found.gzipped
        charset = "utf-8" if found.content_type.startswith("text/") else None
        return web.Response(body=body, content_type=found.content_type, charset=charset, headers=headers)

    def find(self, name: str) -> StaticFile | None:
        """Return a file by its path below the folder, None if there is none that may be served."""
        try:
            path = (self._folder / name).resolve()
        except ValueError:
            # No path has a zero byte.
            return None
        content_type = _TYPES.get(path.suffix)
        if content_type is None or not path.is_relative_to(self._folder):
            return None
        # A file has one name here, however many slashes an address has.
        name = path.relative_to(self._folder).as_posix()
        try:
            status = path.stat()
            known = self._files.get(name)
            if known is not None and known.changed_ns == status.st_mtime_ns:
                return known
            if status.st_size > FILE_BYTES_MAX or (known is None and len(self._files) >= FILES_MAX):
                return None
            body = path.read_bytes()
        except OSError:
            return None
        gzipped = None
        if path.suffix in _COMPRESSIBLE and len(body) >= _GZIP_BYTES_MIN:
            gzipped = gzip.compress(body, 9, mtime=0)
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        made = StaticFile(content_type, etag, body, gzipped, status.st_mtime_ns)
        self._files[name] = made
        return made
