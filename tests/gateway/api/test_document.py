"""The document and the gateway say the same: schemathesis makes requests of the document, good ones and bad
ones, alone and along its links, and holds the answers against it. If it failed, the document would promise
what the gateway does not keep, or a request would be found that it can't bear.
"""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.ids import EVENT, ORGANISATION, text
from domain.roles import PlatformRole, Role
from tests.gateway.api.cast import assemble, open_session
from tests.gateway.stage import ROOT, Stage

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CONFIG = """
color = false
seed = 7
request-timeout = 20.0
max-failures = 25
hooks = {hooks}

# Bounded by number and not by time: on a busy machine it takes longer, and does not do less.
[phases.fuzzing.generation]
max-examples = 4

# Long ways: most links lead on from what some step before has made.
[phases.stateful]
max-steps = 30

# Only good requests lead on; bad ones are the other phases' business.
[phases.stateful.generation]
mode = "positive"
max-examples = 60

[generation]
# What is found is written down here as a test; nothing is kept between runs.
database = "none"
deterministic = {deterministic}

# Our links are enough; guessed ones double their number.
[phases.stateful.inference]
algorithms = []

[parameters]
"path.organisation" = {organisation}
"path.event" = {event}

# A rule that a schema can't say (two fields that don't go together, a name that is taken) is told with 409 or
# 422, a link that was used with 410, and a version that is not the present one with 412.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "402", "403", "404", "409", "410", "412", "422", "429", "503"]

# A missing If-Match is told as such.
[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "404", "428"]

[checks.negative_data_rejection]
expected-statuses = [
    "400", "401", "403", "404", "405", "409", "410", "412", "413", "415", "422", "428", "429",
]

# An import takes a file as it is, and tells in its answer what it could not read.
[[operations]]
include-path = "/organisations/{{organisation}}/import"
checks.negative_data_rejection.expected-statuses = ["200", "4xx"]

# Ending all sessions leaves a list of none.
[[operations]]
include-path = "/admin/users/{{user}}/sessions"
checks.use_after_free.enabled = false

# Being busy is an answer, being broken is none.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""


async def document(stage: Stage) -> dict[str, Any]:
    async with stage.http.get(f"{stage.url}/api/v1/openapi.json") as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = msgspec.json.decode(await answer.read())
        return found


async def test_the_document_is_complete(stage: Stage) -> None:
    found = await document(stage)
    assert found["openapi"].startswith("3.1")
    assert all(
        operation["responses"] and operation["summary"] and "security" in operation
        for operations in found["paths"].values()
        for operation in operations.values()
    )
    async with stage.http.get(f"{stage.url}/api/v1/openapi.json") as answer:
        tag = answer.headers["ETag"]
    async with stage.http.get(f"{stage.url}/api/v1/openapi.json", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.timeout(900)
@pytest.mark.parametrize("phases", ["coverage,fuzzing", "stateful"])
async def test_schemathesis_finds_nothing(stage: Stage, tmp_path: Path, phases: str) -> None:
    cast = await assemble(stage.works)
    by_name = {figure.name: figure for figure in cast.figures}
    user = by_name["user"].person
    assert user is not None
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        CONFIG.format(
            hooks=msgspec.json.encode(str(HOOKS)).decode(),
            organisation=f'"{text(ORGANISATION, cast.organisation_id)}"',
            event=f'"{text(EVENT, cast.event_id)}"',
            # Along links the seed leads further than what hypothesis would take of itself; both repeat.
            deterministic="false" if phases == "stateful" else "true",
        )
    )
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
        f"{stage.url}/api/v1/openapi.json", "--url", f"{stage.url}/api/v1", "--checks", "all",
        "--phases", phases, "--no-shrink", "--warnings", "off",
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BILTEN_URL": stage.url,
            "BILTEN_EMAIL": user.email,
            "BILTEN_PASSWORD": user.password,
            "BILTEN_OWNER_SESSION": await open_session(stage.works, by_name[Role.OWNER]),
            "BILTEN_PLATFORM_SESSION": await open_session(stage.works, by_name[PlatformRole.ADMIN]),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert running.stdout is not None
    said = (await running.stdout.read()).decode(errors="replace")
    (tmp_path / "said").write_text(said)
    assert await running.wait() == 0, said
    counts = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", said)
    assert counts is not None, said
    if phases != "stateful":
        assert counts[1] == counts[2] == counts[3], said
    else:
        covered = re.search(r"API Links:\s+(\d+) covered", said)
        assert covered is not None, said
        assert int(covered[1]) > 8, said
