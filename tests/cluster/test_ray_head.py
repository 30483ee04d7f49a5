"""If this failed, whoever reaches this machine could run code on it, or a crash would leave a Ray behind."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cluster.processes import wait_until
from cluster.ray_head import RayHead, _session_members

JOIN = "import ray; ray.init(address={address!r}, log_to_driver=False); print('joined', len(ray.nodes()))"


def joins(head: RayHead, token: str) -> bool:
    """Whether a program with a token can use this Ray."""
    file = head.folder / "another-token"
    file.write_text(token)
    environment = {**os.environ, **head.environment(), "RAY_AUTH_TOKEN_PATH": str(file)}
    ran = subprocess.run(
        [sys.executable, "-c", JOIN.format(address=head.address)],
        check=False,
        capture_output=True,
        env=environment,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0 or "auth" in ran.stderr.lower(), ran.stderr
    return "joined 1" in ran.stdout


@pytest.mark.ray
def test_ray_listens_on_loopback_only_and_leaves_nothing_behind(servers_folder: Path) -> None:
    head = RayHead(servers_folder / "a ray" / "of its own")
    head.start()
    session = head.pid
    try:
        members = list(_session_members(session))
        assert len(members) > 3
        # A server for clients from outside would be one more way in, and nobody here is one.
        ours = " ".join(word for process in members for word in process.cmdline())
        assert "gcs_server" in ours
        assert "ray.util.client.server" not in ours
        assert "autoscaler" not in ours
        listening = {
            connection.laddr.ip
            for process in members
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening
        assert not [ip for ip in listening if not ip.endswith("127.0.0.1")]
        assert head.environment()["RAY_AUTH_MODE"] == "token"
        assert (head.folder / "token").stat().st_mode & 0o077 == 0
        # Ray lets everybody write to its sockets.
        assert head.temp_folder.parent.stat().st_mode & 0o077 == 0
        # Who has another token is refused, who has this one is let in.
        assert joins(head, (head.folder / "token").read_text())
        assert not joins(head, secrets.token_hex(32) + "\n")
        # A supervisor that was killed: its successor knows the session by its note alone.
        successor = RayHead(head.folder)
        successor._end_previous()
        # A killed process shows as a zombie before its last thread is gone; only then can it be waited for.
        assert wait_until(lambda: head.poll() is not None, 20)
        assert not list(_session_members(session))
    finally:
        head.stop()
    assert not head.temp_folder.parent.exists(), "outside of its folder nothing stays"
    assert (head.folder / "logs" / "gcs_server.out").is_file()
