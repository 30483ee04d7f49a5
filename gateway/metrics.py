"""What a gateway process counts. Every series is there from the start, so that a rate over it begins at zero.

The children of labelled counters are looked up once, when this is made: on the hot path a count is one call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from domain.refusals import Code
from domain.wire import CLOSE_CODES
from gateway.protocol import CLIENT_TYPES

_LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNREADABLE: Final = "unreadable"


Counts = Callable[[], Iterable[tuple[tuple[str, ...], int]]]


def watch_counter(
    registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...], counts: Counts
) -> None:
    """Show what somebody counts, which only ever goes up, when it is asked for.

    Args:
        registry: where it is shown.
        name: what it is called.
        text: what it is.
        labels: the names of the labels.
        counts: gives the values of the labels, and the count.
    """
    registry.register(_Watched(name, text, labels, counts))


class _Watched(Collector):
    def __init__(self, name: str, text: str, labels: tuple[str, ...], counts: Counts) -> None:
        self._name, self._text, self._labels, self._counts = name, text, labels, counts

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self._counts():
            family.add_metric(values, count)
        yield family


class GatewayMetrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Gauge("bilten_gateway_connections", "Open websockets", registry=self.registry)
        messages = Counter(
            "bilten_gateway_messages", "Messages from clients", ("type",), registry=self.registry
        )
        self._messages = {kind: messages.labels(kind) for kind in (*CLIENT_TYPES, UNREADABLE)}
        refusals = Counter(
            "bilten_gateway_refusals", "Refusals sent, by code", ("code",), registry=self.registry
        )
        self._refusals = {code: refusals.labels(code.value) for code in Code}
        self._closes = Counter(
            "bilten_gateway_closes", "Websockets closed, by code", ("code",), registry=self.registry
        )
        for code in CLOSE_CODES:
            self._closes.labels(str(code))
        self._rejected_upgrades = Counter(
            "bilten_gateway_upgrades_rejected", "Upgrades refused over HTTP", ("why",), registry=self.registry
        )
        latency = Histogram(
            "bilten_gateway_request_seconds",
            "From a request's arrival to its reply",
            ("type",),
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._latency = {kind: latency.labels(kind) for kind in CLIENT_TYPES}
        self._http = Counter(
            "bilten_gateway_http_responses", "HTTP responses", ("route", "status"), registry=self.registry
        )
        self.unreadable_requests = Counter(
            "bilten_gateway_unreadable_requests", "Requests that were no HTTP", registry=self.registry
        )
        self.updates_replaced = Counter(
            "bilten_gateway_updates_replaced",
            "State updates that a slow reader never saw because a newer one took their place",
            registry=self.registry,
        )
        self.broadcasts = Counter(
            "bilten_gateway_broadcasts",
            "State updates encoded and sent to all watchers",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "bilten_gateway_requests_waiting", "Requests not answered yet", registry=self.registry
        )
        self.topics = Gauge("bilten_gateway_topics", "Events with watchers", registry=self.registry)

    def watch_reads(
        self, pages: Mapping[str, int], lists: Mapping[str, int], failures: Callable[[], int]
    ) -> None:
        """Show where pages and lists of events came from, and how often Redis could not be asked for one; the
        counts go on by themselves.
        """

        def read() -> Iterator[tuple[tuple[str, ...], int]]:
            for what, counts in (("page", pages), ("list", lists)):
                for source, count in counts.items():
                    yield (what, source), count

        watch_counter(
            self.registry,
            "bilten_catalogue_reads",
            "Pages and lists of events, by where they came from",
            ("what", "source"),
            read,
        )
        watch_counter(
            self.registry,
            "bilten_catalogue_redis_failures",
            "How often Redis could not be asked for a page or a list",
            (),
            lambda: [((), failures())],
        )

    def message(self, kind: str) -> None:
        """Count a message from a client; `UNREADABLE` is a kind too."""
        self._messages[kind].inc()

    def refusal(self, code: Code) -> None:
        """Count a refusal."""
        self._refusals[code].inc()

    def closed(self, code: int) -> None:
        """Count the end of a connection. Codes that a client made up are counted as one."""
        self._closes.labels(str(code) if code in CLOSE_CODES or code in {1005, 1006} else "other").inc()

    def rejected_upgrade(self, why: str) -> None:
        """Count an upgrade that never became a websocket."""
        self._rejected_upgrades.labels(why).inc()

    def answered(self, kind: str, seconds: float) -> None:
        """Count a reply and the time it took."""
        self._latency[kind].observe(seconds)

    def http(self, route: str, status: int) -> None:
        """Count an HTTP response; `route` is the pattern, never the path itself."""
        self._http.labels(route, str(status)).inc()

    def page(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return bytes(generate_latest(self.registry))
