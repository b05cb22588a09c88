"""The health check, against a small HTTP server that is well or not."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from trio_orchestrator import health


@contextmanager
def answering(status: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server whose `/healthz` answers with `status`; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOST", "HTTP_PORT", "HTTPS_PORT", "SSL_CERT", "SSL_KEY", "PUBLIC_KEY", "AUDIENCE"):
        monkeypatch.delenv(variable, raising=False)


def test_well_on_the_port_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(200) as port:
        monkeypatch.setenv("HTTP_PORT", str(port))
        assert health.main([]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "1")
    with answering(200) as port:
        assert health.main(["--http-port", str(port), "--host", "127.0.0.1"]) == 0


def test_another_status_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(500) as port:
        assert health.main(["--http-port", str(port)]) == 1
    assert capsys.readouterr().err == "not well: HTTP status 500\n"


@pytest.mark.parametrize("status", [429, 503])
def test_who_has_no_room_for_one_more_is_well(status: int) -> None:
    with answering(status) as port:
        assert health.main(["--http-port", str(port)]) == 0


def test_the_port_for_administrators_is_asked_where_there_is_one() -> None:
    with answering(200) as port:
        assert health.main(["--http-port", "1", "--admin-port", str(port)]) == 0


def test_nobody_there_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can take it
        assert health.main(["--host", "127.0.0.1", "--http-port", str(taken.getsockname()[1])]) == 1
    assert capsys.readouterr().err.startswith("not well: ")


def test_settings_that_do_not_fit_are_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["--http-port", "eighty"]) == 1
    error = capsys.readouterr().err
    assert "HTTP_PORT" in error
    assert error.count("\n") == 1


def test_the_tls_port_where_the_plain_one_is_off(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("camera.example")  # not a name of this machine
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for pem in issued.cert_chain_pems:
        pem.write_to_path(certificate, append=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    files = ["--ssl-cert", str(certificate), "--ssl-key", str(key)]
    with answering(200, context) as port:
        assert health.main(["--http-port", "off", "--https-port", str(port), *files]) == 0
