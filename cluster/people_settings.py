"""Settings of accounts and of mail."""

from typing import Annotated

from msgspec import Meta

from cluster.settings_section import Section


class UserSettings(Section, frozen=True, kw_only=True):
    """Accounts: how passwords are hashed, and how long sessions last."""

    session_ms: Annotated[
        int, Meta(ge=60_000, le=31_536_000_000, description="How long somebody stays signed in")
    ] = 1_209_600_000
    step_up_ms: Annotated[
        int, Meta(ge=1_000, le=86_400_000, description="How long a fresh proof of who somebody is counts")
    ] = 600_000
    hash_memory_kib: Annotated[
        int, Meta(ge=19_456, le=4_194_304, description="Memory that hashing one password takes (Argon2id)")
    ] = 19_456
    hash_passes: Annotated[int, Meta(ge=2, le=100, description="Passes over that memory")] = 2
    hash_threads: Annotated[int, Meta(ge=1, le=64, description="Passwords a process hashes at once")] = 1
    hash_waiting_max: Annotated[
        int, Meta(ge=0, le=10_000, description="Sign-ins that may wait for a hash before they are `busy`")
    ] = 32
    attempts_burst: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Passwords or codes of one account that may be tried at once"),
    ] = 10
    attempts_per_s: Annotated[
        float,
        Meta(gt=0, description="Passwords or codes of one account that may be tried a second, averaged"),
    ] = 0.1


class MailSettings(Section, frozen=True, kw_only=True):
    """Mail. Without a URL, `bilten up` runs a server of its own that shows its mails at /dev/mail."""

    smtp_url: Annotated[
        str,
        Meta(
            pattern="^(smtps?://.+)?$",
            description="smtp://user:password@host:port, where the server has to offer TLS unless it is on "
            "this machine and wants no password; or smtps:// for TLS from the start",
        ),
    ] = ""
    sender: Annotated[str, Meta(pattern="^[^@\\s<>]+@[^@\\s<>]+$", description="Address in From")] = (
        "tickets@localhost.localdomain"
    )
    sender_name: Annotated[str, Meta(min_length=1, max_length=80, description="Name beside it")] = "Bilten"
    waiting_max: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Mails that may wait in a process for the server")
    ] = 2_000
    tries: Annotated[int, Meta(ge=1, le=100, description="How often a mail is tried")] = 8
    mailbox_dir: Annotated[
        str,
        Meta(description="Folder whose mails are shown at /dev/mail; set by `bilten up`, never elsewhere"),
    ] = ""
