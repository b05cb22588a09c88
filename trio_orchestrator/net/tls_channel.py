"""The server's end of TLS on a socket that does not block: OpenSSL between two buffers in memory.

Nothing here waits, so that a whole batch is encrypted and sent, or received and decrypted, where it is handed over.
Ciphertext leaves in the order in which it was made, whatever becomes of those who had it made: what the socket does not
take stays here, and nothing is encrypted behind it until it has gone.
"""

import socket
import ssl
from contextlib import suppress
from struct import Struct
from typing import Final, NamedTuple

from trio_orchestrator.connections.shared_file import SharedFile

from .channels import RECEIVE_BYTES

_RECORD_BYTES: Final = 16384
"""A TLS record carries no more (RFC 8446, section 5.1)."""

_PIECE_BYTES: Final = 4 * _RECORD_BYTES
"""How much is encrypted before it is seen whether the socket takes it: what may wait here, and can give way no more."""

_CALL_BYTES: Final = 16 * _PIECE_BYTES
"""How much is encrypted for one peer before others get their turn."""

_HANDSHAKE_BYTES: Final = 16384
"""How much is received at once from a stranger."""

_HEADER: Final = Struct(">xBxH")
"""Of a record's header: the major version, and how long what follows is."""

_MAJOR_VERSION: Final = 3
_LONGEST_RECORD: Final = _RECORD_BYTES + 2048
"""What the header of a record may announce (RFC 5246, section 6.2.3; RFC 8446, section 5.2, allows less)."""

_RECORDS_AT_A_TIME: Final = 64
_MAX_TALK: Final = 16
"""How many records in one piece of what was received may be about TLS itself. An honest peer changes its keys once in
many gigabytes, while each change costs more than ten messages."""

_MAX_UNSENT: Final = _PIECE_BYTES + 65536
"""How much may wait for the socket: one piece, its records' headers, and what TLS says on its own account."""


class TlsBuffers:
    """The two buffers by which OpenSSL takes and gives ciphertext, for all connections of one event loop.

    Each is empty again when a call is over. Buffers of their own would never shrink: forty kilobytes for a connection
    that was ever busy, and what is encrypted into them would have left the processor's cache before it is sent.

    Attributes:
        incoming: ciphertext for OpenSSL.
        outgoing: ciphertext from it.
    """

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()


class TlsChannel:
    """A `Channel` whose bytes are encrypted on the socket; to be used once `shake_hands` is through.

    What is said counts as taken to its end only when all of the ciphertext is in the socket: until then its last byte
    is offered again, and not encrypted twice. Who sends thus has something to wait for. Where it is not encrypted to
    its end, what was encrypted counts, and nothing of the rest has been begun: it may give way.

    Args:
        connected: the socket, not blocking; somebody else closes it.
        context: certificate, key and what TLS may be like.
        buffers: shared by all connections of this event loop.
    """

    def __init__(self, connected: socket.socket, context: ssl.SSLContext, buffers: TlsBuffers) -> None:
        self._socket = connected
        self._incoming, self._outgoing = buffers.incoming, buffers.outgoing
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._record = b""
        """The beginning of a record that has not come to its end."""
        self._talk = b""
        """What TLS says on its own account, to go with what is said next."""
        self._unsent = b""
        """Ciphertext that the socket has not taken."""
        self._owes_byte = False
        """Whether the next byte offered is encrypted already."""
        self._over = False
        self._failure: OSError | None = None
        self._said_goodbye = False

    @property
    def unsent(self) -> int:
        """How many bytes of ciphertext wait for the socket."""
        return len(self._unsent)

    @property
    def protocol(self) -> str | None:
        """What both ends chose to speak (ALPN), if they did."""
        return self._tls.selected_alpn_protocol()

    def shake_hands(self) -> bytes | None:
        """Go on with the handshake; what the peer has said already once it is through, None while it is not.

        Raises:
            OSError: the handshake failed.
        """
        data = self._receive(_HANDSHAKE_BYTES) if self._flush() else None
        if data is None:
            return None
        if not data:
            raise ConnectionResetError("the peer has gone in the middle of the TLS handshake")
        try:
            said = self._go_on_shaking(data)
        except ssl.SSLError:
            self._send_talk()  # an alert
            raise
        if said is None or self._tls.version() != "TLSv1.3":
            self._send_talk()
        # In TLS 1.3 only tickets for later sessions are left, which go with what is said next: a peer that reads in one
        # thread and writes in another, as Python's do, may lose its first words when they come between.
        return self._decrypt(said) if said else said

    def _go_on_shaking(self, data: bytes) -> bytes | None:
        """What is behind the handshake, which `data` goes on with; None where it has not come to its end."""
        try:
            self._incoming.write(data)
            self._tls.do_handshake()
            return self._incoming.read()
        except ssl.SSLWantReadError:
            return None
        finally:
            self._leave_buffers()

    def receive_nowait(self) -> bytes | None:
        """See `Channel`. Never more than was received now, and what was left of one record.

        Raises:
            OSError: the connection is broken, what came is no TLS, or the peer abuses it.
        """
        if not self._over:
            data = self._receive(RECEIVE_BYTES)
            if not data:
                return data
            said = self._decrypt(self._record + data if self._record else data)
            if said or not self._over:
                return said or None
        if self._failure is not None:
            raise self._failure
        return b""

    def send_nowait(self, data: bytes | memoryview, _file: SharedFile | None = None) -> int:
        """See `Channel`, and above for the last byte. Of two bytes and more at least one is taken, or none is begun."""
        if not self._flush():
            return 0
        view = memoryview(data)
        position = int(self._owes_byte and bool(data))
        end = min(len(data), _CALL_BYTES)
        while position < end:
            stop = min(position + _PIECE_BYTES, end)
            self._encrypt(view[position:stop])
            position = stop
            if self._unsent:
                self._owes_byte = position == len(data)
                return position - self._owes_byte
        self._owes_byte = False
        return position

    def finish_nowait(self) -> bool:
        """See `Channel`. The peer may go on; TLS, too, is closed each way by itself (RFC 8446, section 6.1)."""
        if not self._flush():
            return False
        if not self._said_goodbye and self._failure is None:
            self._said_goodbye = True
            # It also looks whether the peer has said its own goodbye, which nobody waits for.
            try:
                with suppress(ssl.SSLError):
                    self._tls.unwrap()
            finally:
                self._leave_buffers()
            self._unsent, self._talk = self._talk, b""
            if not self._flush():
                return False
        self._socket.shutdown(socket.SHUT_WR)
        return True

    # What comes.

    def _receive(self, size: int) -> bytes | None:
        try:
            return self._socket.recv(size)
        except BlockingIOError:
            return None

    def _decrypt(self, data: bytes) -> bytes:
        """What the whole records at the beginning of `data` say; the rest is kept."""
        said: list[bytes] = []
        talk = 0
        view = memoryview(data)
        position = 0
        try:
            while (records := _whole_records(data, position)).number and not self._over:
                before = len(said)
                self._incoming.write(view[position : records.end])
                position = records.end
                self._read_into(said, records.number)
                talk += records.number - (len(said) - before)
                if talk > _MAX_TALK:
                    self._fail(ConnectionAbortedError("the peer talks about nothing but TLS"))
        finally:
            self._leave_buffers()
        self._record = data[position:]
        self._send_talk()
        if len(self._unsent) > _MAX_UNSENT:
            self._fail(ConnectionAbortedError("the peer has TLS answer and does not read it"))
        if self._over and said:
            # What was said comes first; that it is over must be looked for then, so make the socket tell.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)
        return said[0] if len(said) == 1 else b"".join(said)

    def _read_into(self, said: list[bytes], records: int) -> None:
        """Read what OpenSSL has been given, so many records."""
        read = self._tls.read
        try:
            for _ in range(records):
                if not (plain := read(_RECORD_BYTES)):
                    self._over = True
                    return
                said.append(plain)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            self._over = True
        except ssl.SSLError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._over, self._failure = True, error

    # What goes.

    def _encrypt(self, data: memoryview) -> None:
        """Encrypt `data` and send it; only while nothing is unsent."""
        try:
            self._tls.write(data)
        finally:
            ciphertext, self._talk = self._talk + self._outgoing.read(), b""
        try:
            taken = self._socket.send(ciphertext)
        except BlockingIOError:
            taken = 0
        if taken < len(ciphertext):
            self._unsent = ciphertext[taken:]

    def _send_talk(self) -> None:
        """Send what TLS says on its own account, behind what is unsent. A broken socket is for others to notice."""
        if self._talk:
            self._unsent, self._talk = self._unsent + self._talk, b""
            with suppress(OSError):
                self._flush()

    def _leave_buffers(self) -> None:
        """Leave nothing in them: it would reach another connection."""
        if self._incoming.pending:
            self._incoming.read()
        if self._outgoing.pending:
            self._talk += self._outgoing.read()

    def _flush(self) -> bool:
        """Send what is unsent; whether that was all."""
        if self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return False
        return not self._unsent


class _Records(NamedTuple):
    """Records, one behind the other.

    Attributes:
        number: how many.
        end: where they end.
    """

    number: int
    end: int


def _whole_records(data: bytes, begin: int) -> _Records:
    """Those that begin at `begin` and are complete, as many of them as OpenSSL is to have at once.

    What is no record counts as one that reaches to the end of `data`: OpenSSL then says what is wrong with it.
    """
    end, last_header = begin, len(data) - _HEADER.size
    for number in range(_RECORDS_AT_A_TIME):
        if end > last_header:
            return _Records(number, end)
        major_version, length = _HEADER.unpack_from(data, end)
        if major_version != _MAJOR_VERSION or length > _LONGEST_RECORD:
            return _Records(number + 1, len(data))
        stop = end + _HEADER.size + length
        if stop > len(data):
            return _Records(number, end)
        end = stop
    return _Records(_RECORDS_AT_A_TIME, end)
