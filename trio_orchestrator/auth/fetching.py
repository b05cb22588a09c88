"""One GET over HTTP or HTTPS in a thread, bounded in bytes and in time."""

import contextlib
import http.client
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import trio

_READ_BYTES: Final = 65_536


class FetchFailed(Exception):
    """There was no answer that could be used; `str` says why, in one line."""


async def fetch(url: str, *, seconds: float, max_bytes: int) -> bytes:
    """What the server says at `url`.

    No redirection is followed and no proxy used, so nobody but that server is asked. TLS trusts whom the system trusts
    (`SSL_CERT_FILE` names others).

    Args:
        url: `http://…` or `https://…`, without a user.
        seconds: after which it is given up, wherever it stands.
        max_bytes: how long the answer may be.

    Raises:
        FetchFailed: the server cannot be reached, or does not answer in time with a status of 200.
    """
    request = _Request(url, seconds, max_bytes)
    try:
        with trio.fail_after(seconds):
            try:
                # A thread that waits for a name server cannot be stopped, so it is left behind.
                return await trio.to_thread.run_sync(request.run, abandon_on_cancel=True)
            finally:
                request.cut()
    except trio.TooSlowError:
        raise FetchFailed(f"no answer within {seconds:g} seconds") from None
    except OSError as error:
        raise FetchFailed(str(error)) from None
    except (http.client.HTTPException, ValueError) as error:
        raise FetchFailed(f"its answer is not HTTP as it should be ({type(error).__name__})") from None


class _Request:
    """One request, run in a thread and ended from outside."""

    def __init__(self, url: str, timeout: float, max_bytes: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._max_bytes = max_bytes
        self._is_cut = False
        self._socket: socket.socket | None = None
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def run(self) -> bytes:
        """Ask, and read the answer."""
        with contextlib.closing(self._connection) as connection:
            connection.connect()
            # The connection lets go of its socket once the answer is all that still needs it.
            self._socket = connection.sock
            if self._is_cut:
                raise OSError("given up")
            connection.request("GET", self._target, headers={"Accept": "application/json", "Connection": "close"})
            with connection.getresponse() as response:
                if response.status != http.client.OK:
                    raise FetchFailed(f"it answers with status {response.status}")
                body = bytearray()
                while data := response.read1(_READ_BYTES):
                    body += data
                    if len(body) > self._max_bytes:
                        raise FetchFailed(f"its answer is longer than {self._max_bytes} bytes")
                if response.length:
                    raise FetchFailed("its answer broke off")
                return bytes(body)

    def cut(self) -> None:
        """End the thread if it still waits for the server: each byte would let it wait for another time-out."""
        self._is_cut = True
        waiting = self._socket or self._connection.sock
        if waiting is not None:
            with contextlib.suppress(OSError):
                # Not TLS's own method of that name, which is not for two threads.
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)
