"""Everything an organiser does with events, put together from what it stands on."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from services.events.access import Access
from services.events.changing import Announcing, Changes
from services.events.drafts import Drafts
from services.events.editing import Editing
from services.events.exporting import Exporting
from services.events.grants import CoOrganisers
from services.events.importing import Importing
from services.events.renaming import Renaming
from services.events.sales import States
from services.events.series import SeriesMaking
from services.events.sharing import Sharing
from services.events.steps import Steps
from services.events.venues import Venues
from services.events.voucher_codes import VoucherCodes
from services.events.vouchers import Counting, Vouchers
from services.tickets import Asking
from storage.event_owners import EventOwners
from storage.postgres import Pool


class Sales(Asking, Counting, States, Protocol):
    """As much of `actors.refs.Shards` as organisers need."""


class Organising(msgspec.Struct, frozen=True):
    """The services behind the organiser's routes."""

    changes: Changes
    editing: Editing
    steps: Steps
    venues: Venues
    series: SeriesMaking
    sharing: Sharing
    vouchers: Vouchers
    grants: CoOrganisers
    importing: Importing
    exporting: Exporting
    renaming: Renaming


def organising(
    *,
    pool: Pool,
    shards: Sales,
    owners: EventOwners,
    announcing: Announcing,
    clock: Callable[[], int],
    new_id: Callable[[], bytes],
    code_key: bytes,
    url: str = "",
) -> Organising:
    """Put the services together. `code_key` is that of `domain.codes.code_key`, `url` the address of this
    site, which exports name.
    """
    access = Access(owners)
    changes = Changes(pool, shards, announcing, clock, new_id)
    drafts = Drafts(clock, new_id)
    editing = Editing(pool, changes, access, clock, new_id)
    steps = Steps(changes, access, clock)
    return Organising(
        changes=changes,
        editing=editing,
        steps=steps,
        venues=Venues(pool, changes, clock, new_id),
        series=SeriesMaking(pool, drafts, clock, new_id),
        sharing=Sharing(pool, changes, editing, steps, clock, new_id),
        vouchers=Vouchers(pool, changes, shards, access, clock, new_id, VoucherCodes(code_key)),
        grants=CoOrganisers(pool, access, clock),
        importing=Importing(pool, drafts, clock, new_id),
        exporting=Exporting(pool, clock, url),
        renaming=Renaming(pool),
    )
