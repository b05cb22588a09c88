"""A house for sessions: the hub of the tracking tests, a disk and a log that the test can look at, and callers."""

from collections.abc import Callable
from typing import Any

import structlog
import trio

from tests.tokens import CLIENT_ROLE, PROCESSOR_ROLE, token_checker
from tests.tracking.world import World, kept
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Kind, Services, Session
from trio_orchestrator.logs import Complaints
from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.protocol.frames import NotText
from trio_orchestrator.tracking.ports import NewObject, Pending

from .wires import FakeWire

USES_IMAGES = '{"type":"setUsesImages","usesImages":true}'


class FakeLedger:
    """A disk that takes its time, and may fail."""

    def __init__(self) -> None:
        self.works = True
        self.ready = trio.Event()
        self.ready.set()
        self.pending: list[Pending] = []

    async def commit(self, pending: Pending) -> None:
        self.pending.append(pending)
        await self.ready.wait()
        if not self.works:
            raise StorageUnavailable("the disk is full", request_id=pending.request_id)
        change = pending.change
        pending.then(1 + len(self.pending) if isinstance(change, NewObject) else change.object_id)


class FakeLog:
    """Takes complaints."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})

    error = warning


class House:
    """What sessions work with: tokens are asked for where `tokens` is set."""

    def __init__(self, *, tokens: bool = False, auth_timeout: float = 10) -> None:
        self.world = World(restored=[kept(1, b'"i"', b"[1]")])
        self.ledger = FakeLedger()
        self.log = FakeLog()
        roles = {Kind.CLIENT: CLIENT_ROLE, Kind.PROCESSOR: PROCESSOR_ROLE}
        checkers = {kind: token_checker(role) if tokens else None for kind, role in roles.items()}
        self.services = Services(self.world.hub, self.ledger, checkers, auth_timeout, Complaints(self.log))

    def peer(self, kind: Kind = Kind.CLIENT) -> "Caller":
        return Caller(self, kind)


class Caller:
    """A peer and its session."""

    def __init__(self, house: House, kind: Kind) -> None:
        self.wire = FakeWire()
        self.outbox = Outbox(self.wire, max_bytes=1_000_000)
        log = structlog.get_logger().bind(connection=7)
        self.session = Session(house.services, kind, self.outbox, log, "192.0.2.7")

    async def says(self, *messages: str | NotText) -> None:
        """Send messages; each is looked at when the one before is done with, as the reader of the socket does."""
        for message in messages:
            rest = self.session.receive(message if isinstance(message, NotText) else message.encode())
            if rest is not None:
                await rest

    async def shows(self, token: str, more: str = "") -> None:
        await self.says('{"type":"authenticate","jwt":"' + token + '"' + more + "}")

    async def stays(self) -> None:
        """What waits for the end of the connection."""
        await self.session.wait_closing()

    def heard(self) -> list[str]:
        read = self.wire.read()
        self.wire.taken.clear()
        return read

    @property
    def code(self) -> int | None:
        return None if self.outbox.closing is None else int(self.outbox.closing.code)

    @property
    def is_leaving(self) -> bool:
        return self.code is not None


def error(code: str, request_id: str = "") -> Callable[[str], bool]:
    """Whether a message is an error of that code."""
    end = f'"requestId":"{request_id}"}}' if request_id else '"}'
    return lambda text: (
        text.startswith(f'{{"type":"error","code":"{code}","message":"')
        and text.endswith(end)
        and ('"requestId"' in text) is bool(request_id)
    )


def is_one(read: list[str], expected: Callable[[str], bool]) -> bool:
    return len(read) == 1 and expected(read[0])
