"""Who asked to be told what becomes of cameras and searches (`hello`), and the telling (docs/protocol.md, "Features").

A snapshot goes out in the same step in which its peer begins to follow, so the changes after it join without a gap
or a double.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from trio_orchestrator.protocol.outbound import (
    CameraChange,
    Cameras,
    CameraState,
    Lagged,
    Tracked,
    TrackedState,
    TrackingChange,
    Welcome,
)
from trio_orchestrator.protocol.times import rfc3339

from .cameras import CameraStatus
from .objects import TrackedObject
from .ports import Outbox


class Feature(StrEnum):
    """What a peer can ask for by name."""

    CAMERAS = "cameras"
    TRACKING = "tracking"
    LAGGED = "lagged"


_KNOWN: Final = frozenset(Feature)


class FailReason(StrEnum):
    """Why nobody has answered a start."""

    CAMERA_OFFLINE = "camera_offline"
    NO_FEATURES = "no_features"


class Announcements:
    """Tells those who asked.

    Args:
        server: name and version of this program.
        epoch: another one with every start of the server.
    """

    def __init__(self, server: str, epoch: str) -> None:
        self._server = server
        self._epoch = epoch
        self._followers: dict[Feature, dict[Outbox, None]] = {feature: {} for feature in Feature}

    def welcome(
        self, outbox: Outbox, wanted: Iterable[str], cameras: Iterable[CameraStatus], live: Iterable[TrackedObject]
    ) -> None:
        """Answer a `hello`: tell what will be told, and how things stand now; replaces what was asked for before."""
        self.forget(outbox)
        features = [Feature(name) for name in sorted(_KNOWN.intersection(wanted))]
        outbox.offer(Welcome(self._server, tuple(features), self._epoch).encode())
        for feature in features:
            self._followers[feature][outbox] = None
        if Feature.CAMERAS in features:
            outbox.offer(Cameras(tuple(_camera(status) for status in cameras)).encode())
        if Feature.TRACKING in features:
            outbox.offer(Tracked(tuple(_state(tracked) for tracked in live)).encode())
        outbox.report_left_out(_lagged if Feature.LAGGED in features else None)

    def forget(self, outbox: Outbox) -> None:
        """Tell it nothing more."""
        for followers in self._followers.values():
            followers.pop(outbox, None)

    def camera(self, camera_id: str, *, online: bool, at: float) -> None:
        """A camera has come or gone."""
        self._tell(Feature.CAMERAS, CameraChange(camera_id, online, rfc3339(at)))

    def tracking(
        self,
        tracked: TrackedObject,
        at: float,
        *,
        camera_id: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        state: str | None = None,
    ) -> None:
        """The search for an object has changed; its state is the object's own where none is given."""
        self._tell(
            Feature.TRACKING,
            TrackingChange(
                object_id=tracked.object_id,
                state=state or tracked.state,
                camera_id=camera_id,
                by=by,
                reason=reason,
                at=rfc3339(at),
            ),
        )

    def _tell(self, feature: Feature, change: CameraChange | TrackingChange) -> None:
        followers = self._followers[feature]
        if followers:
            message = change.encode()
            for outbox in followers:
                outbox.offer(message)


def _camera(status: CameraStatus) -> CameraState:
    return CameraState(status.camera_id, status.online, rfc3339(status.since))


def _state(tracked: TrackedObject) -> TrackedState:
    return TrackedState(
        object_id=tracked.object_id,
        state=tracked.state,
        camera_id=tracked.camera_id,
        started_at=rfc3339(tracked.started_at),
        expires_at=None if tracked.expires_at is None else rfc3339(tracked.expires_at),
        has_image=bool(tracked.image),
        seen_on=tuple(sorted(tracked.seen_on)),
    )


def _lagged(dropped: int) -> bytes:
    return Lagged(dropped).encode()
