"""Which ports the processes of this user have chosen, before anything listens there.

Between choosing a port and listening on it a platform may take a minute, and another that starts meanwhile
would take a port on which nobody listens yet. So who chooses one locks its byte of a file that all of them
share. The kernel lets go of the lock however the process ends; whoever listens by then needs it no more.
"""

import fcntl
import os
import tempfile
import threading
from pathlib import Path

CLAIMS_MAX = 1_000
"""Of one process; the oldest go first. Their servers have started long ago, or never will."""


class Claims:
    """The claims of one process, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None
        self._ports: dict[int, None] = {}
        self._lock = threading.Lock()

    def take(self, port: int) -> bool:
        """Claim a port. False when it is claimed already, here or by another process."""
        with self._lock:
            if port in self._ports or not self._locked(port):
                return False
            self._ports[port] = None
            if len(self._ports) > CLAIMS_MAX:
                oldest = next(iter(self._ports))
                del self._ports[oldest]
                fcntl.lockf(self._opened(), fcntl.LOCK_UN, 1, oldest)
            return True

    def has(self, port: int) -> bool:
        """Whether this process has claimed a port."""
        return port in self._ports

    def _locked(self, port: int) -> bool:
        try:
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except BlockingIOError:
            return False
        return True

    def _opened(self) -> int:
        # Opened once and never closed: with any descriptor of the file a process would give up all its locks.
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self._file, flags, 0o600)
        return self._descriptor


OURS = Claims(Path(tempfile.gettempdir()) / f"bilten-ports-{os.geteuid()}")
