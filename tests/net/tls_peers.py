"""A `TlsChannel` on a socket that takes what the test lets it, and at its other end a client of Python's `ssl`."""

import _ssl
import ctypes
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

import trustme

from trio_orchestrator.net.tls_channel import TlsBuffers, TlsChannel

BUFFERS = TlsBuffers()
"""All tests of a process share them, as all connections of a server do."""

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
_EVERYTHING = 1 << 30
_SSL_POINTER = ctypes.sizeof(ctypes.c_void_p) * 3
"""Where CPython's `_ssl._SSLSocket` has OpenSSL's own object: behind its head and the socket."""


class Contexts(NamedTuple):
    """A server's context and that of those who trust it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@cache
def contexts(version: ssl.TLSVersion = TLS_1_3) -> Contexts:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    server.set_alpn_protocols(["h2", "http/1.1"])
    server.options |= ssl.OP_NO_RENEGOTIATION
    client.maximum_version = version
    return Contexts(server, client)


class PickySocket(socket.socket):
    """A socket.

    Attributes:
        appetite: how much it takes each time it is asked, 0 for nothing; everything once they are used up.
    """

    appetite: Iterator[int] = iter(())

    def send(self, data: "bytes | memoryview", _flags: int = 0) -> int:  # type: ignore[override]
        size = next(self.appetite, _EVERYTHING)
        if not size:
            raise BlockingIOError
        return super().send(data[:size])


class Client:
    """The other end.

    Attributes:
        socket: what it hears by, and what it says goes to.
        heard: all that it was told so far.
        ended: whether it was told that nothing more will come, as TLS tells it.
        portion: how many bytes of its handshake it sends at once; -1 for all.
    """

    def __init__(self, connected: socket.socket, context: ssl.SSLContext) -> None:
        connected.setblocking(False)
        self.socket = connected
        self.heard = bytearray()
        self.ended = False
        self.portion = -1
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is through."""
        self._receive()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()
        return not self._outgoing.pending

    def encrypt(self, data: bytes) -> bytes:
        """Records that say `data`."""
        self.tls.write(data)
        return self._outgoing.read()

    def say(self, data: bytes) -> None:
        self.socket.sendall(self.encrypt(data))

    def say_goodbye(self) -> bytes:
        """The record that says that nothing more will come from here."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()

    def listen(self) -> None:
        """Take in what has come."""
        self._receive()
        while not self.ended:
            try:
                data = self.tls.read(65536)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                data = b""
            self.ended = not data
            self.heard += data

    def change_keys(self, *, ask: bool = True) -> bytes:
        """The record by which it changes its keys, and asks the other end to do so, too (RFC 8446, section 4.6.3)."""
        assert self._openssl.SSL_key_update(self._pointer, int(ask)) == 1
        self.tls.do_handshake()
        return self._outgoing.read()

    def begin_again(self) -> None:
        """Begin a handshake in the middle, as TLS 1.2 knew it."""
        assert self._openssl.SSL_renegotiate(self._pointer) == 1
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.flush()

    @property
    def _openssl(self) -> ctypes.CDLL:
        """The library that Python's module is linked to; it tells only half of what that can do."""
        return ctypes.CDLL(getattr(_ssl, "__file__", None))

    @property
    def _pointer(self) -> ctypes.c_void_p:
        return ctypes.c_void_p.from_address(id(vars(self.tls)["_sslobj"]) + _SSL_POINTER)

    def _receive(self) -> None:
        with suppress(BlockingIOError):
            while data := self.socket.recv(1 << 20):
                self._incoming.write(data)

    def flush(self) -> None:
        """Send what TLS wants to say by itself."""
        if self._outgoing.pending:
            self.socket.sendall(self._outgoing.read(self.portion))


class Ends(NamedTuple):
    """Both ends of a connection, and the server's socket."""

    channel: TlsChannel
    near: PickySocket
    client: Client


@contextmanager
def unacquainted(version: ssl.TLSVersion = TLS_1_3) -> Iterator[Ends]:
    """Both ends before their handshake."""
    near, far = socket.socketpair()
    with PickySocket(fileno=near.detach()) as picky, far:
        picky.setblocking(False)
        for end in (picky, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        both = contexts(version)
        yield Ends(TlsChannel(picky, both.server, BUFFERS), picky, Client(far, both.client))
        assert not (BUFFERS.incoming.pending or BUFFERS.outgoing.pending)


@contextmanager
def talking(version: ssl.TLSVersion = TLS_1_3) -> Iterator[Ends]:
    """Both ends after it."""
    with unacquainted(version) as ends:
        assert shake_hands(ends) == b""
        yield ends


def shake_hands(ends: Ends) -> bytes:
    """What the server's end has of the client already when the handshake is through."""
    client_done, said = False, None
    for _ in range(10_000):
        client_done = client_done or ends.client.shake_hands()
        if said is None:
            said = ends.channel.shake_hands()
        if said is not None and client_done:
            return said
    raise AssertionError("they come to no end")
