"""What `bilten up` tells about where the platform is and how to get in."""

from pathlib import Path
from typing import Final

from rich.console import Console

from cluster import processes, running
from cluster.running import Running

# Who owns the demo organisation. The password is random for each installation.
DEMO_OWNER: Final = "demo@example.org"
_PASSWORD_BYTES: Final = 8


def demo_password_file(data_path: Path) -> Path:
    """Return where the demo owner's password is kept."""
    return data_path / "demo-password"


def demo_password(data_path: Path) -> str:
    """Return the password that the demo owner's account is made with, itself made now if there is none."""
    return processes.secret(demo_password_file(data_path), _PASSWORD_BYTES)


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
    """Print the addresses of a platform, what each is for, and who may sign in."""
    is_demo = bool(found.event_slug)
    rows = [("everybody", "/", "all events")]
    if is_demo:
        rows.append(("demo event", f"/e/{found.event_slug}", "buy from it: the page names cards that work"))
    rows.append(("organizers", "/organizer", "sign in as below" if is_demo else "sign up there"))
    if any(part.name == "smtp" for part in found.parts):
        rows.append(("mailbox", "/dev/mail", "where the mails go that it sends"))
    rows.append(("HTTP API", "/api/v1/docs", "described, and to try"))
    width = max(len(found.pages_url + path) for _, path, _ in rows)
    console.print()
    for name, path, purpose in rows:
        address = (found.pages_url + path).ljust(width)
        console.print(f"  {name:<10}  [bold]{address}[/]  [dim]{purpose}[/]", soft_wrap=True)
    console.print()
    if is_demo:
        password = demo_password(data_path)
        console.print(f"  {'sign in as':<10}  [bold]{DEMO_OWNER}[/]", soft_wrap=True)
        console.print(
            f"  {'password':<10}  [bold]{password}[/]  "
            f"[dim]changed and lost: bilten users set-password {DEMO_OWNER}[/]",
            soft_wrap=True,
        )
        console.print()
