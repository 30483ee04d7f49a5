"""The files of the pages, without a browser: what is generated is up to date, what is copied is unchanged,
and nothing is in them that browsers would block.
"""

import hashlib
import re
from pathlib import Path

from web import role_table, wire_types

WEB = Path(__file__).resolve().parent.parent.parent / "web"


def test_the_declarations_are_those_of_the_wire() -> None:
    """The pages would be checked against messages that nobody sends."""
    written = (WEB / "shared" / "wire.d.ts").read_text()
    assert written == wire_types.declarations(), "run python -m web.wire_types > web/shared/wire.d.ts"


def test_the_pages_know_who_may_do_what() -> None:
    """They would show buttons that are refused, or hide what somebody may do."""
    written = (WEB / "shared" / "roles.js").read_text()
    assert written == role_table.module(), "run python -m web.role_table > web/shared/roles.js"


def test_copied_libraries_are_what_the_list_says() -> None:
    """Somebody would have changed a library by hand, and its next update would lose the change."""
    listed = re.findall(
        r"\| `([\w.-]+)` \| [\w.-]+ \| `([0-9a-f]{64})` \|", (WEB / "vendor/README.md").read_text()
    )
    assert len(listed) == 8
    for name, digest in listed:
        file = WEB / "vendor" / name
        if not file.exists():
            file = WEB.parent / "tests/browser/vendor" / name
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, name
    copied = {file.name for file in (WEB / "vendor").glob("*.js")}
    assert copied <= {name for name, _ in listed}


def test_pages_hold_nothing_that_a_strict_policy_blocks() -> None:
    """The page would show without its style or do nothing, in every browser."""
    for file in WEB.glob("*/*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), f"{file.name}: an inline script"
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text), (
            f"{file.name}: inline style or handler"
        )
        assert set(re.findall(r"\$\W", text)) == set(), file.name
    for file in WEB.glob("[!v]*/*.js"):
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", file.read_text()), file.name


def test_a_day_and_a_time_are_put_together_as_the_language_does() -> None:
    """Arabic has a comma of its own."""
    for file in WEB.glob("[!v]*/*.js"):
        joined = re.findall(r"\$\{(?:eventDays|longDate)\([^}]*\)\}, ", file.read_text())
        assert not joined, file.name
