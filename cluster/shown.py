"""What `bilten up` tells about where the platform is and how to get in."""

import secrets
from pathlib import Path
from typing import Final

from rich.console import Console

from cluster import processes, running
from cluster.running import Running

# Who owns the demo organisation. The password is random for each installation.
DEMO_OWNER: Final = "demo@example.org"
DEMO_PASSWORD_FILE: Final = "demo-password"  # noqa: S105 - the name of a file


def demo_password(data_path: Path) -> str:
    """Return the demo owner's password, made now if there is none."""
    file = data_path / DEMO_PASSWORD_FILE
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12))
    return file.read_text()


def show_running(console: Console, data_path: Path) -> None:
    """Say that a platform runs already, and where."""
    console.print(f"Bilten is already running from {data_path}:", soft_wrap=True)
    found = running.read_living(data_path)
    if found is None:
        console.print("  it is just starting; its own terminal shows how far it is")
        return
    show_urls(console, found, data_path)
    console.print(f"Stop it with Ctrl-C in its terminal, or: kill {found.supervisor.pid}")


def show_urls(console: Console, found: Running, data_path: Path) -> None:
    """Print the addresses of a platform, and who may sign in."""
    slug = found.event_slug
    rows = [("pages", "/"), ("metrics", "/metrics"), ("protocol", "/docs/protocol")]
    if any(part.name == "smtp" for part in found.parts):
        rows.append(("mail", "/dev/mail"))
    if slug:
        key = processes.secret(data_path / "organizer-key")
        rows = [("the sale", f"/e/{slug}"), ("organizer", f"/organizer/events/{slug}#key={key}"), *rows[1:]]
    console.print()
    for name, path in rows:
        console.print(f"  {name:<10} [bold]{found.url}{path}[/]", soft_wrap=True)
    if slug:
        password = demo_password(data_path)
        console.print(f"  {'sign in':<10} as [bold]{DEMO_OWNER}[/] with [bold]{password}[/]", soft_wrap=True)
    console.print()
