"""The only import of prometheus_client: everybody's counters in Prometheus's format, read when they are asked for.

Nothing here is touched while messages are passed: each part counts in plain integers of its own, and this module
gives the numbers their public names (docs/operations.md, "Metrics").
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import trio
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from .connections.broadcast import Statistics as BroadcastStatistics
from .connections.traffic import TrafficStatistics
from .histogram import HistogramStatistics
from .net.statistics import DoorStatistics, WebSocketStatistics
from .store.statistics import ReaderStatistics, RecorderStatistics
from .tracking.statistics import HubStatistics

PREFIX: Final = "orchestrator_"


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked: each a `statistics` method."""

    doors: Callable[[], DoorStatistics]
    websockets: Callable[[], WebSocketStatistics]
    http: Callable[[], Mapping[str, int]]
    traffic: Callable[[], TrafficStatistics]
    broadcast: Callable[[], BroadcastStatistics]
    hub: Callable[[], HubStatistics]
    recorder: Callable[[], RecorderStatistics]
    reader: Callable[[], ReaderStatistics]
    loop: Callable[[], HistogramStatistics]
    certificate_expires_at: Callable[[], float | None]


class Metrics:
    """What `/metrics` answers.

    Args:
        sources: who is asked at each scrape.
    """

    def __init__(self, sources: Sources) -> None:
        # One of our own: the global registry is everybody's, and two servers in one process would be one.
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(_Collector(sources))

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the format that an `Accept` header asks for; the bytes and their content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Collector(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`; called on the event loop, at each scrape."""
        yield from _of_connections(self._sources.doors(), self._sources.websockets())
        yield _counter("http_responses", "HTTP requests answered", "status", self._sources.http())
        yield from _of_messages(self._sources.traffic(), self._sources.broadcast())
        yield from _of_tracking(self._sources.hub())
        yield from _of_storage(self._sources.recorder())
        reader = self._sources.reader()
        questions = {"asked": reader.asked, "waiting": reader.waiting}
        yield _gauges("reader_questions", "Questions to the database that are not answered yet", "state", questions)
        yield _histogram("loop_lag_seconds", "By how much too long the event loop slept", self._sources.loop())
        expires_at = self._sources.certificate_expires_at()
        if expires_at is not None:
            yield _gauge("certificate_expiry_timestamp_seconds", "When the TLS certificate ends", expires_at)
        yield _gauge("tasks", "Trio tasks that live", trio.lowlevel.current_statistics().tasks_living)

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are only known by collecting, which must wait until the server runs."""
        return iter(())


def _of_connections(doors: DoorStatistics, websockets: WebSocketStatistics) -> Iterator[Metric]:
    kinds = {"client": 0, "processor": 0}
    yield _gauge("connections", "Connections that are open, of all kinds and in whatever state", doors.open)
    yield _counter("connections_accepted", "Connections that came in", None, doors.accepted)
    yield _counter("connections_refused", "Connections that got no further than the door", "reason", doors.refused)
    yield _counter("connection_faults", "Connections that ended at the crash barrier", None, doors.faults)
    yield _gauges("websockets", "WebSockets that are open", "kind", kinds | dict(websockets.open))
    yield _counter("websockets_opened", "WebSockets that were opened", "kind", kinds | dict(websockets.opened))
    yield _counter("websockets_ended", "WebSockets that ended", "code", websockets.ended)
    yield _gauge("outbox_waiting_bytes", "Bytes that wait for peers, all together", websockets.waiting_bytes)
    yield _gauge("outbox_most_waiting_bytes", "Bytes that wait for the slowest peer", websockets.most_waiting_bytes)
    yield _gauge("lagging_peers", "Peers for which something waits", websockets.lagging)
    yield _counter("frames_left_out", "Frames of boxes that gave way to newer ones", None, websockets.left_out)
    most = "Frames of boxes that the one of today's clients missed that missed the most"
    yield _gauge("frames_left_out_most", most, websockets.most_left_out)


def _of_messages(traffic: TrafficStatistics, broadcast: BroadcastStatistics) -> Iterator[Metric]:
    received = _counter_family("messages_received", "Messages that could be read", ["kind", "type"])
    for (kind, message), count in traffic.received.items():
        received.add_metric([kind, message], count)
    yield received
    yield _counter("messages_sent", "Messages offered to peers, boxes left out", "type", traffic.sent)
    refused = {code.value: count for code, count in traffic.refused.items()}
    yield _counter("messages_refused", "Messages that were not carried out", "code", refused)
    shown = _counter_family("authentications", "Tokens that were shown", ["kind", "result"])
    for (kind, result), count in traffic.authentications.items():
        shown.add_metric([kind, result], count)
    yield shown
    yield _histogram("write_delay_seconds", "How long waited what a socket did not take at once", traffic.write_delays)
    yield _counter("frames_published", "Frames of boxes for which anybody was there", None, broadcast.frames)
    yield _counter("deliveries", "Frames of boxes handed to clients, each counted", None, broadcast.deliveries)


def _of_tracking(hub: HubStatistics) -> Iterator[Metric]:
    yield _gauge("clients", "Clients that may see", hub.clients)
    yield _gauge("image_users", "Clients that get newObject and stop", hub.image_users)
    yield _gauge("cameras", "Cameras that a processor stands for", hub.cameras)
    yield _gauge("live_objects", "Objects that are tracked", hub.live_objects)
    yield _counter("objects_started", "Objects that came to be tracked", None, hub.started)
    yield _counter("objects_ended", "Objects whose tracking ended, however", None, hub.ended)
    yield _counter("objects_expired", "Objects whose tracking timeout passed", None, hub.expired)


def _of_storage(recorder: RecorderStatistics) -> Iterator[Metric]:
    waiting = {
        "command": recorder.waiting_commands,
        "sighting": recorder.waiting_rows,
        "feature_map": recorder.waiting_feature_maps,
        "stop": recorder.waiting_stops,
        "look_up": recorder.waiting_look_ups,
    }
    yield _gauges("recorder_waiting", "What is not on disk yet", "kind", waiting)
    yield _gauge("recorder_lag_seconds", "How long the oldest note has waited for the database", recorder.lag)
    yield _gauge("recorder_in_trouble", "1 where the database took nothing when last tried", recorder.in_trouble)
    yield _counter("recorder_commits", "Transactions that succeeded", None, recorder.commits)
    yield _counter("recorder_failed_transactions", "Transactions that failed", None, recorder.failed_transactions)
    yield _counter("recorder_rows", "Rows of sightings written", None, recorder.written_rows)
    yield _counter("recorder_merged_rows", "Rows merged as too many waited", None, recorder.merged_rows)
    yield _counter("recorder_lost_look_ups", "Look-ups that the audit will never have", None, recorder.lost_look_ups)
    yield _counter("recorder_homeless_notes", "Notes about objects the database lacks", None, recorder.homeless_notes)
    yield _counter("recorder_refused_notes", "Notes refused by the database", None, recorder.refused_notes)
    yield _counter("recorder_refused_commands", "Commands refused by the database", None, recorder.refused_commands)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, meaning, value=value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, meaning: str, label: str | None, values: "Mapping[str, int] | int") -> Metric:
    family = _counter_family(name, meaning, [] if label is None else [label])
    if isinstance(values, int):
        family.add_metric([], values)
    else:
        for key, value in values.items():
            family.add_metric([key], value)
    return family


def _counter_family(name: str, meaning: str, labels: list[str]) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, meaning, labels=labels)


def _histogram(name: str, meaning: str, values: HistogramStatistics) -> Metric:
    bounds = [*map(str, values.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(values.counts), strict=True))
    return HistogramMetricFamily(PREFIX + name, meaning, buckets=buckets, sum_value=values.total)
