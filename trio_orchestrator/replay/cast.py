"""Who is who on a tape: which boxes carry which object ids while it plays, and what each command does. No I/O.

The object ids on the tape belong to searches of another day. They are taken out, but remembered: a click on somebody
who was tracked then marks them wherever they were recognized then; a click on somebody else, that box on its camera.
"""

from collections import OrderedDict, defaultdict
from typing import Any, Final, TypeAlias

from trio_orchestrator.client import BoxId, Command, Connected, FeatureMap, FrameId, Start, Stop

from .follower import Answer, features_of
from .tape import TapeFrame

REMEMBERED_FRAMES: Final = 1000
"""So many frames of each camera can be clicked in."""
_BOX: Final = "box"
_TRACKED_THEN: Final = "tracked then"

_Role: TypeAlias = tuple[str, object]
_Clickable: TypeAlias = dict[BoxId, int | None]


class Cast:
    """All cameras of one tape."""

    def __init__(self) -> None:
        # The boxes that could be clicked on, each with the object it was then, by their frame's id, oldest frame first.
        self._clickable: defaultdict[str, OrderedDict[FrameId, _Clickable]] = defaultdict(OrderedDict)
        self._roles: dict[int, set[_Role]] = {}
        self._answers: dict[tuple[str, int], Answer] = {}
        # The objects that each camera was told of on its present connection: those that it marks.
        self._told: defaultdict[str, set[int]] = defaultdict(set)

    def following(self, camera_id: str) -> int:
        """How many live objects were clicked on at a camera."""
        told = self._told[camera_id]
        return sum(camera == camera_id and object_id in told for camera, object_id in self._answers)

    def see(self, frame: TapeFrame) -> list[dict[str, Any]]:
        """The boxes of a frame as they are to be sent."""
        shown = []
        clickable: _Clickable = {}
        for box in frame.boxes.values() if isinstance(frame.boxes, dict) else frame.boxes:
            box_id, then = box.get("boxId"), box.get("objectId")
            box_id = box_id if isinstance(box_id, int | float | str) else None
            then = then if type(then) is int else None
            roles = _roles(frame.camera_id, box_id, then)
            if box_id is not None:
                clickable[box_id] = then
            kept = {member: value for member, value in box.items() if member != "objectId"}
            object_id = self._object_of(frame.camera_id, roles)
            shown.append(kept if object_id is None else {**kept, "objectId": object_id})
        if isinstance(frame.frame_id, int | float | str):  # else no `start` can name it
            self._remember(frame.camera_id, frame.frame_id, clickable)
        return shown

    def obey(self, camera_id: str, command: Command) -> Answer | None:
        """Do what the orchestrator says to a camera; what is to be answered, if anything."""
        match command:
            case Start(object_id=object_id, frame_id=frame_id, box_id=box_id) if frame_id is not None:
                clickable = self._clickable[camera_id].get(frame_id, {})
                if box_id is None or box_id not in clickable:
                    return None
                roles = self._roles[object_id] = _roles(camera_id, box_id, clickable[box_id])
                self._told[camera_id].add(object_id)
                answer = Answer(object_id, features_of(repr(sorted(map(str, roles))), object_id))
                self._answers[camera_id, object_id] = answer
                return answer
            case FeatureMap(object_id=object_id):
                known = self._answers.get((camera_id, object_id))
                if known is not None or not command.is_empty:
                    self._told[camera_id].add(object_id)
                return known if command.is_empty else None  # it was lost on its way
            case Stop(object_id=object_id):
                self._roles.pop(object_id, None)
                self._answers.pop((camera_id, object_id), None)
                self._told[camera_id].discard(object_id)
            case Connected():
                # What was stopped meanwhile is not said; what is still live is, by its feature map.
                self._told[camera_id].clear()
        return None

    def _remember(self, camera_id: str, frame_id: FrameId, clickable: _Clickable) -> None:
        frames = self._clickable[camera_id]
        frames[frame_id] = clickable
        frames.move_to_end(frame_id)  # a tape that loops has its ids again
        if len(frames) > REMEMBERED_FRAMES:
            frames.popitem(last=False)

    def _object_of(self, camera_id: str, roles: set[_Role]) -> int | None:
        """The newest object that a camera was told of and that one of `roles` belongs to; from then on they all do."""
        for object_id in sorted(self._told[camera_id] & self._roles.keys(), reverse=True):
            known = self._roles[object_id]
            if known & roles:
                known |= {role for role in roles if role[0] == _TRACKED_THEN}
                return object_id
        return None


def _roles(camera_id: str, box_id: BoxId | None, then: int | None) -> set[_Role]:
    """What a box is: itself, on its camera, and whom it was recognized as then; each where there is one."""
    roles: set[_Role] = set()
    if box_id is not None:
        roles.add((_BOX, (camera_id, box_id)))
    if then is not None:
        roles.add((_TRACKED_THEN, then))
    return roles
