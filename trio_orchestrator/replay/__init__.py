"""Recorded cameras, played as processors: real input for a server, a demo or a test.

`motchallenge` reads a file, `follower` decides what its camera says and does, `camera` plays it through the SDK,
`progress` shows how far it has come, `command` is what the command line calls. `record` puts all that cameras
say onto a `tape`, `tape_player` plays one, and `cast` decides who is who on it.
"""

from .command import add_flags, main
from .motchallenge import Recording, RecordingError, read_recording

__all__ = ["Recording", "RecordingError", "add_flags", "main", "read_recording"]
