"""A whole platform of a bench's own: `bilten up` in a temporary folder, gone when the bench ends."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from signal import SIGINT
from typing import Final

from bench.servers import folder
from cluster import processes, running
from cluster.running import Running

START_S: Final = 120.0


@contextlib.contextmanager
def own_platform(
    gateways: int = 2, tables: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[tuple[Running, Path]]:
    """Start a platform and yield what runs, and its data folder. `tables` are settings by section.

    Raises `StartFailed` with the end of its log.
    """
    with folder() as made:
        file = write_settings(made, gateways, tables or {})
        command = [sys.executable, "-P", "-m", "cluster", "up", "--config", str(file)]
        child = processes.spawn(command, made / "up.log", environment=processes.plain_environment())
        try:
            yield _wait_for(child, made, gateways), made
        finally:
            processes.stop(child, SIGINT, 60)


def write_settings(made: Path, gateways: int, tables: Mapping[str, Mapping[str, float]]) -> Path:
    """Write the settings of a platform whose data folder is `made`, and return their file."""
    file = made / "bench.toml"
    given = {name: dict(table) for name, table in tables.items()}
    given["gateway"] = given.get("gateway", {}) | {"port": processes.free_port(), "processes": gateways}
    lines = [f'data_dir = "{made}"', "[demo]", "load = false"]
    for name, table in given.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in table.items())]
    file.write_text("\n".join(lines) + "\n")
    return file


def _wait_for(child: "subprocess.Popen[bytes]", data_path: Path, gateways: int) -> Running:
    def is_up() -> bool:
        found = running.read_living(data_path)
        return child.poll() is not None or (found is not None and len(found.pids("gateway")) >= gateways)

    processes.wait_until(is_up, START_S, 0.1)
    found = running.read_living(data_path)
    if found is None or child.poll() is not None:
        raise processes.StartFailed(f"the platform did not start:\n{processes.tail(data_path / 'up.log')}")
    return found
