"""What goes wrong with a database, as exceptions of ours; the foreign ones are mapped in `engine`.

    StoreError
    ├── CannotOpen              the address of the database is wrong, or nothing usable is there
    ├── ChangeRefused           the database works, but does not take this change
    └── DatabaseUnavailable     the database does not work now: full, damaged
        ├── DatabaseInUse       another server has it open
        ├── DatabaseLocked      somebody else kept it locked for longer than we wait
        └── DatabaseAway        it cannot be reached, or gives no answer
            └── OutcomeUnknown  it was asked to commit and the answer never came

A peer never sees these: what costs it a command is told as `protocol.errors.StorageUnavailable`.
"""


class StoreError(Exception):
    """Something is wrong with the database; the text is one line without secrets."""


class CannotOpen(StoreError):
    """The database cannot be opened; the text names it, its password masked, and says why."""


class ChangeRefused(StoreError):
    """The database works but does not take what it was given; trying again will not help."""


class DatabaseUnavailable(StoreError):
    """The database does not work at the moment; nothing was changed, and trying again later may help."""


class DatabaseInUse(DatabaseUnavailable):
    """Another server has the database open, and it is for one at a time."""


class DatabaseLocked(DatabaseUnavailable):
    """The database stayed locked for the whole time that we wait for it."""


class DatabaseAway(DatabaseUnavailable):
    """The database cannot be reached, or does not answer; it may have taken a while to find out."""


class OutcomeUnknown(DatabaseAway):
    """The connection was lost in the middle of a commit: the change is on disk, or it is not."""
