"""For those who run the server: metrics, health, readiness, a renewed certificate, and proxies in front of it."""

import signal
import socket
import sqlite3
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from . import web
from .conftest import StartProcess, StartThread
from .peers import PATIENCE, Peer, client, processor, start
from .raw import dial, read_to_end, status, upgrade
from .running import ServerThread

IGNORING = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
NOHUP = [sys.executable, "-c", IGNORING]


def get(url: str) -> httpx.Response:
    return web.get(url)


def metrics(url: str) -> dict[str, float]:
    answer = get(f"{url}/metrics")
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name.removeprefix('orchestrator_')}{{{labels}}}" if labels else sample.name] = sample.value
    return {name.removeprefix("orchestrator_"): value for name, value in found.items()}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"not within {PATIENCE} seconds: {what}"
        time.sleep(0.02)


def test_the_metrics_of_a_story(server: ServerThread) -> None:
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        object_id = start(operator, "cam1", image="x")
        assert camera.hear_kind("start")["objectId"] == object_id
        for frame in range(3):
            camera.say("boundingBoxes", frameId=frame, boxes=[{"objectId": object_id}])
            assert operator.hear_kind("boundingBoxes")["frameId"] == frame
        found = metrics(server.urls.plain)
        wait_for(lambda: metrics(server.urls.plain)["recorder_rows_total"] > 0, "the sightings are on disk")
    expected = {
        "websockets{client}": 1,
        "websockets{processor}": 1,
        "clients": 1,
        "cameras": 1,
        "image_users": 1,
        "live_objects": 1,
        "objects_started_total": 1,
        "messages_received_total{processor,boundingBoxes}": 3,
        "messages_received_total{processor,identifier}": 1,
        "messages_received_total{client,start}": 1,
        "messages_sent_total{newObject}": 1,
        "messages_sent_total{start}": 1,
        "frames_published_total": 3,
        "deliveries_total": 3,
        "frames_left_out_total": 0,
        "connection_faults_total": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    wait_for(lambda: metrics(server.urls.plain)["websockets{client}"] == 0, "the client is gone")
    assert metrics(server.urls.plain)["websockets_ended_total{1000}"] == 2


def test_what_strangers_call_things_is_no_label(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, 'evil"} 1\nforged{a="b') as camera:
        operator.say('x"} 1\nforged', objectId=1)
        operator.settle()
        camera.connection.close(4999, "bye")
        wait_for(lambda: "websockets_ended_total{other}" in metrics(server.urls.plain), "the camera is gone")
        assert "forged" not in get(f"{server.urls.plain}/metrics").text


def test_on_the_main_port_by_default(server: ServerThread) -> None:
    assert get(f"{server.urls.plain}/readyz").text == "ready\n"
    assert get(f"{server.urls.plain}/healthz").text == "ok\n"
    assert get(f"{server.urls.plain}/metrics").headers["content-type"].startswith("text/plain")


def test_on_a_port_of_their_own(start_process: StartProcess) -> None:
    process = start_process(ADMIN_PORT="0")
    main, admin = process.urls.plain, process.urls.admin
    assert [get(f"{main}{path}").status_code for path in ("/metrics", "/readyz", "/healthz")] == [404, 404, 200]
    assert [get(f"{admin}{path}").status_code for path in ("/metrics", "/readyz", "/healthz")] == [200, 200, 200]
    assert [get(f"{admin}{path}").status_code for path in ("/objectIds", "/timelines", "/client")] == [404, 404, 404]
    host, _, port = admin.removeprefix("http://").rpartition(":")
    with dial((host, int(port))) as stranger:
        stranger.sendall(upgrade(b"/client"))
        assert status(read_to_end(stranger)) == 404
    assert process.stop() == 0


def test_not_ready_while_the_database_takes_no_changes(start_thread: StartThread, tmp_path: Path) -> None:
    server = start_thread()
    stranger = sqlite3.connect(tmp_path / "orchestrator.db", isolation_level=None)
    try:
        assert get(f"{server.urls.plain}/readyz").status_code == 200
        stranger.execute("BEGIN EXCLUSIVE")
        wait_for(lambda: get(f"{server.urls.plain}/readyz").status_code == 503, "it notices")
        answer = get(f"{server.urls.plain}/readyz")
        assert answer.text.startswith("not ready: the database ")
        assert str(tmp_path) not in answer.text
        assert get(f"{server.urls.plain}/healthz").status_code == 200
        stranger.execute("ROLLBACK")
        wait_for(lambda: get(f"{server.urls.plain}/readyz").status_code == 200, "it notices again")
    finally:
        stranger.close()


class Issuer:
    """Makes certificates that one context trusts, and writes them where a server reads them."""

    def __init__(self, folder: Path) -> None:
        self._chain, self._key = folder / "renewed.pem", folder / "renewed.key"
        self.variables = {"SSL_CERT": str(self._chain), "SSL_KEY": str(self._key)}
        self._authority = trustme.CA()
        self.context = ssl.create_default_context()
        self._authority.configure_trust(self.context)

    def issue(self) -> int:
        """Write a new pair; its serial number."""
        issued = self._authority.issue_cert("127.0.0.1")
        self._chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(self._key)
        return x509.load_pem_x509_certificate(self._chain.read_bytes()).serial_number

    def spoil(self) -> None:
        """Leave half of a pair."""
        self._authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(self._key)

    def served(self, address: tuple[str, int]) -> int:
        """The serial number of the certificate that a new connection gets."""
        raw = socket.create_connection(address, timeout=PATIENCE)
        with self.context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
            shown = connection.getpeercert()
        assert shown is not None
        return int(str(shown["serialNumber"]), 16)


def test_a_certificate_is_renewed_without_dropping_anybody(start_process: StartProcess, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    first = issuer.issue()
    process = start_process(**issuer.variables)
    address = process.urls.tls_address
    with (
        client(process.urls, context=issuer.context) as operator,
        processor(process.urls, "cam1", context=issuer.context) as camera,
    ):

        def assert_undisturbed() -> None:
            camera.say("boundingBoxes", frameId=1, boxes=[])
            assert operator.hear_kind("boundingBoxes")["cameraId"] == "cam1"

        assert issuer.served(address) == first
        second = issuer.issue()
        assert issuer.served(address) == first, "not before it is told to"
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: issuer.served(address) == second, "the new certificate")
        assert_undisturbed()
        issuer.spoil()
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the certificate is not renewed, the old one stays" in process.log, "a line in the log")
        assert issuer.served(address) == second
        assert_undisturbed()
    assert process.stop() == 0


def test_without_tls_a_hangup_stops_in_good_order(start_process: StartProcess) -> None:
    assert start_process().stop(signal.SIGHUP) == 0


def test_under_nohup_a_hangup_stops_nothing(start_process: StartProcess) -> None:
    process = start_process(*NOHUP)
    process.send_signal(signal.SIGHUP)
    assert get(f"{process.urls.plain}/healthz").status_code == 200
    assert process.stop() == 0


def test_under_nohup_a_hangup_renews_the_certificate(start_process: StartProcess, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    issuer.issue()
    process = start_process(*NOHUP, **issuer.variables)
    second = issuer.issue()
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: issuer.served(process.urls.tls_address) == second, "the new certificate")
    assert process.stop() == 0


@pytest.mark.parametrize(("trusted", "expected"), [("127.0.0.0/8", "203.0.113.7 via 127.0.0.1:"), ("", "127.0.0.1:")])
def test_whom_a_proxy_speaks_for_stands_in_the_log(start_process: StartProcess, trusted: str, expected: str) -> None:
    process = start_process(FORWARDED_ALLOW_IPS=trusted)
    with dial(process.urls.address) as proxy:
        proxy.sendall(upgrade(b"/client", b"X-Forwarded-For: 1.1.1.1, 203.0.113.7"))
        wait_for(lambda: " connected " in process.log, "a line in the log")
    (line,) = [line for line in process.log.splitlines() if " connected " in line]
    assert f'remote="{expected}' in line or f"remote={expected}" in line
    assert process.stop() == 0


def test_peers_are_told_apart_from_their_words(server: ServerThread) -> None:
    with Peer(server.urls.websocket("/client")) as operator:
        operator.say_text("nonsense")
        assert operator.hear_kind("error")["code"] == "not_json"
    assert metrics(server.urls.plain)["messages_refused_total{not_json}"] == 1
