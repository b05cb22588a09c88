"""The stream below a WebSocket, watched: how its opening handshake was cut, and whether the peer is still there."""

import re
from typing import Final

import trio

from .errors import ConnectionLost

SILENCE_LIMIT: Final = 15.0
# A pong may queue behind large messages on a slow line, in either direction: longer than mere silence is borne.
PONG_LIMIT: Final = 60.0
_SEND_BYTES: Final = 64 * 2**10
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})")
_STATUS_BYTES: Final = len(b"HTTP/1.1 403")


class HandshakeCut(ConnectionError):
    """The stream ended before the WebSocket was open; trio_websocket would wait for ever.

    Attributes:
        status: that of an HTTP answer which was cut, or whose end is that of the stream (RFC 9112, section 6.3); None
            where there was none.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class WatchedStream(trio.abc.Stream):
    """A stream that knows when it last heard from the peer, and does not end quietly while the WebSocket opens.

    Attributes:
        heard_at: `trio.current_time()` of the last bytes received.
        asked_at: when the last ping was begun, likewise; the next one begins soon after its pong. With each piece of a
            large message that leaves it starts anew, for the ping may have to wait for its end.
        is_open: whether the WebSocket's opening handshake is over.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._answer = b""
        self.heard_at = trio.current_time()
        self.asked_at = trio.current_time()
        self.is_open = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See `trio.abc.ReceiveStream`; raises HandshakeCut at the end of a stream that is not open yet."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._end(error) from error
        if not self.is_open:
            if not data:
                raise self.cut("the server hung up before the WebSocket was open")
            self._answer += data[: _STATUS_BYTES - len(self._answer)]
        self.heard_at = trio.current_time()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See `trio.abc.SendStream`; raises HandshakeCut likewise."""
        try:
            for start in range(0, len(data), _SEND_BYTES):
                if start:
                    self.asked_at = trio.current_time()
                await self._stream.send_all(memoryview(data)[start : start + _SEND_BYTES])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._end(error) from error

    async def wait_send_all_might_not_block(self) -> None:
        """See `trio.abc.SendStream`."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """See `trio.abc.AsyncResource`."""
        await self._stream.aclose()

    async def watch(self) -> None:
        """Wait until the peer, pinged every few seconds, is not heard or does not hear for too long.

        Raises:
            ConnectionLost: it is.
        """
        while True:
            now = trio.current_time()
            silence, waiting = now - self.heard_at, now - self.asked_at
            if silence >= SILENCE_LIMIT:
                raise ConnectionLost(f"the server has been silent for {silence:.0f} s")
            if waiting >= PONG_LIMIT:
                raise ConnectionLost(f"the server has not answered a ping for {waiting:.0f} s")
            await trio.sleep(min(SILENCE_LIMIT - silence, PONG_LIMIT - waiting))

    def _end(self, error: Exception) -> Exception:
        return error if self.is_open else self.cut(f"the connection broke before the WebSocket was open: {error}")

    def cut(self, why: str) -> HandshakeCut:
        """What it means that the handshake has ended here."""
        answer = _STATUS.match(self._answer)
        return HandshakeCut(why, None if answer is None else int(answer[1]))
