"""Servers of a bench's own: in a temporary folder, on ports of their own, gone when the bench ends."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cluster.embedded import EmbeddedPostgres, EmbeddedValkey


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is removed at the end."""
    made = Path(tempfile.mkdtemp(prefix="bilten-bench-"))
    # PostgreSQL runs as another user when we are root, and has to get through.
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def postgres(under: Path, options: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL with fsync on."""
    server = EmbeddedPostgres(under / "postgres", shared_buffers_mb=256, fsync=True, options=options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def valkey(under: Path, name: str, options: Mapping[str, str] | None = None) -> Iterator[EmbeddedValkey]:
    """A running Valkey."""
    server = EmbeddedValkey(under / name, memory_mb=1024, options=options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
