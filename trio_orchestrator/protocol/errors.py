"""The peer misbehaved: one exception a documented error code.

    PeerError
    ├── NotJson                 not a JSON text in UTF-8
    ├── InvalidMessage          JSON, but a member is missing or of the wrong type
    ├── UnknownCamera           names a camera that is not connected
    ├── UnknownObject           names an object that is not tracked
    ├── NotIdentified           a processor spoke before its `identifier`
    ├── Unauthenticated         the token is not good
    ├── Forbidden               the token is good, but not for this
    ├── TooLarge                a member is longer than allowed
    ├── LimitReached            one more of these is not allowed
    └── StorageUnavailable      the database cannot take the change now

Each costs its sender one `error` message and nobody else anything. The other family, "you misused me",
is made of ordinary exceptions: `SettingsError`, `IllegalTransition`, `ValueError`.
"""

from typing import ClassVar

from .codes import ErrorCode


class PeerError(Exception):
    """A message could not be carried out; nothing has changed.

    Attributes:
        code: what the peer is told, from the documented list.
        request_id: the `requestId` that came with the message, to be given back; None where none came.
    """

    code: ClassVar[ErrorCode]

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class NotJson(PeerError):
    """The bytes are no JSON text, or no UTF-8 (RFC 8259)."""

    code = ErrorCode.NOT_JSON


class InvalidMessage(PeerError):
    """The JSON is no message: a member is missing or has the wrong type."""

    code = ErrorCode.INVALID_MESSAGE


class UnknownCamera(PeerError):
    """The message names a camera that is not connected."""

    code = ErrorCode.UNKNOWN_CAMERA


class UnknownObject(PeerError):
    """The message names an object that is not tracked (any more)."""

    code = ErrorCode.UNKNOWN_OBJECT


class NotIdentified(PeerError):
    """A processor said something that needs its camera's id before it gave one."""

    code = ErrorCode.NOT_IDENTIFIED


class Unauthenticated(PeerError):
    """The token is malformed, forged, expired or meant for somebody else."""

    code = ErrorCode.UNAUTHENTICATED


class Forbidden(PeerError):
    """The token is genuine but does not allow this."""

    code = ErrorCode.FORBIDDEN


class TooLarge(PeerError):
    """An image or a feature map is longer than a documented limit allows."""

    code = ErrorCode.TOO_LARGE


class LimitReached(PeerError):
    """A documented limit does not allow one more."""

    code = ErrorCode.LIMIT_REACHED


class StorageUnavailable(PeerError):
    """The database could not make the change durable in time, so it was not made."""

    code = ErrorCode.STORAGE_UNAVAILABLE
