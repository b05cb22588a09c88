"""What can go wrong for a user of the SDK.

    ClientError
    ├── OrchestratorError            the orchestrator answered a request with `error`
    ├── ConnectionRefusedByServer    the orchestrator will not have us until something is changed
    ├── OutcomeUnknown               the connection broke between a request and its answer
    ├── OutboxFull                   more feature maps wait to be sent than may
    ├── InboxFull                    more messages wait to be read than may
    └── ConnectionLost               this connection is over, the next may do better; never leaves the SDK

A wrong argument raises ValueError; to say something after the end of the `async with`, `trio.ClosedResourceError`.
"""

from .plain import plain


class ClientError(Exception):
    """The family of all errors of the SDK."""


class OrchestratorError(ClientError):
    """The orchestrator could not carry a message out; nothing has changed there.

    Attributes:
        code: one of `protocol.codes.ErrorCode` (docs/protocol.md, "Error codes"), or a newer one.
        message: what was wrong, for humans.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """Safe to show, as all errors that a server words: plain and short."""
        return f"{plain(self.code)}: {plain(self.message)}"


class ConnectionRefusedByServer(ClientError):
    """Coming back unchanged would be useless: a token, a name, an address or a certificate must be changed first.

    Attributes:
        code: the WebSocket close code, 4400 to 4449 (`protocol.codes.CloseCode`); the HTTP status, 400 to 499, where
            there was no WebSocket at all; 1015 where TLS found the certificate wanting (RFC 6455, section 7.4.1).
        reason: what was said about it, for humans.
        error: what was wrong with the token, where that connection brought an `error` about it; else None.
    """

    def __init__(self, code: int, reason: str, error: OrchestratorError | None = None) -> None:
        super().__init__(code, reason, error)
        self.code = code
        self.reason = reason
        self.error = error

    def __str__(self) -> str:
        """Safe to show: what the server wrote moves no cursor of a terminal and begins no line."""
        detail = f" ({self.error})" if self.error is not None else ""
        reason = plain(self.reason) or "no reason given"
        return f"the server refused the connection, code {self.code}: {reason}{detail}"


class OutcomeUnknown(ClientError):
    """The connection broke before the answer came: the request may or may not have been carried out."""


class OutboxFull(ClientError):
    """Feature maps of too many objects wait to be sent; this one was not taken."""


class InboxFull(ClientError):
    """Too many messages wait to be read: whoever opens a connection must iterate over what it brings."""


class ConnectionLost(ClientError):
    """One connection is over.

    Attributes:
        code: the WebSocket close code; None where there was no closing handshake.
        reason: what is known about it, for humans.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason, code)
        self.reason = reason
        self.code = code

    def __str__(self) -> str:
        reason = plain(self.reason)
        return reason if self.code is None else f"closed with code {self.code}: {reason or 'no reason given'}"
