r"""What every model of the API is made of: text that is safe to keep and show, and identifiers, money, places
and times with their bounds.

A model is defined once, next to the service that takes or returns it: it validates requests, is the service's
argument or result, and becomes the OpenAPI document. What a schema can say (form, length, range) stands in
it; what it can't say is a rule of its own, raised as `unfit`, and told with 422 instead of 400.

    >>> class Venue(Model):
    ...     name: Name
    ...     capacity: Annotated[int, Field(ge=1, le=1_000_000)]
    >>> Venue.model_validate_json('{"name": "  Cafe\u0301 ", "capacity": 80}').name
    'Café'
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, TypeVar
from zoneinfo import available_timezones

from babel.core import get_global
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from domain import ids
from domain.money import AMOUNT_MINOR_MAX
from services import reasons

TIME_MS_MAX: Final = 253_402_300_799_999  # the end of the year 9999


class Model(BaseModel):
    """The base of all models. Nothing is guessed: unknown fields and other types are refused. The docstring
    under a field is its description in the document.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    def __repr_args__(self) -> tuple[()]:
        """Models hold names, passwords and tokens: a log line that mentions one shows its kind only."""
        return ()


def unfit(reason: reasons.Reason, message: str, **values: object) -> PydanticCustomError:
    """Return the error of a value that has the right form and still can't be used.

    Args:
        reason: what a page translates, such as "unknown_time_zone".
        message: an English sentence; `{name}` stands for the value of that name.
        values: what the sentence names.
    """
    return PydanticCustomError(reason, message, values)


# --- text -------------------------------------------------------------------------------------------------

# Control characters (C0 and C1 with the line ends of Unicode), embeddings and overrides of the direction of
# writing, which make text read other than it is, the byte order mark, annotations, and what is no character.
# Joiners, direction marks, isolates, combining marks and emoji stay.
_NEVER: Final = (
    "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e"
    "\\ufeff\\ufff9-\\ufffb\\ufdd0-\\ufdef\\ufffe\\uffff"
)
_NOT_IN_LINES: Final = _NEVER + "\\u0009\\u000a\\u000d\\u2028\\u2029"
# Spaces, joiners and marks of direction: text of these alone looks empty.
_UNSEEN: Final = "\\u0020\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180e\\u2000-\\u200f\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\uffa0"  # noqa: E501
LINE_PATTERN: Final = f"^[^{_NOT_IN_LINES}]*$"
SEEN_LINE_PATTERN: Final = f"^[^{_NOT_IN_LINES}]*[^{_NOT_IN_LINES}{_UNSEEN}][^{_NOT_IN_LINES}]*$"
LINES_PATTERN: Final = f"^[^{_NEVER}]*$"
_LINE: Final = re.compile(LINE_PATTERN.replace("$", "\\Z"))
_SEEN_LINE: Final = re.compile(SEEN_LINE_PATTERN.replace("$", "\\Z"))
_LINES: Final = re.compile(LINES_PATTERN.replace("$", "\\Z"))
_LINE_END: Final = re.compile("\r\n|[\r\u2028\u2029]")


def _line(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not _LINE.match(value):
        raise unfit(
            "control_characters", "Line breaks, tabs and characters that can't be seen don't belong here."
        )
    return unicodedata.normalize("NFC", value).strip()


def _seen_line(value: Any) -> Any:
    value = _line(value)
    if isinstance(value, str) and not _SEEN_LINE.match(value):
        raise unfit("blank", "This can't be empty.")
    return value


def _lines(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not _LINES.match(value):
        raise unfit("control_characters", "Characters that can't be seen don't belong here.")
    return unicodedata.normalize("NFC", _LINE_END.sub("\n", value)).strip()


Line = Annotated[str, BeforeValidator(_line), Field(json_schema_extra={"pattern": LINE_PATTERN})]
"""One line of text, which may be empty: `Annotated[Line, Field(max_length=…)]`."""
SeenLine = Annotated[
    str, BeforeValidator(_seen_line), Field(min_length=1, json_schema_extra={"pattern": SEEN_LINE_PATTERN})
]
"""One line of text with something to see in it: `Annotated[SeenLine, Field(max_length=…)]`."""
Lines = Annotated[str, BeforeValidator(_lines), Field(json_schema_extra={"pattern": LINES_PATTERN})]
"""Text of many lines, which may be empty: `Annotated[Lines, Field(max_length=…)]`."""

Name = Annotated[SeenLine, Field(max_length=120)]
Title = Annotated[SeenLine, Field(max_length=200)]
Text = Annotated[Line, Field(max_length=300)]
LongText = Annotated[Lines, Field(max_length=20_000)]
Reason = Annotated[SeenLine, Field(max_length=500)]

# --- things with a form of their own ----------------------------------------------------------------------

SLUG_PATTERN: Final = "^[a-z0-9]+(-[a-z0-9]+)*$"
# As browsers check <input type=email>, with a dot in the domain (https://html.spec.whatwg.org/#email-state).
EMAIL_PATTERN: Final = (
    "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    "(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$"
)
TOKEN_PATTERN: Final = "^[A-Za-z0-9_-]{16,128}$"  # noqa: S105 - a form, not a token
WEB_ADDRESS_PATTERN: Final = "^https?://[^\\u0000-\\u0020\\u007f-\\u00a0\"'<>\\\\^`{|}]+$"
LANGUAGE_PATTERN: Final = "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"

Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=SLUG_PATTERN, examples=["summer-night"])]
Email = Annotated[
    str,
    Field(max_length=254, pattern=EMAIL_PATTERN, examples=["anna@example.org"]),
    AfterValidator(lambda value: value.rpartition("@")[0] + "@" + value.rpartition("@")[2].lower()),
]
Token = Annotated[str, Field(pattern=TOKEN_PATTERN)]
"""What a link in a mail, or an answer of ours, gave the client to send back."""
Password = Annotated[str, Field(min_length=1, max_length=256)]
"""As it is typed: whether it is good enough is the user service's to say."""
WebAddress = Annotated[str, Field(max_length=2_048, pattern=WEB_ADDRESS_PATTERN)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["DE"])]
"""ISO 3166-1, two letters."""
Language = Annotated[str, Field(max_length=12, pattern=LANGUAGE_PATTERN, examples=["de", "ar", "zh-Hant-TW"])]
"""BCP 47: a language, with a script and a region where they matter."""
Version = Annotated[int, Field(ge=1, le=2**63 - 1)]
TimeMs = Annotated[int, Field(ge=0, le=TIME_MS_MAX, examples=[1_893_528_000_000])]
"""Milliseconds since the epoch."""
LocalTime = Annotated[
    str,
    Field(
        min_length=16,
        max_length=25,
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d)?$",
        examples=["2030-05-01T20:00"],
    ),
]
"""A time as clocks where the event is show it; its offset is for the hour that comes twice a year."""
AmountMinor = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX, examples=[4_900])]
"""Money in the currency's smallest unit."""

CURRENCIES: Final = frozenset(
    currency
    for used in get_global("territory_currencies").values()
    for currency, _, until, is_tender in used
    if until is None and is_tender
)
TIME_ZONES: Final = frozenset(
    name for name in available_timezones() if name not in {"Factory", "localtime", "posixrules"}
)


def _one_of(allowed: frozenset[str], reason: reasons.Reason, message: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in allowed:
            raise unfit(reason, message)
        return value

    return check


Currency = TypeAliasType(
    "Currency",
    Annotated[
        str,
        Field(
            description="ISO 4217, three letters, of a currency that is in use.",
            examples=["EUR"],
            json_schema_extra={"enum": sorted(CURRENCIES)},
        ),
        AfterValidator(_one_of(CURRENCIES, "unknown_currency", "No currency in use has this code.")),
    ],
)
TimeZone = TypeAliasType(
    "TimeZone",
    Annotated[
        str,
        Field(
            description="A zone of the IANA database.",
            examples=["Europe/Berlin"],
            json_schema_extra={"enum": sorted(TIME_ZONES)},
        ),
        AfterValidator(
            _one_of(TIME_ZONES, "unknown_time_zone", "No such time zone; one is, for example, Europe/Berlin.")
        ),
    ],
)


class Price(Model):
    """An amount of money."""

    amount_minor: AmountMinor
    currency: Currency


# --- identifiers ------------------------------------------------------------------------------------------


def id_pattern(kind: str) -> str:
    """Return the regular expression of a TypeID of one kind of `domain.ids`."""
    return f"^{kind}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


EventRef = Annotated[str, Field(pattern=id_pattern(ids.EVENT))]
OrganisationRef = Annotated[str, Field(pattern=id_pattern(ids.ORGANISATION))]
PoolRef = Annotated[str, Field(pattern=id_pattern(ids.POOL))]
TicketTypeRef = Annotated[str, Field(pattern=id_pattern(ids.TICKET_TYPE))]
BuyerRef = Annotated[str, Field(pattern=id_pattern(ids.BUYER))]
OperationRef = Annotated[str, Field(pattern=id_pattern(ids.OPERATION))]
HoldRef = Annotated[str, Field(pattern=id_pattern(ids.HOLD))]
OrderRef = Annotated[str, Field(pattern=id_pattern(ids.ORDER))]
TicketRef = Annotated[str, Field(pattern=id_pattern(ids.TICKET))]
PaymentRef = Annotated[str, Field(pattern=id_pattern(ids.PAYMENT))]
UserRef = Annotated[str, Field(pattern=id_pattern(ids.USER))]
MemberRef = Annotated[str, Field(pattern=id_pattern(ids.MEMBER))]
InvitationRef = Annotated[str, Field(pattern=id_pattern(ids.INVITATION))]
ApiKeyRef = Annotated[str, Field(pattern=id_pattern(ids.API_KEY))]
DeviceRef = Annotated[str, Field(pattern=id_pattern(ids.DEVICE))]
PasskeyRef = Annotated[str, Field(pattern=id_pattern(ids.PASSKEY))]
SessionRef = Annotated[str, Field(pattern=id_pattern(ids.SESSION))]
VenueRef = Annotated[str, Field(pattern=id_pattern(ids.VENUE))]
SeriesRef = Annotated[str, Field(pattern=id_pattern(ids.SERIES))]
VoucherRef = Annotated[str, Field(pattern=id_pattern(ids.VOUCHER))]
QuestionRef = Annotated[str, Field(pattern=id_pattern(ids.QUESTION))]

# What a field is told when it does not have the form of its pattern.
FORMS: Final = {
    SLUG_PATTERN: "Small letters, digits and single hyphens between them, such as summer-night.",
    EMAIL_PATTERN: "This is no e-mail address.",
    TOKEN_PATTERN: "This is no token of ours. Copy the whole link.",
    WEB_ADDRESS_PATTERN: "An address that begins with https:// is expected.",
    LANGUAGE_PATTERN: "A language code is expected, such as en or pt-BR.",
    "^[A-Z]{2}$": "Two capital letters are expected, such as DE.",
    **{id_pattern(kind): f"An identifier that begins with {kind}_ is expected." for kind in ids.KINDS},
}

# --- lists ------------------------------------------------------------------------------------------------

Item = TypeVar("Item", bound=BaseModel)

LIMIT_MAX: Final = 200


class Page(Model, Generic[Item]):
    """A part of a list."""

    items: tuple[Item, ...]
    next_cursor: str | None
    """Where the next part begins: the `cursor` to ask for it with. None at the end."""


class PageQuery(Model):
    """Which part of a list. Lists with filters of their own extend this."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=400, pattern="^[A-Za-z0-9_-]+$")] | None = None
    """The `next_cursor` of the part before."""
