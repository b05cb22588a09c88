"""SQLite: a file with a write-ahead log, for one server at a time."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from trio_orchestrator.store.errors import (
    CannotOpen,
    DatabaseAway,
    DatabaseInUse,
    DatabaseLocked,
    DatabaseUnavailable,
    StoreError,
)

from .base import masked, one_line

_SCRUB_MILLISECONDS: Final = 100  # readers are short; whoever reads longer is not waited for
_READS_ONLY: Final = "reads_only"
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_CACHE_KIBIBYTES: Final = 32 * 1024  # a connection
_LOG_PAGES: Final = 10_000
_PRIMARY_CODE: Final = 0xFF  # the low byte of SQLite's extended result codes

REFUSALS: Final = tuple(
    f"CREATE TRIGGER {{table}}_refuses_{change} BEFORE {change} ON {{table}}"
    " BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
    for change in ("update", "delete")
)
"""What makes a table take new rows only."""


class Sqlite:
    """See `Dialect`."""

    drivers: Final = frozenset({"sqlite", "sqlite+pysqlite"})
    form: Final = "sqlite:///FILE"

    def checked(self, url: URL) -> URL:
        """A file, with its whole path."""
        if url.host or url.username or url.password or url.database in (None, "", ":memory:"):
            raise CannotOpen(f"cannot open the database {masked(url)}: it must be a file; write {self.form}")
        if url.query:
            raise CannotOpen(f"cannot open the database {masked(url)}: it takes no options; write {self.form}")
        assert url.database is not None
        # The whole path: it is what an error must name, and a later change of the working directory must not lead
        # later connections elsewhere.
        return url.set(database=str(Path(url.database).absolute()))

    @contextmanager
    def hold(self, url: URL) -> Iterator[Callable[[], None]]:
        """A lock on a file beside the database, which the system takes back however this process ends.

        Not on the database itself: whoever closes a file gives up the locks that SQLite has on it (fcntl(2)).
        """
        assert url.database is not None
        lock = Path(url.database).resolve()  # one file may have several names
        try:
            descriptor = os.open(f"{lock}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseUnavailable(f"{lock}.lock cannot be opened: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DatabaseInUse("another server has it open") from error
            yield lambda: None  # nobody can take it away
        finally:
            os.close(descriptor)

    def engine(self, url: URL, patience: float, connections: int) -> Engine:
        """One connection for the writer and one a reading thread: nobody ever waits for one."""
        engine = _engine(url, patience, pool_size=connections, max_overflow=0)
        event.listen(engine, "connect", _configure)
        assert url.database is not None
        path = Path(url.database)
        identity = _identity(path)

        @event.listens_for(engine, "begin", insert=True)
        def be_sure_that_it_is_there(_connection: Connection) -> None:
            # SQLite would go on with a file that has no name any more, and all would be lost with this process.
            if _identity(path) != identity:
                raise DatabaseAway(f"{path} was removed or replaced while in use")

        return engine

    def for_reading(self, engine: Engine) -> Engine:
        """Transactions that take no write lock."""
        return engine.execution_options(**{_READS_ONLY: True})

    @contextmanager
    def migrating(self, url: URL, patience: float) -> Iterator[Connection]:
        """A transaction with foreign keys off.

        SQLite changes a table by making it anew, and dropping the old one would delete what refers to it
        (https://www.sqlite.org/lang_altertable.html, section 7).
        """
        engine = _engine(url, patience, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                yield connection
                wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if wrong is not None:
                    raise DatabaseUnavailable(f"rows of its table {wrong[0]} refer to rows that are not there")
        finally:
            engine.dispose()

    def commit_may_have_happened(self, error: StatementError) -> bool:
        """Never: what SQLite does not commit it undoes, with its process or the next one's help."""
        return False

    def scrub(self, engine: Engine) -> None:
        """Copy what is in the log to the file and make the log empty: older images of the pages are in it."""
        connection = engine.raw_connection()
        try:
            (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
            connection.execute(f"PRAGMA busy_timeout = {_SCRUB_MILLISECONDS}")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {patience}")
        except sqlite3.Error:
            pass
        finally:
            connection.close()

    def trouble_opening(self, url: URL, error: Exception) -> str:
        """Names the folder where that is what is missing."""
        folder = Path(url.database or "").parent
        return one_line(error) if folder.is_dir() else f"there is no folder {folder}"


def meaning_of(error: sqlite3.Error) -> StoreError:
    """What SQLite says, as one of our errors."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = DatabaseLocked if code is not None and code & _PRIMARY_CODE in _LOCKED else DatabaseUnavailable
    return kind(one_line(error))


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file bears that name; None where none does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _engine(url: URL, patience: float, **options: object) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": patience, "check_same_thread": False},
        # Errors are logged; images and names of people are not.
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "connect")
    def begin_nothing_by_yourself(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins by reading cannot wait for the write lock later on: take it at once.
        reads_only = connection.get_execution_options().get(_READS_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]  # readers and the writer go on side by side
    if mode != "wal":
        raise DatabaseUnavailable(f"it cannot keep a write-ahead log (its journal mode stays {mode!r})")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, not only let go of
    # An object is on disk before its `start` goes out, also when the machine loses power.
    connection.execute("PRAGMA synchronous = FULL")
    # What is written in a second lies all over a large file. Pages of it are kept, and written back to their places
    # when 40 MB have gathered in the log, not four.
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
