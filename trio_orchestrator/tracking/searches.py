"""What becomes of each search: answered or not, seen on a camera, lost from it, ended.

Sightings come by the thousand, so none of them sets a deadline: a visit's reminder looks, when it is due, at how long
ago the last sighting was, and asks to be reminded again while that is within the gap.
"""

from typing import Final

from msgspec import Raw

from .announcements import Announcements, FailReason
from .objects import State, TrackedObject
from .ports import AnswerDue, Deadlines, Reminder, StopReason, VisitDue
from .views import View

VISIT_GAP_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0


class Searches:
    """Follows the searches for all live objects, and tells of their changes.

    Args:
        announcements: whom to tell.
        reminders: when to look again.
        visit_gap: seconds without a sighting after which an object is no longer on a camera.
        answer_timeout: seconds within which somebody should answer a start.
    """

    def __init__(
        self,
        announcements: Announcements,
        reminders: Deadlines[Reminder],
        *,
        visit_gap: float = VISIT_GAP_SECONDS,
        answer_timeout: float = ANSWER_SECONDS,
    ) -> None:
        self._announcements = announcements
        self._reminders = reminders
        self._visit_gap = visit_gap
        self._answer_timeout = answer_timeout

    def begin(self, tracked: TrackedObject, at: float, by: str | None) -> None:
        """A client started it."""
        self._announcements.tracking(tracked, at, camera_id=tracked.started_on, by=by)
        self._await_answer(tracked)

    def resume(self, tracked: TrackedObject) -> None:
        """It was live when the server last stopped."""
        if not tracked.answered:
            self._await_answer(tracked)

    def begin_again(self, tracked: TrackedObject, at: float) -> None:
        """Its camera came back and is told anew to find it; no news where it is seen elsewhere meanwhile."""
        tracked.start_again()
        if tracked.state is State.STARTED:
            self._announcements.tracking(tracked, at, camera_id=tracked.started_on)
            self._await_answer(tracked)

    def learn(self, tracked: TrackedObject, feature_map: Raw, camera_id: str, at: float) -> None:
        """The processor of `camera_id` says what it looks like."""
        first = tracked.learn(feature_map, camera_id)
        if first:
            self._reminders.end(AnswerDue(tracked.object_id))
            self._announcements.tracking(tracked, at, camera_id=camera_id, state=State.FEATURES)

    def see(self, tracked: TrackedObject, camera_id: str, view: View) -> None:
        """It is in a frame of `camera_id`, the first one of a visit and of `view`."""
        self._reminders.end(AnswerDue(tracked.object_id))
        tracked.appear(camera_id, view)
        self._announcements.tracking(tracked, view.at, camera_id=camera_id)
        self._reminders.start(VisitDue(tracked.object_id, camera_id), self._visit_gap)

    def end(self, tracked: TrackedObject, at: float, reason: StopReason, by: str | None) -> None:
        """It is no longer tracked."""
        tracked.stop()
        self._reminders.end(AnswerDue(tracked.object_id))
        for camera_id in tracked.seen_on:
            self._reminders.end(VisitDue(tracked.object_id, camera_id))
        self._announcements.tracking(tracked, at, by=by, reason=reason)

    def look_for_answer(self, tracked: TrackedObject, at: float, *, camera_online: bool) -> None:
        """By now somebody should have answered."""
        if not tracked.answered:
            tracked.give_up()
            reason = FailReason.NO_FEATURES if camera_online else FailReason.CAMERA_OFFLINE
            self._announcements.tracking(tracked, at, camera_id=tracked.started_on, reason=reason)

    def look_for_visit(self, tracked: TrackedObject, camera_id: str, at: float) -> None:
        """By now it may have left `camera_id`."""
        view = tracked.seen_on[camera_id]
        silence = at - view.at
        if silence < 0:  # the clock was set back, and tells nothing of how long ago that was
            view.at, silence = at, 0
        if silence < self._visit_gap:
            self._reminders.start(VisitDue(tracked.object_id, camera_id), self._visit_gap - silence)
            return
        last_seen = tracked.disappear(camera_id)
        self._announcements.tracking(tracked, last_seen, camera_id=camera_id, state=State.LOST)

    def _await_answer(self, tracked: TrackedObject) -> None:
        self._reminders.start(AnswerDue(tracked.object_id), self._answer_timeout)
