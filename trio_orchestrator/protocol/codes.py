"""The two lists of codes that peers may rely on: errors and closings (docs/protocol.md)."""

from enum import IntEnum, StrEnum


class ErrorCode(StrEnum):
    """Why a message was not carried out; the `code` of an `error`."""

    NOT_JSON = "not_json"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_CAMERA = "unknown_camera"
    UNKNOWN_OBJECT = "unknown_object"
    NOT_IDENTIFIED = "not_identified"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    LIMIT_REACHED = "limit_reached"
    STORAGE_UNAVAILABLE = "storage_unavailable"


class CloseCode(IntEnum):
    """Why a socket was closed.

    4400-4449 ask the peer to change something before it comes back; 4450-4499 ask it to come back
    after a pause. The codes below 4000 are those of RFC 6455, section 7.4.1.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_PAYLOAD = 1007
    TOO_LARGE = 1009
    UNAUTHENTICATED = 4401
    NOT_YOUR_CAMERA = 4403
    AUTHENTICATION_TIMEOUT = 4408
    REPLACED = 4409
    TOKEN_EXPIRED = 4451
    TOO_SLOW = 4452
    LIMIT_REACHED = 4453
