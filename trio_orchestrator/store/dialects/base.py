"""What the store asks of a database engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import StatementError


class Dialect(Protocol):
    """One engine: how it is reached, and what it does in its own way."""

    @property
    def drivers(self) -> frozenset[str]:
        """The schemes of the URLs it understands."""

    @property
    def form(self) -> str:
        """What such a URL looks like, for whoever wrote another."""

    def checked(self, url: URL) -> URL:
        """`url`, made complete.

        Raises:
            CannotOpen: it cannot be the URL of a database of this engine.
        """

    def hold(self, url: URL) -> AbstractContextManager[Callable[[], None]]:
        """Keeps other servers from opening the same database until left, or until this process ends.

        Gives what is to be called before anything is written: it raises `DatabaseInUse`, or an error of the driver,
        where that can no longer be made sure.

        Raises on entering:
            DatabaseInUse: another server has it open.
            DatabaseUnavailable: it cannot be made sure that none has.
        """

    def engine(self, url: URL, patience: float, connections: int) -> Engine:
        """For everyday work; a transaction takes the write lock at once where there is one.

        Args:
            url: the database.
            patience: seconds to wait while somebody else has what is needed locked.
            connections: how many there may be at once.
        """

    def for_reading(self, engine: Engine) -> Engine:
        """The same connections, with transactions that write nothing and see one state of the database."""

    def migrating(self, url: URL, patience: float) -> AbstractContextManager[Connection]:
        """A transaction that changes the schema while no other server does; committed at the end."""

    def commit_may_have_happened(self, error: StatementError) -> bool:
        """Whether, a COMMIT having failed with `error`, the transaction may be on disk all the same."""

    def scrub(self, engine: Engine) -> None:
        """Let go of copies of what was deleted, as far as that can be done now without waiting; never raises."""

    def trouble_opening(self, url: URL, error: Exception) -> str:
        """Why `url` could not be opened, as a person is told."""


def masked(url: URL) -> str:
    """The URL without its password; without its query too, which may hold another."""
    return url.set(query={}).render_as_string(hide_password=True)


def one_line(error: BaseException) -> str:
    """What the database itself says: neither the statement nor what it adds of the values that were to be written."""
    original = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    # psycopg's: its text goes on with DETAIL and CONTEXT, and there whole rows are quoted.
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    return " ".join(str(primary or original).split()) or type(original).__name__
