"""What a replayed camera decides: which boxes carry which object ids, and what each command does. No I/O."""

import hashlib
import math
import struct
from collections import OrderedDict
from typing import Final, NamedTuple

from trio_orchestrator.client import Box, Command, Connected, FeatureMap, Rect, Start, Stop

from .motchallenge import Detection, Recording

REMEMBERED_FRAMES: Final = 1000
FEATURES: Final = 32


class Answer(NamedTuple):
    """A feature map to be sent: what the object `object_id` looks like."""

    object_id: int
    feature_map: list[float]


class Follower:
    """One camera that sees what its recording holds.

    People of different recordings are different people even where their numbers are equal: only a `Start` for a box of
    this camera marks anybody here.

    Args:
        camera_id: the camera.
        recording: what it sees.
    """

    def __init__(self, camera_id: str, recording: Recording) -> None:
        self._camera_id = camera_id
        self._recording = recording
        # The identities that could be clicked, by frame id, oldest frame first.
        self._sent: OrderedDict[float, frozenset[int]] = OrderedDict()
        # The identity behind each followed object; an identity may be started more than once.
        self._followed: dict[int, int] = {}
        # Followed on an earlier connection; the orchestrator has not yet said that they still are.
        self._doubted: dict[int, int] = {}
        self._known: set[int] = set()

    @property
    def followed(self) -> dict[int, int]:
        """The identity that is followed for each object id."""
        return dict(self._followed)

    @property
    def known(self) -> frozenset[int]:
        """All live objects this camera knows the look of, those it cannot find here included."""
        return frozenset(self._known | self._followed.keys())

    def see(self, index: int) -> tuple[float, list[Box]]:
        """The frame that comes `index` frames after the first: its id, its time in seconds, and its boxes.

        An index past the end starts over; the time goes on.
        """
        frame_id = index / self._recording.layout.frames_per_second
        detections = self._recording.detections.get(index % self._recording.frame_count + 1, ())
        self._sent[frame_id] = frozenset(detection.identity for detection in detections)
        if len(self._sent) > REMEMBERED_FRAMES:
            self._sent.popitem(last=False)
        # Where one identity was started twice, the newer object has it.
        marks = {identity: object_id for object_id, identity in sorted(self._followed.items())}
        return frame_id, [self._box(detection, marks.get(detection.identity)) for detection in detections]

    def obey(self, command: Command) -> Answer | None:
        """Do what the orchestrator says; what is to be answered, if anything."""
        match command:
            case Start():
                return self._start(command)
            case FeatureMap():
                return self._learn(command)
            case Stop(object_id=object_id):
                for objects in (self._followed, self._doubted):
                    objects.pop(object_id, None)
                self._known.discard(object_id)
            case Connected():
                # What was stopped meanwhile is not said; what is still live is, by its feature map.
                self._doubted |= self._followed
                self._followed.clear()
                self._known.clear()
        return None

    def _start(self, command: Start) -> Answer | None:
        self._known.add(command.object_id)
        identity = self._clicked(command)
        if identity is None:
            return None
        self._followed[command.object_id] = identity
        return Answer(command.object_id, features_of(self._camera_id, identity))

    def _learn(self, command: FeatureMap) -> Answer | None:
        object_id = command.object_id
        if object_id in self._doubted:
            self._followed[object_id] = self._doubted.pop(object_id)
        if not command.is_empty:
            self._known.add(object_id)
            return None
        if object_id not in self._followed:
            return None
        # Ours was lost on its way when the connection broke.
        return Answer(object_id, features_of(self._camera_id, self._followed[object_id]))

    def _clicked(self, command: Start) -> int | None:
        """The identity in the clicked box; None for a start by image, or a box that was not sent lately."""
        if not isinstance(command.frame_id, int | float):
            return None
        for identity in self._sent.get(float(command.frame_id), ()):
            if command.box_id == identity:
                return identity
        return None

    def _box(self, detection: Detection, object_id: int | None) -> Box:
        certainty = 1.0 if detection.confidence is None else _clip(detection.confidence)
        return Box(detection.identity, self._rect(detection), "person", certainty, object_id)

    def _rect(self, detection: Detection) -> Rect:
        width, height = self._recording.layout.size
        return (
            _clip(detection.left / width),
            _clip(detection.top / height),
            _clip((detection.left + detection.width) / width),
            _clip((detection.top + detection.height) / height),
        )


def features_of(camera_id: str, identity: int) -> list[float]:
    """What somebody looks like: a vector of length 1, always the same for one identity of one camera."""
    digest = hashlib.shake_256(f"{camera_id}\0{identity}".encode(errors="surrogatepass")).digest(2 * FEATURES)
    values = [value / 2**15 for value in struct.unpack(f">{FEATURES}h", digest)]
    length = math.hypot(*values) or 1.0
    return [round(value / length, 6) for value in values]


def _clip(fraction: float) -> float:
    return min(1.0, max(0.0, fraction))
