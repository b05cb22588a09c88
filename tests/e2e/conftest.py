"""Servers, certificates and peers for the tests of the whole."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
import trustme

from .running import ServerProcess, ServerThread, environment_for

StartThread: TypeAlias = Callable[..., ServerThread]
StartProcess: TypeAlias = Callable[..., ServerProcess]


class Tls(NamedTuple):
    """What makes a server's TLS, and what trusts it.

    Attributes:
        variables: settings of the server.
        authority: who issued its certificate.
    """

    variables: dict[str, str]
    authority: trustme.CA

    @property
    def context(self) -> ssl.SSLContext:
        """What a client needs: a new one each time, as httpx changes what it is given."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(made)
        return made

    @property
    def http2(self) -> ssl.SSLContext:
        """What one needs that speaks HTTP/2, likewise."""
        made = self.context
        made.set_alpn_protocols(["h2"])
        return made


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    return Tls({"SSL_CERT": str(chain), "SSL_KEY": str(key)}, authority)


@pytest.fixture
def start_thread(tmp_path: Path) -> Iterator[StartThread]:
    """Starts servers in threads: `start_thread(TRACKING_TIMEOUT="1")`; all on one database."""
    with ExitStack() as running:

        def start(**variables: str) -> ServerThread:
            return running.enter_context(ServerThread(environment_for(tmp_path, **variables)))

        yield start


@pytest.fixture
def server(start_thread: StartThread) -> ServerThread:
    """A server in a thread, with no settings but a folder of its own."""
    return start_thread()


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    """Starts servers as processes; all in one folder and on one database."""
    with ExitStack() as running:

        def start(*within: str, **variables: str) -> ServerProcess:
            process = ServerProcess(environment_for(tmp_path, **variables), tmp_path, within)
            running.callback(process.kill)
            return process

        yield start


@pytest.fixture
def process(start_process: StartProcess) -> ServerProcess:
    """A server as a process, with no settings but a folder of its own."""
    return start_process()
