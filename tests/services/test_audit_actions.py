"""What is written down has a name that people are told in their words. If these failed, an owner would read
`event.withheld` in place of a sentence, or could not look for what was done.
"""

import json
import re
from pathlib import Path

import pytest

from domain.identity import Identity, Origin, Who
from domain.ids import POOL, PoolId, parse
from services.audit import ORGANISATION_ACTIONS, PLATFORM_ACTIONS, entry_for
from services.events.models import Event
from tests.gateway.stage import works
from tests.services.organiser import WHO, Organiser, id_of, new_organisation, sure

WEB = Path(__file__).resolve().parents[2] / "web"


def listed(script: str, name: str) -> set[str]:
    """Return the words of a list in a script."""
    found = re.search(rf"const {name} = \[(.*?)\]", (WEB / script).read_text())
    assert found is not None
    return set(re.findall('"([a-z.]+)"', found[1]))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_action_of_an_organisation_has_its_sentence(language: str) -> None:
    said = json.loads((WEB / "messages" / language / "team.json").read_text())
    sentences = {name.removeprefix("did.") for name in said if name.startswith("did.")}
    assert sentences == ORGANISATION_ACTIONS
    kinds = {name.removeprefix("audit.kind.") for name in said if name.startswith("audit.kind.")}
    assert kinds == {action.partition(".")[0] for action in ORGANISATION_ACTIONS}


def test_every_kind_of_action_can_be_looked_for() -> None:
    kinds = {action.partition(".")[0] for action in ORGANISATION_ACTIONS}
    assert listed("organizer/audit.js", "KINDS") == kinds
    both = {action.partition(".")[0] + "." for action in ORGANISATION_ACTIONS | PLATFORM_ACTIONS}
    assert listed("admin/audit-filters.js", "BEGINNINGS") == both


def test_what_has_no_name_is_not_written_down() -> None:
    """So what any test has had written down is in the table, and has its sentence."""
    nobody = Who(Identity(), Origin("", ""))
    for action in ("event.withheld", "event.vanish"):
        with pytest.raises(AssertionError, match=action):
            entry_for(nobody, action, "", organisation_id=None, at_ms=0)


async def test_the_steps_of_an_event_are_written_down(migrated_dsn: str, redis_url: str) -> None:
    async with works(migrated_dsn, redis_url) as made:
        hall = Organiser(made, await new_organisation(made.pool))
        event = await hall.published()
        pool = event.tickets.pools[0].pool
        for taken in ("pause", "resume"):
            sure(await hall.step(event, taken))
        await stock(hall, event, pool)
        for taken in ("close", "cancel", "archive"):
            sure(await hall.step(event, taken))
        rows = await made.pool.fetch("SELECT action, after FROM audit_entries ORDER BY seq")
    stock_done = ["withhold", "return", "capacity"]
    done = ["create", "tickets", "publish", "pause", "resume", *stock_done, "close", "cancel", "archive"]
    assert [row["action"] for row in rows] == [f"event.{one}" for one in done]
    assert json.loads(rows[5]["after"]) == {"pool": pool, "quantity": 5}


async def stock(hall: Organiser, event: Event, pool: str | None) -> None:
    assert pool is not None
    where = (WHO, hall.organisation_id, id_of(event), PoolId(parse(POOL, pool)))
    sure(await hall.services.steps.withhold(*where, 5))
    sure(await hall.services.steps.give_back(*where, 5))
    sure(await hall.services.steps.set_capacity(*where, 90))
