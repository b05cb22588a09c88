"""What `/metrics` makes of everybody's counters."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from trio_orchestrator.connections.broadcast import Broadcast
from trio_orchestrator.connections.traffic import Traffic
from trio_orchestrator.histogram import Histogram
from trio_orchestrator.metrics import PREFIX, Metrics, Sources
from trio_orchestrator.net.statistics import DoorStatistics, WebSocketStatistics
from trio_orchestrator.protocol.codes import ErrorCode
from trio_orchestrator.protocol.inbound import Start
from trio_orchestrator.store.statistics import ReaderStatistics, RecorderStatistics
from trio_orchestrator.tracking.statistics import HubStatistics

ROOT = Path(__file__).parents[1]


def made(traffic: Traffic | None = None, lag: Histogram | None = None) -> Metrics:
    counts = dict.fromkeys(RecorderStatistics.__slots__, 0)
    recorder = RecorderStatistics(**counts | {"lag": 1.5, "in_trouble": True})  # type: ignore[arg-type]
    websockets = WebSocketStatistics(
        open={"client": 3}, opened={"client": 5, "processor": 1}, ended={"1006": 2, "other": 1},
        waiting_bytes=700, most_waiting_bytes=600, lagging=2, left_out=40, most_left_out=30,
    )  # fmt: skip
    return Metrics(
        Sources(
            doors=lambda: DoorStatistics(open=4, accepted=9, refused={"431": 2, "tls_failed": 1}, faults=1),
            websockets=lambda: websockets,
            http=lambda: {"200": 7},
            traffic=(traffic or Traffic()).statistics,
            broadcast=Broadcast().statistics,
            hub=lambda: HubStatistics(3, 2, 1, 6, 8, 2, 1),
            recorder=lambda: recorder,
            reader=lambda: ReaderStatistics(asked=4, waiting=2),
            loop=(lag or Histogram()).statistics,
            certificate_expires_at=lambda: 1.8e9,
        )
    )


def samples(text: str) -> Mapping[str, float]:
    """`name{label=value,…}` → value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_the_numbers_are_those_of_the_parts() -> None:
    traffic = Traffic()
    traffic.received_from("client")[Start] += 4
    traffic.refused[ErrorCode.UNKNOWN_CAMERA] += 2
    traffic.authentications["http", "accepted"] += 1
    lag = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.5, 5.0):
        lag.observe(seconds)
    content, content_type = made(traffic, lag).render("")
    assert content_type.startswith("text/plain")
    assert {
        "orchestrator_connections": 4,
        "orchestrator_connections_refused_total{reason=tls_failed}": 1,
        "orchestrator_websockets{kind=client}": 3,
        "orchestrator_websockets{kind=processor}": 0,
        "orchestrator_websockets_ended_total{code=other}": 1,
        "orchestrator_outbox_most_waiting_bytes": 600,
        "orchestrator_frames_left_out_total": 40,
        "orchestrator_http_responses_total{status=200}": 7,
        "orchestrator_messages_received_total{kind=client,type=start}": 4,
        "orchestrator_messages_refused_total{code=unknown_camera}": 2,
        "orchestrator_authentications_total{kind=http,result=accepted}": 1,
        "orchestrator_live_objects": 6,
        "orchestrator_objects_expired_total": 1,
        "orchestrator_recorder_lag_seconds": 1.5,
        "orchestrator_recorder_in_trouble": 1,
        "orchestrator_reader_questions{state=waiting}": 2,
        "orchestrator_certificate_expiry_timestamp_seconds": 1.8e9,
        "orchestrator_loop_lag_seconds_bucket{le=0.1}": 1,
        "orchestrator_loop_lag_seconds_bucket{le=1.0}": 2,
        "orchestrator_loop_lag_seconds_bucket{le=+Inf}": 3,
        "orchestrator_loop_lag_seconds_count": 3,
        "orchestrator_tasks": trio.lowlevel.current_statistics().tasks_living,
    }.items() <= samples(content.decode()).items()


async def test_there_are_also_those_of_the_process() -> None:
    found = samples(made().render("")[0].decode())
    assert found["process_open_fds"] > 2
    assert found["process_resident_memory_bytes"] > 1e6


async def test_two_servers_in_one_process_do_not_get_in_each_others_way() -> None:
    assert samples(made().render("")[0].decode()).keys() == samples(made().render("")[0].decode()).keys()


async def test_openmetrics_for_those_who_ask_for_it() -> None:
    content, content_type = made().render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["", "*/*", "\x00", "application/openmetrics-text;version=;q=x", ";" * 1000])
async def test_any_accept_header_gets_an_answer(accept: str) -> None:
    assert made().render(accept)[0]


async def test_the_documentation_names_each_of_them() -> None:
    families = {family.name for family in text_string_to_metric_families(made().render("")[0].decode())}
    ours = {name.removeprefix(PREFIX) for name in families if name.startswith(PREFIX)}
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.split("\n## Metrics\n", 1)[1].split("\n## ", 1)[0]
    told = {
        name.removesuffix("_total")
        for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)(?:\{\w+(?:,\w+)*\})?`", row)
    }
    assert ours == told
