"""If this failed, the first command that anybody tries would fail them.

One long test, because starting the platform takes most of its time.
"""

import json
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from cluster import processes
from cluster.ray_head import RayHead
from cluster.running import Running
from cluster.up import EXIT_ALREADY_RUNNING
from tests.running_platform import RunningPlatform
from tests.searching import in_texts, marker_in
from tests.servers import run

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def answers(url: str) -> bool:
    try:
        get(url)
    except (OSError, urllib.error.URLError):
        return False
    return True


def printed_address(printed: str, path: str) -> str:
    """The address with this path, as it was printed for people."""
    found = re.search(rf"(http://localhost:\d+{re.escape(path)})\s", printed)
    assert found, printed
    return found[1]


def printed_owner(url: str, printed: str) -> Any:
    """Whom signing in with what was printed makes one."""
    said = re.search(r"sign in as +(\S+@\S+)\s+password +(\S+)", printed)
    assert said, printed
    body = json.dumps({"email": said[1], "password": said[2]}).encode()
    request = urllib.request.Request(f"{url}/api/v1/sign-in", body, {"Content-Type": "application/json"})
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(request, timeout=10).close()
    with browser.open(f"{url}/api/v1/me", timeout=10) as response:
        return json.loads(response.read())


def plant(url: str, owner_of: str) -> dict[str, str]:
    """Say a marker in every personal field that a request has; a second of each request is refused."""
    markers = {name: marker_in(name) for name in ("mail", "name", "password", "guess", "newmail", "invited")}
    address = f"{markers['mail']}@example.org"
    said = re.search(r"sign in as +(\S+@\S+)\s+password +(\S+)", owner_of)
    assert said is not None
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def ask(status: int, method: str, path: str, body: Any, version: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"If-Match": version} if version else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/api/v1{path}", data, headers, method=method)
        try:
            with browser.open(request, timeout=20) as answer:
                found = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            found = error.code, error.read()
        assert found[0] == status, (path, found)
        return json.loads(found[1] or b"null")

    signing_up = {"email": address, "password": markers["password"], "name": markers["name"]}
    ask(202, "POST", "/sign-up", signing_up)
    ask(422, "POST", "/sign-up", {**signing_up, "name": markers["name"] + "\u0000"})
    ask(401, "POST", "/sign-in", {"email": address, "password": markers["guess"]})
    ask(400, "POST", "/sign-in", {"email": address, "password": [markers["guess"]]})
    ask(200, "POST", "/sign-in", {"email": said[1], "password": said[2]})
    me = ask(200, "GET", "/me", None)
    ask(200, "PATCH", "/me", {"name": markers["name"]}, f'"{me["version"]}"')
    new = {"email": f"{markers['newmail']}@example.org", "password": said[2]}
    ask(202, "POST", "/me/email", new)
    organisation = me["memberships"][0]["organisation"]["id"]
    invited = {"email": f"{markers['invited']}@example.org", "role": "viewer"}
    ask(201, "POST", f"/organisations/{organisation}/invitations", invited)
    return markers


def logs_of(platform: RunningPlatform) -> list[tuple[str, str]]:
    """What every process of a platform has written about its work: the supervisor, the servers, the gateways,
    the shards, and Ray's own.
    """
    files = {
        path
        for folder in (platform.data, RayHead(platform.data / "ray").temp_folder)
        for pattern in ("*.log", "*.out", "*.err")
        for path in folder.rglob(pattern)
        if path.is_file()
    }
    return [(str(path), path.read_text(errors="replace")) for path in sorted({*files, platform.log})]


def living(note: Running) -> list[str]:
    return [part.name for part in note.parts if part.process.process() is not None]


def processes_below(folder: Path) -> list[psutil.Process]:
    """Whatever still works in or for a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        mentioned = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if any(str(folder) in text for text in mentioned):
            found.append(process)
    return found


def test_the_platform_comes_up_mends_itself_and_goes_down(servers_folder: Path) -> None:
    platform = RunningPlatform(servers_folder / "up in a folder with spaces", DEMO_OPENS_IN_MS=0)
    platform.start()
    try:
        first = platform.note
        assert living(first) == ["postgres", "redis", "smtp", "ray", "shards", "gateway-1", "gateway-2"]
        assert json.loads(get(f"{platform.url}/api/v1/events"))["items"][0]["slug"] == first.event_slug
        assert "Nachtlicht" in get(f"{platform.url}/e/{first.event_slug}")

        printed = platform.log.read_text()
        for path in ("/", f"/e/{first.event_slug}", "/organizer", "/dev/mail", "/api/v1/docs"):
            assert answers(printed_address(printed, path)), path
        owner = printed_owner(platform.url, printed)
        assert owner["email"] == "demo@example.org"
        assert [member["role"] for member in owner["memberships"]] == ["owner"]
        assert (platform.data / "demo-password").stat().st_mode & 0o777 == 0o600

        planted = plant(platform.url, printed)
        second = platform.bilten("up")
        assert second.returncode == EXIT_ALREADY_RUNNING, second.stderr
        assert platform.pages_url in second.stdout
        assert platform.bilten("doctor").returncode == 0
        assert "up to date" in platform.bilten("migrate").stdout

        listed = platform.bilten("shards", "list").stdout
        (here,) = (line for line in listed.splitlines() if ": 1 events" in line)
        to = "1" if here.startswith("shard 0") else "0"
        moved = platform.bilten("shards", "move", first.event_slug, "--to", to)
        assert moved.returncode == 0, moved.stderr
        assert f"shard {to}: 1 events" in platform.bilten("shards", "list").stdout
        assert platform.bilten("shards", "move", first.event_slug, "--to", "2").returncode == 2

        for name in ("gateway-1", "postgres", "redis", "shards"):
            platform.kill(name)
        assert processes.wait_until(lambda: answers(f"{platform.url}/readyz"), 30, 0.1)

        # The next start begins some of them anew.
        logs = logs_of(platform)
        # A supervisor that is killed leaves its children; the next start ends them and goes on.
        platform.kill_supervisor()
        left = platform.note
        assert "gateway-1" in living(left)
        platform.start()
        assert not [name for name in living(left) if name != "postgres"]
        assert platform.note.dsn == first.dsn
        assert json.loads(get(f"{platform.url}/api/v1/events"))["items"][0]["slug"] == first.event_slug
    finally:
        code = platform.stop()
    assert code == 0
    logs += logs_of(platform)
    written = " ".join(Path(name).name for name, text in logs if text)
    assert all(part in written for part in ("gateway-1", "shards", "postgres", "ray", "up.log")), written
    found = {field: in_texts(logs, marker) for field, marker in planted.items()}
    assert not any(found.values()), found
    assert processes.wait_until(lambda: not processes_below(platform.data), 10), processes_below(
        platform.data
    )
    assert not (platform.data / "run.json").exists()


def test_servers_of_ones_own_take_the_place_of_embedded_ones(
    servers_folder: Path, postgres_dsn: str, redis_url: str
) -> None:
    """They are used, migrated, and left running."""
    platform = RunningPlatform(
        servers_folder / "own servers", POSTGRES_DSN=postgres_dsn, REDIS_URL=redis_url, DEMO_OPENS_IN_MS=0
    )
    platform.start()
    try:
        assert living(platform.note) == ["smtp", "ray", "shards", "gateway-1", "gateway-2"]
        assert json.loads(get(f"{platform.url}/api/v1/events"))["items"][0]["slug"]
        assert not (platform.data / "postgres").exists()
    finally:
        code = platform.stop()
    assert code == 0
    assert run(_events(postgres_dsn)) == 1


async def _events(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM events"))
    finally:
        await connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_taken_port_is_said_before_anything_starts(servers_folder: Path, host: str) -> None:
    """Else people would see a page of somebody else's under the URL that was printed, and leave a password
    there. Browsers look for `localhost` at ::1 first.
    """
    platform = RunningPlatform(servers_folder / f"port taken at {host.replace(':', '-')}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        try:
            other.bind((host, int(platform.url.rpartition(":")[2])))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        other.listen()
        done = platform.bilten("up")
    assert done.returncode == 1
    assert "BILTEN_GATEWAY_PORT" in done.stdout
    assert not (platform.data / "postgres").exists()


def test_wrong_settings_stop_it_before_anything_starts(servers_folder: Path) -> None:
    platform = RunningPlatform(servers_folder / "wrong settings", GATEWAY_PROCESES=3)
    done = platform.bilten("up")
    assert done.returncode == 2
    assert "Did you mean BILTEN_GATEWAY_PROCESSES?" in done.stderr
    assert not platform.data.exists()
