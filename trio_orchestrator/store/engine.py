"""From the address of a database to an engine that works; foreign errors become ours here and nowhere else."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import CannotOpen, ChangeRefused, DatabaseLocked, DatabaseUnavailable, StoreError
from .schema import METADATA

READING_THREADS: Final = 4
_READS_ONLY: Final = "reads_only"
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE: Final = 0xFF  # the low byte of SQLite's extended result codes


def open_engine(address: str, busy_timeout: float) -> Engine:
    """An engine for the database at `address`, its tables made where they are missing.

    Args:
        address: a URL as SQLAlchemy has it; `sqlite:///FILE`, FILE seen from the working directory.
        busy_timeout: seconds to wait while somebody else has the database locked.

    Raises:
        CannotOpen: `address` is no such URL, or what is there cannot be used.
    """
    url = _checked_url(address)
    try:
        engine = _engine(url, busy_timeout)
        try:
            with mapped_errors():
                _prepare(engine)
        except BaseException:
            engine.dispose()
            raise
    except (StoreError, SQLAlchemyError, TypeError, ValueError) as error:
        raise CannotOpen(f"cannot open the database {_masked(url)}: {_reason(url, error)}") from error
    return engine


def for_reading(engine: Engine) -> Engine:
    """The same connections, with transactions that take no write lock."""
    return engine.execution_options(**{_READS_ONLY: True})


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raises errors of the database and its driver as ours.

    Raises:
        ChangeRefused: what was given breaks a rule of the schema, or is no value that the database can hold.
        DatabaseLocked: it stayed locked by somebody else.
        DatabaseUnavailable: anything else that the database or its driver says.
    """
    try:
        yield
    except (IntegrityError, DataError, OverflowError, ValueError) as error:
        raise ChangeRefused(_one_line(error)) from error
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None and code & _PRIMARY_CODE in _LOCKED:
            raise DatabaseLocked(_one_line(error)) from error
        raise DatabaseUnavailable(_one_line(error)) from error
    except StatementError as error:  # a value could not be handed to the driver
        raise ChangeRefused(_one_line(error)) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(_one_line(error)) from error


def _checked_url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # The text is not shown: what cannot be parsed may hold a password anywhere.
        raise CannotOpen("cannot open the database: its address is no URL; write sqlite:///FILE") from None
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise CannotOpen(f"cannot open the database {_masked(url)}: only SQLite is known; write sqlite:///FILE")
    if url.host or url.username or url.password or url.database in (None, "", ":memory:"):
        raise CannotOpen(f"cannot open the database {_masked(url)}: it must be a file; write sqlite:///FILE")
    if url.query:
        raise CannotOpen(f"cannot open the database {_masked(url)}: it takes no options; write sqlite:///FILE")
    assert url.database is not None
    # The whole path: it is what an error must name, and a later change of the working directory must not lead
    # later connections elsewhere.
    return url.set(database=str(Path(url.database).absolute()))


def _engine(url: URL, busy_timeout: float) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": busy_timeout, "check_same_thread": False},
        # One connection for the writer and one a reading thread: nobody ever waits for one.
        pool_size=1 + READING_THREADS,
        max_overflow=0,
        # Errors are logged; images and names of people are not.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own kind
        connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not hold each other up
        connection.execute("PRAGMA foreign_keys = ON")
        # An object is on disk before its `start` goes out, also when the machine loses power.
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins by reading cannot wait for the write lock later on: take it at once.
        reads_only = connection.get_execution_options().get(_READS_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _prepare(engine: Engine) -> None:
    """Make the tables, and try each: a file of somebody else's must be told now, not at the first start."""
    with for_reading(engine).connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if mode != "wal":
        raise DatabaseUnavailable(f"it cannot keep a write-ahead log (its journal mode stays {mode!r})")
    with engine.begin() as transaction:
        METADATA.create_all(transaction)
        for table in METADATA.sorted_tables:
            transaction.execute(select(table).limit(0))


def _reason(url: URL, error: Exception) -> str:
    folder = Path(url.database or "").parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    return _one_line(error)


def _masked(url: URL) -> str:
    """The URL without its password; without its query too, which may hold another."""
    return url.set(query={}).render_as_string(hide_password=True)


def _one_line(error: Exception) -> str:
    """What the database itself says, without the statement and what SQLAlchemy adds to it."""
    original = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return " ".join(str(original).split()) or type(original).__name__
