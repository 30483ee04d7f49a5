"""What tests measured is shown at the end of a run: pytest hides what a test that passed has printed."""

from collections.abc import Callable
from typing import Any

import pytest

MEASURED = "measured"

Measured = Callable[[str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Takes a line on what was measured; it also goes into a report in XML, and comes home from a worker."""
    return lambda line: record_property(MEASURED, line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = [
        f"{report.nodeid}: {line}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, line in report.user_properties
        if report.when == "call" and name == MEASURED
    ]
    if lines:
        terminalreporter.section(MEASURED)
        for line in lines:
            terminalreporter.write_line(line)
