"""What the recorder and the reader did and have to do, as anyone can ask for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecorderStatistics:
    """Counters of a recorder at one instant.

    Attributes:
        waiting_commands: commands that no transaction has taken yet.
        waiting_rows: rows of sightings (one an object, camera and second) that are not on disk yet.
        waiting_feature_maps: feature maps that are not on disk yet.
        lag: for how many seconds the oldest of what is not on disk has waited; 0 where nothing waits.
        waiting_stops: stops by themselves that are not on disk yet.
        waiting_look_ups: look-ups that the audit does not have on disk yet.
        lost_look_ups: look-ups that the audit will never have because too many were waiting.
        commits: transactions that succeeded.
        failed_transactions: transactions that failed, retries included.
        written_rows: rows of sightings written.
        merged_rows: rows merged into another second's because too many were waiting.
        homeless_notes: rows and feature maps left out because the database has no such object.
        refused_notes: notes left out because the database does not take them.
        refused_commands: commands that the database refused although it worked.
        in_trouble: whether the database took nothing when it was tried last.
    """

    waiting_commands: int
    waiting_rows: int
    waiting_feature_maps: int
    waiting_stops: int
    waiting_look_ups: int
    lost_look_ups: int
    lag: float
    commits: int
    failed_transactions: int
    written_rows: int
    merged_rows: int
    homeless_notes: int
    refused_notes: int
    refused_commands: int
    in_trouble: bool


@dataclass(frozen=True, slots=True)
class ReaderStatistics:
    """What a reader has to do at one instant.

    Attributes:
        asked: questions that the database is being asked.
        waiting: questions that wait until one of these is answered.
    """

    asked: int
    waiting: int
