"""The composition root: what the settings say becomes the arguments that each part takes."""

import logging

from actors.host import NAMESPACE, HostSettings
from actors.ports import ShardSettings
from actors.refs import LaneSettings
from cluster.settings import Settings


def shard_host(settings: Settings) -> HostSettings:
    """What a shard's actor is started with."""
    shards = settings.shards
    return HostSettings(
        postgres_dsn=settings.postgres.dsn,
        redis_url=settings.redis.url,
        shard=ShardSettings(
            mailbox_commands_max=shards.mailbox_max,
            batch_commands_max=shards.batch_max,
            sweep_interval_ms=shards.sweep_every_ms,
            publish_interval_ms=shards.publish_every_ms,
            snapshot_events_min=shards.snapshot_every,
            idle_ms=shards.idle_ms,
            busy_retry_ms=shards.busy_retry_ms,
            recent_operations_max=shards.operations_max,
        ),
    )


def lane(settings: Settings) -> LaneSettings:
    """How a gateway asks a shard."""
    gateway = settings.gateway
    return LaneSettings(
        calls_max=gateway.calls_in_flight_max,
        call_commands_max=gateway.call_commands_max,
        waiting_max=gateway.pending_max,
        patience_ms=gateway.deadline_ms,
        call_ms_max=gateway.call_ms_max,
        busy_retry_ms=settings.shards.busy_retry_ms,
    )


def connect_to_ray(settings: Settings) -> None:
    """Makes this process a driver of the Ray that the settings name; its environment must be set by now."""
    import ray

    ray.init(
        address=settings.ray.address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level=logging.WARNING,
        configure_logging=False,
    )
