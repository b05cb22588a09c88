"""Where it listens, and how that is told."""

import socket
from contextlib import ExitStack, closing

import pytest

from trio_orchestrator.net.listeners import address_of, open_listeners


def test_all_interfaces() -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(listener)) for listener in open_listeners(None, 0)]
        (listener,) = listeners
        assert listener.getblocking() is False
        port = listener.getsockname()[1]
        for host in ["127.0.0.1", *(["::1"] if listener.family is socket.AF_INET6 else [])]:
            socket.create_connection((host, port), timeout=10).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_one_host(host: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(listener)) for listener in open_listeners(host, 0)]
        assert len({listener.getsockname()[1] for listener in listeners}) == 1, "one port for all"
        for listener in listeners:
            shown = address_of(listener)
            assert shown.rpartition(":")[0] in ("127.0.0.1", "[::1]")
            socket.create_connection(listener.getsockname()[:2], timeout=10).close()


def test_a_port_that_is_taken() -> None:
    (listener,) = open_listeners("127.0.0.1", 0)
    with closing(listener), pytest.raises(OSError, match="in use"):
        open_listeners("127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(OSError):  # the text is the platform's
        open_listeners(host, 0)
