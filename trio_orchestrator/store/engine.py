"""From the address of a database to engines that work; foreign errors become ours here and nowhere else."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, event, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from . import dialects, migrations
from .errors import CannotOpen, ChangeRefused, DatabaseUnavailable, OutcomeUnknown, StoreError
from .schema import METADATA

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

READING_THREADS: Final = 4


class Engines:
    """A database that was opened: transactions that write, and transactions that read.

    Args:
        address: a URL as SQLAlchemy has it; a relative file is seen from the working directory.
        patience: seconds to wait while somebody else has what is needed locked.

    Attributes:
        address: where it is, as may be shown.

    Raises:
        CannotOpen: `address` is no such URL, or what is there cannot be used.
    """

    def __init__(self, address: str, patience: float) -> None:
        url = _url(address)
        self._dialect = dialects.for_url(url)
        url = self._dialect.checked(url)
        self.address = dialects.masked(url)
        with ExitStack() as opening:
            try:
                with mapped_errors():
                    self._make_sure_it_is_ours = opening.enter_context(self._dialect.hold(url))
                    self._migrate(url, patience)
                    self._writing = self._dialect.engine(url, patience, 1 + READING_THREADS)
                    opening.callback(_let_go, self._writing)
                    self._reading = self._dialect.for_reading(self._writing)
                    with self._writing.connect():
                        pass
            except (StoreError, SQLAlchemyError, TypeError, ValueError) as error:
                reason = self._dialect.trouble_opening(url, error)
                raise CannotOpen(f"cannot open the database {self.address}: {reason}") from error
            self._open = opening.pop_all()

    def close(self) -> None:
        """Let go of the database."""
        self._open.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, and rolled back where an exception leaves it.

        Raises:
            StoreError: see `mapped_errors`; nothing was changed then.
            OutcomeUnknown: the commit may have happened, or not.
        """
        with mapped_errors():
            self._make_sure_it_is_ours()
            with self._writing.connect() as connection:
                transaction = connection.begin()
                yield connection
                try:
                    transaction.commit()
                except DBAPIError as error:
                    if self._dialect.commit_may_have_happened(error):
                        raise OutcomeUnknown(dialects.one_line(error)) from error
                    raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing and sees one state of the database.

        Raises:
            DatabaseUnavailable: the database does not work, or what is kept there cannot be understood.
        """
        try:
            with mapped_errors(), self._reading.begin() as connection:
                yield connection
        except ChangeRefused as error:
            raise DatabaseUnavailable(str(error)) from error

    def scrub(self) -> None:
        """See `Dialect.scrub`."""
        self._dialect.scrub(self._writing)

    def _migrate(self, url: URL, patience: float) -> None:
        with self._dialect.migrating(url, patience) as connection:
            migrations.upgrade(connection)
            # A database of somebody else's must be told now, not at the first start.
            for table in METADATA.sorted_tables:
                connection.execute(select(table).limit(0))


def _let_go(engine: Engine) -> None:
    """Close all connections: a thread that was left behind may have one, which is closed when it gives it back."""
    event.listen(engine, "checkin", _close)
    engine.dispose()


def _close(_connection: object, entry: "ConnectionPoolEntry") -> None:
    entry.invalidate()


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raises errors of the database and its driver as ours.

    Raises:
        ChangeRefused: what was given breaks a rule of the schema, or is no value that the database can hold.
        DatabaseUnavailable: anything else that the database or its driver says; see `dialects.meaning_of`.
    """
    try:
        yield
    except (IntegrityError, DataError, OverflowError, ValueError) as error:
        raise ChangeRefused(dialects.one_line(error)) from error
    except DBAPIError as error:
        raise dialects.meaning_of(error) from error
    except StatementError as error:  # a value could not be handed to the driver
        raise ChangeRefused(dialects.one_line(error)) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(dialects.one_line(error)) from error


def _url(address: str) -> URL:
    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        # The text is not shown: what cannot be parsed may hold a password anywhere.
        raise CannotOpen("cannot open the database: its address is no URL; write sqlite:///FILE") from None
