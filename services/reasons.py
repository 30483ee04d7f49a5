"""Why a field is refused that has the right form: the closed list.

What a service or a validator says no with is one of these: mypy sees to it. The pages say each of them in
every language (`shared.field.reason` in `web/messages/`): a test sees to that.
"""

from typing import Final, Literal, get_args

Reason = Literal[
    # Text, and what has a form of its own
    "blank",
    "control_characters",
    "required",
    "taken",
    "too_short",
    "code_too_short",
    "personal",
    "guessable",
    "unknown_currency",
    "unknown_time_zone",
    # Times
    "not_a_time",
    "no_such_day",
    "out_of_range",
    "gap",
    "wrong_offset",
    "in_the_past",
    "before_start",
    "after_start",
    "after_event",
    "event_too_long",
    "required_when_published",
    "tickets_for_days_before",
    "tickets_for_days_after",
    # Lists
    "not_ours",
    "required_with_prices",
    "too_many",
    # Series, and events with others
    "gives_nothing",
    "in_a_series",
    "not_in_the_series",
    "unknown_organisation",
    "is_the_owner",
    "role_not_for_event",
    # Tickets
    "unknown_id",
    "same_id_twice",
    "order_is_fixed",
    "has_its_own_route",
    "unknown_pool",
    "unknown_ticket_type",
    "above_maximum",
    "free_has_no_price",
    "only_for_pay_what_you_want",
    "only_for_fixed_prices",
    "above_suggestion",
    "same_number_twice",
    "never_ends",
    "not_of_event",
    "choices_for_choice_only",
    "not_sellable",
    # Codes
    "percent_or_amount",
    "only_for_blocks",
    "is_fixed",
    "not_drawn_from",
    "more_than_there_is",
    "not_usable",
]

REASONS: Final = frozenset(get_args(Reason))
