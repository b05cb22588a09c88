"""Who is who on a tape: which boxes carry which object ids while it plays, and what each command does. No I/O.

The object ids on the tape belong to searches of another day. They are taken out, but remembered: a click on somebody
who was tracked then marks them wherever they were recognized then; a click on somebody else, that box on its camera.
"""

from collections import OrderedDict
from typing import Any, Final, TypeAlias

from trio_orchestrator.client import Command, FeatureMap, FrameId, Start, Stop

from .follower import Answer, features_of
from .tape import TapeFrame

REMEMBERED_FRAMES: Final = 1000
_BOX: Final = "box"
_TRACKED_THEN: Final = "tracked then"

_Role: TypeAlias = tuple[str, object]


class Cast:
    """All cameras of one tape."""

    def __init__(self) -> None:
        self._clickable: OrderedDict[tuple[str, FrameId], dict[object, frozenset[_Role]]] = OrderedDict()
        self._roles: dict[int, set[_Role]] = {}
        self._answers: dict[tuple[str, int], Answer] = {}

    def following(self, camera_id: str) -> int:
        """How many live objects were clicked on at a camera."""
        return sum(camera == camera_id for camera, _ in self._answers)

    def see(self, frame: TapeFrame) -> list[dict[str, Any]]:
        """The boxes of a frame as they are to be sent."""
        shown = []
        clickable: dict[object, frozenset[_Role]] = {}
        for box in frame.boxes.values() if isinstance(frame.boxes, dict) else frame.boxes:
            box_id, then = box.get("boxId"), box.get("objectId")
            roles: set[_Role] = set()
            if type(then) is int:
                roles.add((_TRACKED_THEN, then))
            if isinstance(box_id, int | float | str):
                roles.add((_BOX, (frame.camera_id, box_id)))
                clickable[box_id] = frozenset(roles)
            kept = {member: value for member, value in box.items() if member != "objectId"}
            object_id = self._object_of(roles)
            shown.append(kept if object_id is None else {**kept, "objectId": object_id})
        if not isinstance(frame.frame_id, int | float | str):
            return shown  # no `start` can name it
        self._clickable[frame.camera_id, frame.frame_id] = clickable
        if len(self._clickable) > REMEMBERED_FRAMES:
            self._clickable.popitem(last=False)
        return shown

    def obey(self, camera_id: str, command: Command) -> Answer | None:
        """Do what the orchestrator says to a camera; what is to be answered, if anything."""
        match command:
            case Start(object_id=object_id, frame_id=frame_id, box_id=box_id) if frame_id is not None:
                roles = self._clickable.get((camera_id, frame_id), {}).get(box_id)
                if roles is None:
                    return None
                self._roles[object_id] = set(roles)
                answer = Answer(object_id, features_of(repr(sorted(map(str, roles))), object_id))
                self._answers[camera_id, object_id] = answer
                return answer
            case FeatureMap(object_id=object_id) if command.is_empty:
                return self._answers.get((camera_id, object_id))  # it was lost on its way
            case Stop(object_id=object_id):
                self._roles.pop(object_id, None)
                self._answers.pop((camera_id, object_id), None)
        return None

    def _object_of(self, roles: set[_Role]) -> int | None:
        """The newest object that one of `roles` belongs to; from then on they all do."""
        for object_id in sorted(self._roles, reverse=True):
            known = self._roles[object_id]
            if known & roles:
                known |= {role for role in roles if role[0] == _TRACKED_THEN}
                return object_id
        return None
