"""Any order of commands on an event with tiers, vouchers, hidden types and reserved blocks that is changed
while it sells: the inventory agrees with the model on every count, every price and every reason. If this
failed, a voucher could be used twice, a tier sold over its number, a reserved place sold to somebody else, or
a buyer charged another price than was agreed on.

Rules that are broken on purpose have to be found: tests/properties/test_broken_rules.py.
"""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain import commands as c
from domain import events as e
from domain.catalogue import Pool, PriceTier, SaleDefinition, TicketType
from domain.decisions import Seen, decide
from domain.inventory import Inventory
from domain.notices import sale_notice
from domain.offers import offers_of
from domain.packed import paired
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherKind, VoucherRule
from tests.domain.stage import EVENT, NOW_MS, code, definition, identifier
from tests.properties.naive import NaiveSale
from tests.properties.naive_records import NaiveVoucher
from tests.properties.test_inventory import BUYERS, Sale, snapshot

MOMENTS = st.sampled_from([None, NOW_MS + 1_000, NOW_MS + 60_000])
PRICES = st.sampled_from([0, 1, 7, 999, 2000])
TIERS = st.lists(
    st.builds(
        PriceTier,
        st.integers(1, 3),
        PRICES,
        st.sampled_from([NOW_MS + 1_000, NOW_MS + 60_000]),
        st.sampled_from([None, 0, 1, 1, 2, 3]),
    ),
    max_size=3,
    unique_by=lambda tier: tier.number,
).map(tuple)
CODES = ["summer", "press", "staff", "nothing"]
RULES = st.builds(
    VoucherRule,
    kind=st.sampled_from(VoucherKind),
    percent_bp=st.sampled_from([0, 1, 3333, 5000, 10_000]),
    amount_minor=st.sampled_from([0, 0, 1, 100, 3001]),
    is_per_order=st.booleans(),
    types=st.sampled_from([(), (), (0,), (2, 3), (0, 1, 2)]),
    uses_max=st.sampled_from([None, 1, 1, 2]),
    per_buyer_max=st.sampled_from([None, None, 1]),
    starts_ms=st.sampled_from([None, None, None, NOW_MS + 1]),
    ends_ms=st.sampled_from([None, None, None, NOW_MS + 60_000]),
    quantity_min=st.sampled_from([1, 1, 1, 3]),
    block_pool=st.sampled_from([None, 0, 1]),
    block_quantity=st.sampled_from([0, 1, 3]),
)


def legal(rule_: VoucherRule) -> VoucherRule:
    """The nearest rule that can be used: most of what is drawn should do something."""
    changes: dict[str, Any] = {}
    if rule_.percent_bp:
        changes["amount_minor"] = 0
    if rule_.kind is VoucherKind.DISCOUNT and not rule_.takes_money_off:
        changes["amount_minor"] = 50
    if rule_.kind is not VoucherKind.BLOCK:
        changes.update(block_pool=None, block_quantity=0)
    else:
        changes.update(types=(), block_pool=rule_.block_pool or 0, block_quantity=rule_.block_quantity or 1)
    return msgspec.structs.replace(rule_, **changes)


class PricedSale(Sale):
    """More commands against the inventory and the model at once."""

    @initialize(
        standing=st.sampled_from([4, 8, 14, 30]),
        limit=st.integers(4, 20),
        tiers=TIERS,
        hidden=st.sampled_from([(), (), (1,), (2, 3)]),
        rules=st.tuples(RULES, RULES),
    )
    def configure(
        self, standing: int, limit: int, tiers: Any, hidden: tuple[int, ...], rules: tuple[VoucherRule, ...]
    ) -> None:
        self.now_ms = NOW_MS
        self.made = 0
        self.done: list[tuple[c.AnyCommand, e.AnyEvent]] = []
        self.history: list[e.AnyEvent] = []
        self.state = Inventory(EVENT)
        plain = definition(standing=standing, buyer_limit=limit)
        first = msgspec.structs.replace(plain.ticket_types[0], tiers=tiers)
        kinds = (first, *plain.ticket_types[1:])
        kinds = tuple(msgspec.structs.replace(kind, is_hidden=at in hidden) for at, kind in enumerate(kinds))
        sale = msgspec.structs.replace(plain, ticket_types=kinds)
        self.model = NaiveSale(sale)
        self.middle = snapshot(self.state)
        self.run(c.Configure(self.fresh(), EVENT, sale), None)
        self.open_if_new()
        for name, rule_ in zip(CODES, rules, strict=False):
            self.define_vouchers(rule_=rule_, names=[name])

    @rule(steps=st.sampled_from(["open"] * 6 + ["later", "pause", "close"]))
    def change_sale(self, steps: str) -> None:
        super().change_sale(steps=steps)

    @rule(step_ms=st.sampled_from([0, 1, 1_000, 9_999, -5_000, 60_000]))
    def time_passes(self, step_ms: int) -> None:
        super().time_passes(step_ms=step_ms)

    @rule(
        target=Sale.holds,
        who=st.sampled_from(BUYERS),
        lines=st.lists(
            st.tuples(
                st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
                st.sampled_from([1, 1, 2, 2, 3, 4, 0]),
                st.sampled_from([None, None, 0, 3500]),
            ),
            min_size=1,
            max_size=3,
        ),
        codes=st.one_of(
            st.just([]),
            st.lists(st.sampled_from(CODES[:2]), min_size=1, max_size=2),
            st.lists(st.sampled_from(CODES[:2]), min_size=1, max_size=2),
            st.lists(st.sampled_from(CODES), max_size=6),
        ),
    )
    def place_priced(self, who: Any, lines: list[tuple[int, int, int | None]], codes: list[str]) -> Any:
        self.open_if_new()
        kinds = [kind.ticket_type_id for kind in self.model.definition.ticket_types]
        wanted = tuple(
            c.Line(
                kinds[at],
                quantity,
                price if self.model.definition.ticket_types[at].price_min_minor is not None else None,
            )
            for at, quantity, price in lines
            if at < len(kinds)
        )
        command = c.PlaceHold(self.fresh(), EVENT, who, wanted, tuple(map(code, codes)))
        made = self.run(command, self.model.place(command, self.now_ms))
        if isinstance(made, e.Held):
            self.model.agree(command.operation_id, made)
        return command.operation_id, who

    @rule(
        crowd=st.lists(
            st.tuples(
                st.sampled_from(BUYERS),
                st.sampled_from([0, 0, 0, 1, 2, 3]),
                st.sampled_from([1, 1, 2, 3]),
                st.sampled_from([[], [CODES[0]], [CODES[1]]]),
                st.sampled_from(["hold", "buy", "cancel", "cancel one", "release"]),
            ),
            min_size=2,
            max_size=5,
        )
    )
    def crowd_comes(self, crowd: list[tuple[Any, int, int, list[str], str]]) -> None:
        for who, at, quantity, codes, what in crowd:
            hold = self.place_priced(who=who, lines=[(at, quantity, None)], codes=codes)
            if what in ("buy", "cancel", "cancel one"):
                order = self.sell(hold=hold, who=None, more=0)
                if what != "buy":
                    self.cancel(order=order, some=1 if what == "cancel one" else 0)
            elif what == "release":
                self.release(hold=hold, who=None)

    # --- the organizer -----------------------------------------------------------------------------------

    @rule(rule_=RULES, names=st.lists(st.sampled_from(CODES[:3]), min_size=1, max_size=2))
    def define_vouchers(self, rule_: VoucherRule, names: list[str]) -> None:
        rule_ = legal(rule_)
        codes = tuple(map(code, names))
        expected = None
        if len(set(codes)) < len(codes) or any(one in self.model.codes for one in codes):
            expected = Code.VOUCHER_EXISTS
        elif rule_.block_pool is not None and rule_.block_quantity * len(codes) > self.model.free(
            rule_.block_pool
        ):
            expected = Code.SOLD_OUT
        if self.run(c.DefineVouchers(self.fresh(), EVENT, rule_, codes), self.after_cancel(expected)):
            for one in codes:
                self.model.vouchers.append(NaiveVoucher(rule_))
                self.model.codes[one] = len(self.model.vouchers)

    def after_cancel(self, expected: Code | None) -> Code | None:
        return Code.EVENT_CANCELLED if self.model.status == "cancelled" else expected

    @rule(name=st.sampled_from(CODES), rule_=RULES)
    def change_voucher(self, name: str, rule_: VoucherRule) -> None:
        number = self.model.codes.get(code(name))
        rule_ = legal(rule_)
        if number is None or self.model.vouchers[number - 1].is_retired:
            self.run(c.ChangeVoucher(self.fresh(), EVENT, code(name), rule_), Code.VOUCHER_UNKNOWN)
            return
        voucher = self.model.vouchers[number - 1]
        old, in_use = voucher.rule, self.model.uses(number)
        rule_ = legal(msgspec.structs.replace(rule_, kind=old.kind))
        rule_ = msgspec.structs.replace(rule_, block_pool=old.block_pool)
        taken = old.block_quantity - self.model.left(number)
        expected = None
        if (rule_.per_buyer_max is None) != (old.per_buyer_max is None) and in_use:
            expected = Code.MALFORMED
        elif (rule_.uses_max or in_use) < in_use or (rule_.kind == "block" and rule_.block_quantity < taken):
            expected = Code.CAPACITY_IN_USE
        elif rule_.block_pool is not None and rule_.block_quantity - old.block_quantity > self.model.free(
            rule_.block_pool
        ):
            expected = Code.SOLD_OUT
        if self.run(c.ChangeVoucher(self.fresh(), EVENT, code(name), rule_), expected):
            voucher.rule = rule_

    @rule(names=st.lists(st.sampled_from(CODES), min_size=1, max_size=2))
    def retire_vouchers(self, names: list[str]) -> None:
        codes = tuple(map(code, names))
        expected = None if all(one in self.model.codes for one in codes) else Code.VOUCHER_UNKNOWN
        if self.run(c.RetireVouchers(self.fresh(), EVENT, codes), expected):
            for one in codes:
                self.model.vouchers[self.model.codes[one] - 1].is_retired = True

    @rule(
        at=st.integers(0, 3),
        changes=st.fixed_dictionaries(
            {},
            optional={
                "price_minor": PRICES,
                "tiers": TIERS,
                "is_hidden": st.booleans(),
                "is_retired": st.booleans(),
                "buyer_limit": st.sampled_from([None, 1, 3]),
                "sales_end_ms": MOMENTS,
                "price_min_minor": st.sampled_from([None, 0, 500]),
                "quantity_max": st.integers(1, 6),
                "pools": st.sampled_from([(0,), (1,), (1, 2)]),
            },
        ),
        ttl_ms=st.sampled_from([60_000, 60_000, 10_000, 120_000]),
        limit=st.sampled_from([5, 8, 12]),
        added=st.booleans(),
    )
    def reconfigure(self, at: int, changes: dict[str, Any], ttl_ms: int, limit: int, added: bool) -> None:
        old = self.model.definition
        if changes.get("price_min_minor") is not None:
            changes = {**changes, "price_minor": 3000, "tiers": ()}
        elif changes.get("tiers"):
            changes["price_min_minor"] = None
        elif old.ticket_types[at].price_min_minor is not None:
            changes["price_minor"] = 3000
        kinds = list(old.ticket_types)
        kinds[at] = msgspec.structs.replace(
            kinds[at], **{"quantity_min": 1, "sales_start_ms": None, **changes}
        )
        pools = old.pools
        if added and len(kinds) < 6:
            number = len(kinds) + 1
            pools = (*pools, Pool(identifier(2, 10 + number), 3))  # type: ignore[arg-type]
            kinds.append(TicketType(identifier(3, number), (len(pools) - 1, 0), 4000))  # type: ignore[arg-type]
        new = SaleDefinition(EVENT, "EUR", pools, tuple(kinds), limit, ttl_ms, old.extension_ms)
        everybodys = self.model.held_tickets() + self.model.sold_tickets()
        is_moved = kinds[at].pools != old.ticket_types[at].pools and any(
            ticket.kind == at for ticket in everybodys
        )
        expected = self.after_cancel(Code.MALFORMED if is_moved else None)
        if self.run(c.Reconfigure(self.fresh(), EVENT, new), expected):
            self.model.capacity += [pool.capacity for pool in pools[len(self.model.capacity) :]]
            self.model.withheld += [0] * (len(pools) - len(self.model.withheld))
            self.model.definition = new
            self.model.limit_types()

    @rule(ttl_ms=st.sampled_from([60_000, 10_000, 120_000]), limit=st.sampled_from([8, 20]))
    def reconfigure_terms(self, ttl_ms: int, limit: int) -> None:
        """Between two holds: the second may be over before the first."""
        self.place_priced(who=BUYERS[0], lines=[(0, 1, None)], codes=[])
        new = msgspec.structs.replace(self.model.definition, hold_ttl_ms=ttl_ms, buyer_limit=limit)
        if self.run(c.Reconfigure(self.fresh(), EVENT, new), self.after_cancel(None)):
            self.model.definition = new
        self.place_priced(who=BUYERS[1], lines=[(0, 1, None)], codes=[])

    def reconfigure_wrongly(self, which: str) -> None:
        old = self.model.definition
        wrong: dict[str, dict[str, Any]] = {
            "fewer types": {"ticket_types": old.ticket_types[:-1]},
            "fewer pools": {"pools": old.pools[1:]},
            "other order": {"ticket_types": old.ticket_types[::-1]},
            "other currency": {"currency": "USD"},
        }
        new = msgspec.structs.replace(old, **wrong[which])
        self.run(c.Reconfigure(self.fresh(), EVENT, new), self.after_cancel(Code.MALFORMED))

    def cancel_event(self) -> None:
        expected = Code.ILLEGAL_STEP if self.model.status == "cancelled" else None
        if self.run(c.CancelEvent(self.fresh(), EVENT), expected):
            self.model.status = "cancelled"

    @rule(
        what=st.sampled_from(
            ["explain"] * 6 + ["cancel"] + ["fewer types", "fewer pools", "other order", "other currency"]
        ),
        name=st.sampled_from(CODES),
        who=st.sampled_from(BUYERS),
    )
    def something_odd(self, what: str, name: str, who: Any) -> None:
        if what == "explain":
            self.explain(name, who)
        elif what == "cancel":
            self.cancel_event()
        else:
            self.reconfigure_wrongly(what)

    def explain(self, name: str, who: Any) -> None:
        """Asking what a code is good for says what naming it would do, and takes nothing."""
        answer = decide(self.state, c.ExplainCode(self.fresh(), EVENT, who, code(name)), self.now_ms)
        number = self.model.codes.get(code(name))
        if number is None or self.model.vouchers[number - 1].is_retired:
            assert isinstance(answer, Refusal)
            assert answer.code in {Code.VOUCHER_UNKNOWN, Code.EVENT_CANCELLED}
        elif isinstance(answer, Seen):
            assert isinstance(answer.answer, e.CodeExplained)
            assert all(self.model._shows(number, at) for at in answer.answer.unlocked)

    # --- what always holds -------------------------------------------------------------------------------

    @invariant()
    def uses_tiers_and_blocks_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        for number, voucher in enumerate(self.model.vouchers, 1):
            in_use = self.state.vouchers.in_use(number)
            assert in_use == self.model.uses(number)
            assert voucher.rule.uses_max is None or in_use <= voucher.rule.uses_max
            assert self.state.vouchers.left[number - 1] == self.model.left(number) >= 0
        for at, counts in enumerate(self.state.types):
            numbers = {0, *counts.tiers}
            assert sum(counts.in_tier(number) for number in numbers) == counts.held + counts.sold
            for number in numbers:
                assert counts.in_tier(number) == self.model.in_tier(at, number) >= 0
        for at, pool in enumerate(self.state.pools):
            assert pool.blocked == self.model.blocked(at)
        for (who, at), has in self.model.has_of_type.items():
            assert self.state.type_tally.get(paired(who, at)) == has

    @invariant()
    def what_is_announced_is_what_is_there(self) -> None:
        if not hasattr(self, "model"):
            return
        told = sale_notice(self.state, self.now_ms).offers
        assert self.state.definition is not None
        assert told == offers_of(self.state.definition, [kind.tiers for kind in self.state.types])


PricedSale.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestPricedSale = PricedSale.TestCase
