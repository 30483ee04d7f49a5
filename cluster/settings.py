"""Every setting of Bilten, in one typed tree.

A field's type carries its bounds and its one-line description, so that checking a file, the page
docs/settings.md and `bilten check-config` all come from here. Names end in their unit. Nothing below
cluster/ sees this tree: wiring hands each part the values that it needs.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from cluster.limit_settings import LimitSettings
from cluster.people_settings import MailSettings, UserSettings
from cluster.settings_section import Section

Port = Annotated[int, Meta(ge=0, le=65535)]


class PostgresSettings(Section, frozen=True, kw_only=True):
    """The durable record. Without a DSN, `bilten up` runs a PostgreSQL 18 of its own in the data folder."""

    dsn: Annotated[str, Meta(description="postgresql://user:password@host:port/database, 15 or newer")] = ""
    pool_size: Annotated[int, Meta(ge=1, le=200, description="Connections a gateway process may open")] = 6
    statement_ms: Annotated[
        int, Meta(ge=100, le=600_000, description="Longest a statement may take before it is given up")
    ] = 10_000
    shared_buffers_mb: Annotated[
        int, Meta(ge=16, le=65_536, description="Shared buffers of the embedded server")
    ] = 256
    fsync: Annotated[
        bool, Meta(description="Only ever false on data that may be lost: the embedded server's fsync")
    ] = True


class RedisSettings(Section, frozen=True, kw_only=True):
    """Limits and fan-out; losing it loses nothing. Without a URL, `bilten up` runs a Valkey of its own."""

    url: Annotated[str, Meta(description="redis://:password@host:port/0; Redis 7 or Valkey 8, or newer")] = ""
    memory_mb: Annotated[int, Meta(ge=16, le=65_536, description="Memory the embedded Valkey may take")] = 256
    limits_ms: Annotated[
        int, Meta(ge=10, le=60_000, description="A limit without an answer after this long: Redis is away")
    ] = 500


class RaySettings(Section, frozen=True, kw_only=True):
    """Where the shards run. Without an address, `bilten up` runs a local head, bound to loopback."""

    address: Annotated[str, Meta(description="host:port of a Ray head (RAY_ADDRESS is read as well)")] = ""
    object_store_mb: Annotated[
        int, Meta(ge=80, le=65_536, description="Object store of the local head; Bilten stores nothing there")
    ] = 150


class ShardSettings(Section, frozen=True, kw_only=True):
    """The actors that sell. One shard hosts many events and writes one transaction at a time."""

    count: Annotated[int, Meta(ge=1, le=1024, description="Shards to run")] = 2
    mailbox_max: Annotated[
        int,
        Meta(ge=16, le=1_000_000, description="Commands that may wait in a shard before it answers `busy`"),
    ] = 50_000
    batch_max: Annotated[
        int, Meta(ge=1, le=100_000, description="Commands decided and committed together at most")
    ] = 4_000
    snapshot_every: Annotated[
        int, Meta(ge=10, description="Domain events after which an event's state is snapshotted")
    ] = 100_000
    idle_ms: Annotated[
        int, Meta(ge=1_000, description="An event without commands and holds leaves memory after this long")
    ] = 300_000
    operations_max: Annotated[
        int, Meta(ge=100, description="Finished operations whose answers an event keeps in memory")
    ] = 10_000
    publish_every_ms: Annotated[
        int, Meta(ge=5, le=10_000, description="Shortest time between two availability updates of an event")
    ] = 50
    sweep_every_ms: Annotated[
        int, Meta(ge=10, le=60_000, description="How often expired holds are swept")
    ] = 250
    busy_retry_ms: Annotated[
        int, Meta(ge=1, le=60_000, description="What a caller refused as `busy` is told to wait")
    ] = 500
    drain_ms: Annotated[
        int, Meta(ge=100, le=600_000, description="Longest a shard may take to drain when it is stopped")
    ] = 10_000


class GatewaySettings(Section, frozen=True, kw_only=True):
    """HTTP and websockets. All processes listen on one port; the kernel spreads the connections."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on")] = 8080
    processes: Annotated[int, Meta(ge=1, le=256, description="Gateway processes")] = 2
    public_url: Annotated[
        str,
        Meta(
            description="The address people type: links lead there, and passkeys are made for its name and "
            "work nowhere else, so that a new name makes them all useless. When empty it is made from host "
            "and port, with the name localhost for loopback"
        ),
    ] = ""
    origins: Annotated[
        list[str], Meta(description="Origins that may open a websocket beside the public URL's own")
    ] = msgspec.field(default_factory=list)
    trusted_proxies: Annotated[
        list[str],
        Meta(
            description="Networks of the proxies in front, such as 10.0.0.0/8: only what these say in "
            "X-Forwarded-For is believed"
        ),
    ] = msgspec.field(default_factory=list)
    connections_max: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Websockets a process takes; more are closed with 4503")
    ] = 12_000
    connections_per_buyer_max: Annotated[
        int, Meta(ge=1, description="Websockets one buyer may hold open on a process")
    ] = 20
    connections_per_address_max: Annotated[
        int, Meta(ge=1, description="Websockets one address may hold open on a process")
    ] = 500
    trust_loopback: Annotated[
        bool, Meta(description="Loopback addresses are exempt from the per-address caps and limits")
    ] = True
    message_bytes_max: Annotated[
        int, Meta(ge=1_024, le=1_048_576, description="Largest websocket message taken from a client")
    ] = 65_536
    body_bytes_max: Annotated[
        int, Meta(ge=1_024, le=1_048_576, description="Largest HTTP body taken from a client")
    ] = 65_536
    heartbeat_ms: Annotated[
        int,
        Meta(
            ge=50,
            le=300_000,
            description="Silence after which a client is pinged; after as long again it is closed",
        ),
    ] = 20_000
    handshake_ms: Annotated[
        int, Meta(ge=50, le=60_000, description="Time a client has to say hello after connecting")
    ] = 5_000
    outbox_bytes_max: Annotated[
        int, Meta(ge=1_024, description="Bytes that may wait for a slow reader before it is closed")
    ] = 262_144
    update_bytes_max: Annotated[
        int, Meta(ge=1_024, description="Bytes waiting above which a reader gets only the newest state")
    ] = 32_768
    unreadable_max: Annotated[
        int, Meta(ge=1, description="Messages that cannot be read before their connection is closed")
    ] = 8
    refused_rate_max: Annotated[
        int, Meta(ge=1, description="Requests in a row that came too fast before their connection is closed")
    ] = 200
    in_flight_max: Annotated[int, Meta(ge=1, description="Unanswered requests a connection may have")] = 64
    waiting_after_ms: Annotated[
        int, Meta(ge=0, description="A request that waits for longer is told its place in the line")
    ] = 250
    requests_per_s: Annotated[
        float, Meta(gt=0, description="Requests a connection may make per second, averaged")
    ] = 20.0
    requests_burst: Annotated[int, Meta(ge=1, description="Requests a connection may make at once")] = 40
    sessions_per_s: Annotated[
        float, Meta(gt=0, description="Sessions an address may open per second, averaged")
    ] = 1.0
    sessions_burst: Annotated[int, Meta(ge=1, description="Sessions an address may open at once")] = 30
    sockets_per_s: Annotated[
        float,
        Meta(gt=0, description="Websockets a buyer may open per second, averaged; an address 20 times that"),
    ] = 5.0
    sockets_burst: Annotated[
        int, Meta(ge=1, description="Websockets a buyer may open at once; an address 10 times that")
    ] = 60
    pending_max: Annotated[
        int, Meta(ge=1, description="Operations that may wait in one process's coalescer per shard")
    ] = 50_000
    calls_in_flight_max: Annotated[
        int, Meta(ge=1, le=64, description="Calls a process keeps under way per shard")
    ] = 3
    call_commands_max: Annotated[
        int, Meta(ge=1, le=10_000, description="Operations in one call to a shard")
    ] = 1_000
    call_ms_max: Annotated[
        int,
        Meta(ge=100, le=60_000, description="A shard that has not answered a call by then counts as lost"),
    ] = 5_000
    deadline_ms: Annotated[
        int, Meta(ge=100, le=120_000, description="An operation not answered by then is refused as `busy`")
    ] = 10_000
    session_ms: Annotated[int, Meta(ge=60_000, description="How long a buyer's session lasts")] = 86_400_000
    socket_ticket_ms: Annotated[
        int, Meta(ge=100, le=600_000, description="How long the single-use ticket that opens a socket lasts")
    ] = 30_000
    drain_ms: Annotated[
        int, Meta(ge=0, le=600_000, description="Longest a gateway waits for its requests when it is stopped")
    ] = 5_000


class PurchaseSettings(Section, frozen=True, kw_only=True):
    """How orders are brought to their end."""

    patience_ms: Annotated[
        int, Meta(ge=100, le=600_000, description="Time after which a waiting buyer is told to ask again")
    ] = 20_000
    lease_ms: Annotated[
        int, Meta(ge=1_000, le=600_000, description="An order nobody worked on for this long is taken over")
    ] = 8_000
    recovery_every_ms: Annotated[
        int, Meta(ge=50, le=600_000, description="How often a process looks for orders to take over")
    ] = 1_000
    finishing_max: Annotated[
        int, Meta(ge=1, description="Orders a process captures or voids in the background at once")
    ] = 500
    provider_ms: Annotated[
        int, Meta(ge=50, le=120_000, description="Time after which a provider's silence counts as unknown")
    ] = 5_000
    provider_failures_max: Annotated[
        int, Meta(ge=1, description="Failures in a row after which the provider is left alone for a while")
    ] = 20
    provider_rest_ms: Annotated[
        int, Meta(ge=10, le=600_000, description="How long it is then left alone")
    ] = 2_000
    provider_calls_max: Annotated[
        int, Meta(ge=1, description="Calls to the provider under way at once in a process")
    ] = 5_000


class SandboxSettings(Section, frozen=True, kw_only=True):
    """The sandbox payment provider, which plays an outside company."""

    latency_ms: Annotated[int, Meta(ge=0, le=60_000, description="Time the provider takes to answer")] = 20
    slow_ms: Annotated[int, Meta(ge=0, le=60_000, description="Time it takes for the card that is slow")] = (
        3_000
    )
    decline_rate: Annotated[
        float, Meta(ge=0, le=1, description="Share of good cards that are declined all the same")
    ] = 0.0
    outage: Annotated[
        Literal["none", "errors", "timeouts", "after"],
        Meta(description="Fails every call, never answers, or does what is asked and then never answers"),
    ] = "none"


class TicketSettings(Section, frozen=True, kw_only=True):
    """What makes tickets genuine."""

    key: Annotated[
        str,
        Meta(
            pattern="^([0-9a-f]{64})?$",
            description="64 hex digits that sign ticket codes and seal those of vouchers, all of which end "
            "when it changes; made and kept in the data folder when empty",
        ),
    ] = ""


class PeopleSettings(Section, frozen=True, kw_only=True):
    """How personal data is kept."""

    keys_file: Annotated[
        str,
        Meta(description="File with the key-encryption keys; made and kept in the data folder when empty"),
    ] = ""


class AuditSettings(Section, frozen=True, kw_only=True):
    """The log of who changed what."""

    key: Annotated[
        str,
        Meta(
            pattern="^([0-9a-f]{64})?$",
            description="64 hex digits that seal the audit log; made and kept in the data folder when empty",
        ),
    ] = ""


class DemoSettings(Section, frozen=True, kw_only=True):
    """The organisation and event that `bilten up` loads into an empty database."""

    load: Annotated[bool, Meta(description="Whether to load it")] = True
    catalogue: Annotated[str, Meta(description="Catalogue file; the one in docs/examples when empty")] = ""
    opens_in_ms: Annotated[
        int, Meta(ge=0, le=86_400_000, description="Its sale opens this long after `bilten up`")
    ] = 60_000


class LogSettings(Section, frozen=True, kw_only=True):
    """What is written to the logs in the data folder."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severity that is written")
    ] = "info"


class Settings(Section, frozen=True, kw_only=True):
    """Everything."""

    data_dir: Annotated[
        str, Meta(min_length=1, description="Folder of the embedded servers' data, logs and secrets")
    ] = ".bilten"
    postgres: PostgresSettings = PostgresSettings()
    redis: RedisSettings = RedisSettings()
    ray: RaySettings = RaySettings()
    shards: ShardSettings = ShardSettings()
    gateway: GatewaySettings = GatewaySettings()
    limits: LimitSettings = LimitSettings()
    users: UserSettings = UserSettings()
    mail: MailSettings = MailSettings()
    purchases: PurchaseSettings = PurchaseSettings()
    sandbox: SandboxSettings = SandboxSettings()
    tickets: TicketSettings = TicketSettings()
    people: PeopleSettings = PeopleSettings()
    audit: AuditSettings = AuditSettings()
    demo: DemoSettings = DemoSettings()
    log: LogSettings = LogSettings()

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir).absolute()

    @property
    def url(self) -> str:
        """The address people type, without a slash at its end. On loopback it is a name, for browsers make
        passkeys for no number.
        """
        return f"http://localhost:{self.gateway.port}" if self.is_localhost else self.direct_url

    @property
    def is_localhost(self) -> bool:
        """Whether that is the name that the platform goes by."""
        return not self.gateway.public_url and _is_localhost(self.gateway.host)

    @property
    def direct_url(self) -> str:
        """The same place for programs, which are spared looking a name up."""
        if self.gateway.public_url:
            return self.gateway.public_url.rstrip("/")
        host = f"[{self.gateway.host}]" if ":" in self.gateway.host else self.gateway.host
        return f"http://{host}:{self.gateway.port}"


def _is_localhost(host: str) -> bool:
    """Say whether who listens on this address hears what is sent to `localhost`."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_unspecified or str(address) in {"127.0.0.1", "::1"}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as files, environment and documentation name it."""

    section: str  # "" at the top level
    name: str
    type: object
    default: object
    description: str

    @property
    def key(self) -> str:
        """`section.name`, as error messages and the documentation write it."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "BILTEN_" + self.key.replace(".", "_").upper()


def describe(section_type: type[Section], section: str = "") -> list[Field]:
    """The fields of a section, and of the sections below it, in the order in which they are written here."""
    hints = get_type_hints(section_type, include_extras=True)
    found: list[Field] = []
    for info in msgspec.structs.fields(section_type):
        hint = hints[info.name]
        if isinstance(hint, type) and issubclass(hint, Section):
            found += describe(hint, info.name)
            continue
        metas = [meta for meta in get_args(hint)[1:] if isinstance(meta, Meta)]
        description = next((meta.description for meta in reversed(metas) if meta.description), "")
        default = info.default if info.default is not msgspec.NODEFAULT else []
        found.append(
            Field(section=section, name=info.name, type=hint, default=default, description=description)
        )
    return found


FIELDS = tuple(describe(Settings))
SECTIONS: dict[str, type[Section]] = {
    name: hint
    for name, hint in get_type_hints(Settings).items()
    if isinstance(hint, type) and issubclass(hint, Section)
}
