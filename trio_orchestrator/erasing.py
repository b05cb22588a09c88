"""Erasing objects: when somebody asks for it, and by itself once they are old."""

from collections.abc import Callable
from typing import Final

import structlog
import trio

from .protocol.errors import StorageUnavailable
from .store.errors import StoreError
from .store.questions import stopped_before
from .store.reader import Reader
from .store.recorder import Recorder
from .tracking.hub import Hub
from .tracking.ports import Actor

_MILLISECONDS_A_DAY: Final = 86_400_000
_LONGEST_PAUSE: Final = 3600.0
_SHORTEST_PAUSE: Final = 1.0
_PAUSES_A_TERM: Final = 24
"""So many looks, at least, in the time that objects are kept: none is kept for much longer."""

_OBJECTS_A_BATCH: Final = 20
"""They share a transaction, which others wait for."""

_log = structlog.get_logger(__name__)


class Eraser:
    """Erases objects; the one way to do it.

    Args:
        reader: tells which ones are old.
        recorder: makes it durable.
        hub: ends the tracking of those that are live.
        clock: tells the time in seconds since 1970, UTC.
    """

    def __init__(self, reader: Reader, recorder: Recorder, hub: Hub, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._recorder = recorder
        self._hub = hub
        self._clock = clock

    async def erase(self, object_id: int, actor: Actor | None) -> None:
        """Erase an object; nothing is changed where nothing is left of it.

        Args:
            object_id: an object that the store has, or had.
            actor: who asks for it; None where its time is over.

        Raises:
            StorageUnavailable: the database cannot do it now, and nothing has changed.
        """
        await self._recorder.commit(self._hub.objects.erase(object_id, actor, self._clock()))
        _log.info("object erased", object=object_id, subject=None if actor is None else actor.subject)

    async def erase_old(self, days: float) -> None:
        """Erase objects whose tracking ended more than `days` ago, now and whenever there are more, until cancelled."""
        pause = min(max(days * 86_400 / _PAUSES_A_TERM, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        while True:
            try:
                await self._erase_ended_before(round(self._clock() * 1000 - days * _MILLISECONDS_A_DAY))
            except* (StoreError, StorageUnavailable) as group:
                _log.warning("old objects could not be erased yet", reason=str(group.exceptions[0]))
            await trio.sleep(pause)

    async def _erase_ended_before(self, instant: int) -> None:
        while object_ids := await self._reader.ask(stopped_before(instant, _OBJECTS_A_BATCH)):
            async with trio.open_nursery() as nursery:
                for object_id in object_ids:
                    nursery.start_soon(self.erase, object_id, None)
