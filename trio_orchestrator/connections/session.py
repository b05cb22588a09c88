"""One peer from the opening of its socket to the end: who it is, what it says, and how long it may stay."""

import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Protocol

import structlog
import trio

from trio_orchestrator.auth import Identity, TokenChecker
from trio_orchestrator.logs import Complaints
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.errors import Forbidden, NotJson, PeerError
from trio_orchestrator.protocol.frames import NotText
from trio_orchestrator.protocol.inbound import (
    CLIENT_MESSAGES,
    PROCESSOR_MESSAGES,
    Authenticate,
    Identifier,
    Inbound,
    Unknown,
    request_id_of,
)
from trio_orchestrator.protocol.outbound import Error
from trio_orchestrator.tracking.hub import Hub, Peer
from trio_orchestrator.tracking.peers import Processor
from trio_orchestrator.tracking.ports import Actor, NewObject, Pending

from .outbox import Outbox
from .traffic import Traffic


class Kind(Enum):
    """The two kinds of peer."""

    CLIENT = "client"
    PROCESSOR = "processor"


_LAST_PASSES: Final = 2
"""What has come when a peer's time is over is still heard: by the read loop in one pass, by the session in the next."""

_OF_THE_SESSION: Final = frozenset({Authenticate, Identifier, Unknown})
_DECODERS: Final = {Kind.CLIENT: CLIENT_MESSAGES, Kind.PROCESSOR: PROCESSOR_MESSAGES}


class Ledger(Protocol):
    """Makes changes durable."""

    async def commit(self, pending: Pending) -> None:
        """Make the change of `pending` durable, then let it take effect.

        Raises:
            StorageUnavailable: it could not be made durable, and nothing has changed.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """What every session works with.

    Attributes:
        hub: decides.
        ledger: makes durable what the hub wants durable.
        checkers: who checks the tokens of each kind of peer; None where none is asked for.
        auth_timeout: seconds a socket may stay unauthenticated.
        complaints: logs what peers do wrong, at a bounded rate.
        traffic: counts what is said.
    """

    hub: Hub
    ledger: Ledger
    checkers: dict[Kind, TokenChecker | None]
    auth_timeout: float
    complaints: Complaints
    traffic: Traffic = field(default_factory=Traffic)


class Session:
    """Understands one peer and keeps it to the rules.

    Args:
        services: what all sessions share.
        kind: which socket it came to.
        outbox: takes what it is to be told.
        log: names the connection in every line.
        address: where the peer is, an IP address; None where that is not known.

    Attributes:
        kind: which socket the peer came to.
        deadline: passes when the peer has not authenticated in time or its token expires; another one where it is given
            more time in the very pass of the scheduler.
    """

    def __init__(
        self,
        services: Services,
        kind: Kind,
        outbox: Outbox,
        log: structlog.typing.FilteringBoundLogger,
        address: str | None = None,
    ) -> None:
        self._services = services
        self._hub = services.hub
        self.kind = kind
        self._outbox = outbox
        self._log = log
        self._address = address
        self._decode = _DECODERS[kind].decode
        self._received = services.traffic.received_from(kind.value)
        self._checker = services.checkers[kind]
        self._identity: Identity | None = None
        self._peer: Peer | None = None
        self.deadline = trio.CancelScope()
        if self._checker is None:
            self._admit(None)
        else:
            self.deadline.deadline = trio.current_time() + services.auth_timeout

    def receive(self, received: bytes | NotText) -> Coroutine[Any, Any, None] | None:
        """Take one message: do what it asks for, or tell the peer why not.

        Returns:
            What must be awaited before the peer's next message is looked at; None where nothing must.
        """
        if self._outbox.closing is not None:
            return None
        try:
            if not isinstance(received, bytes):
                raise NotJson("not UTF-8")
            message = self._decode(received)
            kind = type(message)
            self._received[kind] += 1
            if self._peer is None or kind in _OF_THE_SESSION:
                return self._receive_own(message, received)
            pending = self._hub.receive(self._peer, message, time.time())
        except PeerError as error:
            self._refuse(error, received if isinstance(received, bytes) else b"")
            return None
        return None if pending is None else self._commit(pending)

    def _receive_own(self, message: Inbound, received: bytes) -> Coroutine[Any, Any, None] | None:
        """What is not for the hub alone: who the peer is, and what nobody understands."""
        if isinstance(message, Authenticate):
            return self._authenticate(message, received) if self._checker is not None else None
        if self._peer is None:
            self._outbox.close(CloseCode.UNAUTHENTICATED, "send `authenticate` first")
        elif isinstance(message, Unknown):
            self._log.debug("unknown type of message", type=message.type)
        elif isinstance(message, Identifier):
            if not self._may_stand_for(message.id):
                self._outbox.close(CloseCode.NOT_YOUR_CAMERA, "the token does not name this camera")
                return None
            self._hub.receive(self._peer, message, time.time())
            if self._outbox.closing is None:
                self._note_camera(message.id)
        return None

    def _may_stand_for(self, camera_id: str) -> bool:
        allowed = None if self._identity is None else self._identity.camera_ids
        return allowed is None or camera_id in allowed

    @property
    def is_admitted(self) -> bool:
        """Whether the peer is let in; until it has authenticated where it must, it is a stranger."""
        return self._peer is not None

    async def wait_closing(self) -> None:
        """Wait until the connection is to end, which it is also where the peer's time is over."""
        while self._outbox.closing is None:
            with self.deadline:
                await self._outbox.wait_closing()
                return
            for _ in range(_LAST_PASSES):
                await trio.lowlevel.checkpoint()
            if trio.current_time() >= self.deadline.deadline:
                self._overstayed()

    def _overstayed(self) -> None:
        if self._identity is None:
            self._outbox.close(CloseCode.AUTHENTICATION_TIMEOUT, "not authenticated in time")
        else:
            self._outbox.close(CloseCode.TOKEN_EXPIRED, "the token has expired")

    def close(self) -> None:
        """The peer is gone."""
        if self._peer is not None:
            self._hub.disconnect(self._peer, time.time())
            self._peer = None

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """Names the connection, and the camera once it is known, in every line."""
        return self._log

    def _note_camera(self, camera_id: str) -> None:
        """Name the camera in the log from now on; who changes it again and again must not fill the log."""
        before = structlog.get_context(self._log).get("camera")
        if camera_id == before:
            return
        self._log = self._log.bind(camera=camera_id)
        if before is None:
            self._log.info("camera registered")
            return
        context = structlog.get_context(self._log)
        key = (context.get("connection"), "renamed")
        self._services.complaints.warn(key, "a processor registered another camera", **context, before=before)

    def _admit(self, identity: Identity | None) -> None:
        """Let the peer in: from here on it is sent what it is entitled to."""
        self._identity = identity
        if self.kind is Kind.PROCESSOR:
            self._peer = self._hub.connect_processor(self._outbox)
        else:
            self._peer = self._hub.connect_client(self._outbox, actor_of(identity, self._address))

    async def _authenticate(self, message: Authenticate, received: bytes) -> None:
        assert self._checker is not None
        try:
            identity = await self._checker.check(message.jwt)
            if self._identity is not None and identity.subject != self._identity.subject:
                raise Forbidden("a renewal must be for the same subject")
        except PeerError as error:
            self._services.traffic.authentications[self.kind.value, error.code.value] += 1
            self._refuse(error, received)
            return
        if self._outbox.closing is not None:
            return  # its key had to be fetched first, and its time is over
        result = "accepted" if self._peer is None else "renewed"
        self._services.traffic.authentications[self.kind.value, result] += 1
        if self._peer is None:
            self._admit(identity)
            self._log.info("authenticated", subject=identity.subject)
        self._identity = identity
        camera_id = self._peer.camera_id if isinstance(self._peer, Processor) else None
        if camera_id is not None and not self._may_stand_for(camera_id):
            self._outbox.close(CloseCode.NOT_YOUR_CAMERA, "the new token does not name this camera")
        expires_at = trio.current_time() + (identity.expires_at - time.time())
        if self.deadline.cancel_called:
            self.deadline = trio.CancelScope(deadline=expires_at)
        else:
            self.deadline.deadline = expires_at

    async def _commit(self, pending: Pending) -> None:
        change = pending.change

        def take_effect(object_id: int) -> None:
            if isinstance(change, NewObject):
                self._log.info("tracking started", object=object_id, camera=change.camera_id)
            else:
                self._log.info("tracking stopped", object=object_id)
            pending.then(object_id)

        try:
            await self._services.ledger.commit(replace(pending, then=take_effect))
        except PeerError as error:
            self._refuse(error)

    def _refuse(self, error: PeerError, received: bytes = b"") -> None:
        """Tell the sender, and it alone, that its message changed nothing; any message may carry a `requestId`."""
        request_id = request_id_of(received) if error.request_id is None else error.request_id
        self._services.traffic.refused[error.code] += 1
        self._outbox.offer(Error(error.code, str(error), request_id).encode())
        if self._peer is None and self._outbox.statistics().waiting_bytes:
            self._outbox.close(CloseCode.TOO_SLOW, "read what you are told")  # a stranger keeps no memory of ours
        context = structlog.get_context(self._log)
        self._services.complaints.warn(
            (context.get("connection"), error.code),
            "a message was not carried out",
            **context,
            code=error.code.value,
            reason=str(error),
        )


def actor_of(identity: Identity | None, address: str | None) -> Actor:
    """Who acts: the token's subject and name, or the address where no token names anybody."""
    if identity is not None and (identity.subject is not None or identity.name is not None):
        return Actor(identity.subject, identity.name)
    return Actor(address=address)
