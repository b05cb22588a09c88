"""PostgreSQL by psycopg: a server that may be far away, and may stop answering without a word."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import Dialect as SqlAlchemyDialect
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from trio_orchestrator.store.errors import (
    CannotOpen,
    ChangeRefused,
    DatabaseAway,
    DatabaseLocked,
    DatabaseUnavailable,
    StoreError,
)

from .advisory_lock import AdvisoryLock
from .base import masked, one_line

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import PQGen

_Result = TypeVar("_Result")

_CONNECT_SECONDS: Final = 2  # the least that libpq takes
_ANSWER_SECONDS: Final = 2.0  # beyond what a lock may take
_OTHERS_END_SECONDS: Final = 2.0
_MIGRATION_SECONDS: Final = 60.0
_MIGRATION_LOCK: Final = 0x7472_696F_5F6F_7263  # "trio_orc": any number that no other program is likely to take

# SQLSTATEs (PostgreSQL documentation, appendix A): what comes of waiting too long for others.
_LOCKED: Final = frozenset({"55P03", "57014", "40001", "40P01"})
# Classes of them: connections that fail, resources that run out, an operator who stops the server.
_AWAY: Final = frozenset({"08", "57"})
_RAISED_BY_A_TRIGGER: Final = "P0"

REFUSALS: Final = (
    "CREATE FUNCTION {table}_refuses() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'rows of {table} are never changed'; END $$",
    "CREATE TRIGGER {table}_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuses()",
)
"""What makes a table take new rows only."""


class PostgreSql:
    """See `Dialect`."""

    drivers: Final = frozenset({"postgresql", "postgresql+psycopg"})
    form: Final = "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"

    def checked(self, url: URL) -> URL:
        """Any URL that names a database, with psycopg as its driver; options of libpq may follow it."""
        try:
            import psycopg  # noqa: F401 - an extra; whoever uses SQLite has no need of it
        except ImportError as error:
            raise CannotOpen(
                f"cannot open the database {masked(url)}: psycopg is missing ({one_line(error)});"
                " it comes with the extra [postgres]"
            ) from None
        if not url.database:
            raise CannotOpen(f"cannot open the database {masked(url)}: it names no database; write {self.form}")
        return url.set(drivername="postgresql+psycopg")

    @contextmanager
    def hold(self, url: URL) -> Iterator[Callable[[], None]]:
        """A lock of a session of its own. One that has just ended is waited for: it may take the database a moment."""
        seconds = _OTHERS_END_SECONDS
        engine = _engine(url, answer_seconds=seconds + _ANSWER_SECONDS, lock_seconds=seconds, poolclass=NullPool)
        with closing(AdvisoryLock(engine)) as lock:
            lock.take()
            yield lock.check

    def engine(self, url: URL, patience: float, connections: int) -> Engine:
        """Connections that are tried before use, and on which no answer is waited for without end."""
        return _engine(
            url,
            answer_seconds=patience + _ANSWER_SECONDS,
            lock_seconds=patience,
            pool_size=connections,
            max_overflow=0,
            # A server that was restarted leaves connections behind that fail at their next use.
            pool_pre_ping=True,
        )

    def for_reading(self, engine: Engine) -> Engine:
        """Transactions that see one state from their first statement to their last."""
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def migrating(self, url: URL, patience: float) -> Iterator[Connection]:
        """A transaction with a lock of its own that may take its time."""
        engine = _engine(url, answer_seconds=None, lock_seconds=_MIGRATION_SECONDS, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                yield connection
        finally:
            engine.dispose()

    def commit_may_have_happened(self, error: StatementError) -> bool:
        """Unless the server says that a rule is broken: else its answer may have been lost on the way."""
        return not isinstance(error, IntegrityError)

    def scrub(self, engine: Engine) -> None:
        """Nothing: autovacuum gives deleted rows' space to others, and the log is the administrator's."""

    def trouble_opening(self, url: URL, error: Exception) -> str:
        """What PostgreSQL says."""
        return one_line(error)


def meaning_of(error: DBAPIError) -> StoreError:
    """What PostgreSQL or psycopg says, as one of our errors."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    text = one_line(error)
    if state is None or error.connection_invalidated:
        return DatabaseAway(text)
    if state in _LOCKED:
        return DatabaseLocked(text)
    if state[:2] == _RAISED_BY_A_TRIGGER:
        return ChangeRefused(text)
    return DatabaseAway(text) if state[:2] in _AWAY else DatabaseUnavailable(text)


def _engine(url: URL, *, answer_seconds: float | None, lock_seconds: float, **options: Any) -> Engine:
    import psycopg

    connecting = {"connect_timeout": _CONNECT_SECONDS, "application_name": "trio-orchestrator"}
    engine = create_engine(
        url,
        connect_args={name: value for name, value in connecting.items() if name not in url.query},
        # Parameters by their place, as SQLite has them, not by names that would have to be made for each.
        paramstyle="format",
        # Errors are logged; images and names of people are not.
        hide_parameters=True,
        **options,
    )

    class Bounded(psycopg.Connection[Any]):
        """Gives up a connection on which an answer has been waited for too long, whatever the reason.

        A server that hangs, or a network that swallows what is sent, is noticed by no time-out of the server's.
        """

        def wait(self, gen: "PQGen[_Result]", *args: Any, **kwargs: Any) -> _Result:
            if answer_seconds is None:
                return super().wait(gen, *args, **kwargs)
            return super().wait(_bounded(gen, self, answer_seconds), *args, **kwargs)

    @event.listens_for(engine, "do_connect")
    def connect(
        _dialect: SqlAlchemyDialect, _entry: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
    ) -> "psycopg.Connection[Any]":
        return Bounded.connect(*args, **options)

    @event.listens_for(engine, "connect")
    def configure(connection: "psycopg.Connection[Any]", _entry: ConnectionPoolEntry) -> None:
        settings = {
            "lock_timeout": lock_seconds,
            # The server must not go on for long with what nobody waits for any more, nor keep its locks.
            "statement_timeout": answer_seconds or 0,
            "idle_in_transaction_session_timeout": (answer_seconds or 0) * 2,
        }
        connection.autocommit = True
        for name, seconds in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, f"{seconds * 1000:.0f}ms"))
        # An object is on disk before its `start` goes out, whatever the server does for others.
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        connection.autocommit = False

    return engine


def _bounded(generator: "PQGen[_Result]", connection: "psycopg.Connection[Any]", seconds: float) -> "PQGen[_Result]":
    """`generator`, until `seconds` have passed; psycopg resumes it every tenth of a second, answer or not."""
    import psycopg

    deadline = time.monotonic() + seconds
    try:
        wanted = next(generator)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                generator.close()
                connection.pgconn.finish()
                raise psycopg.OperationalError(f"the server has not answered for {seconds:g} seconds")
            wanted = generator.send(ready)
    except StopIteration as ended:
        result: _Result = ended.value
        return result
