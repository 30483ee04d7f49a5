"""What is said to and by the service of API keys and device tokens."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from domain.roles import KEY_SCOPES
from services.models import ApiKeyRef, DeviceRef, EventRef, Model, Name, TimeMs

DAYS_MAX: Final = 730
Days = Annotated[int, Field(ge=1, le=DAYS_MAX)]
# Permissions, as the document lists those that a key may have.
if TYPE_CHECKING:
    Scope = str
else:
    Scope = Literal[tuple(sorted(scope.value for scope in KEY_SCOPES))]


class NewKey(Model):
    """An API key to be made."""

    name: Name
    """What it is for."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(KEY_SCOPES))]
    event: EventRef | None = None
    """The one event that it is for; None for all of the organisation."""
    expires_in_days: Days = 365


class KeyView(Model):
    """An API key, without what opens anything."""

    id: ApiKeyRef
    name: str
    prefix: str
    """Its first characters."""
    scopes: tuple[str, ...]
    event: EventRef | None
    created_at_ms: TimeMs
    expires_at_ms: TimeMs
    last_used_at_ms: TimeMs | None
    """To within a minute."""
    is_expired: bool


class MadeKey(Model):
    """A new key: the only time that `token` is shown."""

    key: KeyView
    token: Annotated[str, Field(repr=False)]


class NewDevice(Model):
    """A device that is to scan tickets."""

    name: Name
    event: EventRef | None = None
    """The one event that it is for; None for all of the organisation."""
    expires_in_days: Days = 30


class DeviceView(Model):
    """A device, without its token."""

    id: DeviceRef
    name: str
    prefix: str
    event: EventRef | None
    created_at_ms: TimeMs
    expires_at_ms: TimeMs
    last_used_at_ms: TimeMs | None
    is_expired: bool


class MadeDevice(Model):
    """A new device: the only time that `token` is shown."""

    device: DeviceView
    token: Annotated[str, Field(repr=False)]
