"""Keeps a database of PostgreSQL to one server: a lock that a session holds, and loses however it ends."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from trio_orchestrator.store.errors import DatabaseInUse

_KEY: Final = 0x7472_696F  # "trio": any number that no other program is likely to take
# Locks of this kind are the database's; in one database each schema may have a server of its own.
_LOCK: Final = f"({_KEY}, hashtext(coalesce(current_schema(), '')))"
_LOCK_NOT_AVAILABLE: Final = "55P03"
_SECONDS_BETWEEN_QUESTIONS: Final = 10.0
_HANGS_SECONDS: Final = 1.0
_RETAKING_MILLISECONDS: Final = 250
_KEEPALIVES: Final = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""By which the database notices within half a minute that the machine of a server is gone, and gives its lock back."""

_SESSION: Final = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END_SESSION: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"

_log = structlog.get_logger(__name__)


class AdvisoryLock:
    """One server's lock on its database (PostgreSQL documentation, section 13.3.5).

    To be used by one thread at a time.

    Args:
        engine: makes connections, of which one is kept; its `lock_timeout` is how long `take` waits for another server
            to end.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None
        self._session: tuple[Any, ...] = ()
        self._asked_at = 0.0
        self._is_lost = self._is_anothers = False

    def take(self) -> None:
        """Take it.

        Raises:
            DatabaseInUse: another server has it.
            DBAPIError: the database does not work.
        """
        with self._new_session() as connection:
            self._lock(connection)

    def check(self) -> None:
        """Make sure that this server has it still, and take it again where it does not; before anything is written.

        Raises:
            DatabaseInUse: another server has taken it meanwhile.
            DBAPIError: the database does not work.
        """
        if self._is_held():
            return
        if not self._is_lost:
            self._is_lost = True
            _log.warning("the lock on the database was lost")
        try:
            with self._new_session() as connection:
                # The database may not know yet that the session before is over, and would keep the lock for it.
                connection.exec_driver_sql(_END_SESSION, self._session)
                connection.exec_driver_sql(f"SELECT set_config('lock_timeout', '{_RETAKING_MILLISECONDS}ms', false)")
                self._lock(connection)
        except DatabaseInUse:
            if not self._is_anothers:
                self._is_anothers = True
                _log.error("another server has taken the database, nothing is written until it ends")
            raise
        self._is_lost = self._is_anothers = False
        _log.info("the lock on the database was taken again")

    def close(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _end(connection)

    @contextmanager
    def _new_session(self) -> Iterator[Connection]:
        """A connection to take the lock on, kept as the one that has it if nothing goes wrong until left.

        Were one kept that has not got so far, it would be taken for the lock, or be asked though it is broken.
        """
        connection = self._engine.connect()
        try:
            for name, seconds in _KEEPALIVES.items():
                connection.exec_driver_sql(f"SELECT set_config('{name}', '{seconds}', false)")
            yield connection
        except BaseException:
            _end(connection)
            raise
        self._connection = connection
        self._asked_at = time.monotonic()

    def _lock(self, connection: Connection) -> None:
        # From now on it is this session that may have it, even where no answer comes; the one before was ended.
        self._session = tuple(connection.exec_driver_sql(_SESSION).one())
        try:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock{_LOCK}")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise DatabaseInUse("another server has it open") from error
            raise

    def _is_held(self) -> bool:
        """Whether the session is there; it is asked when it has said something by itself, and else now and then.

        Raises:
            DBAPIError: the database does not answer.
        """
        if self._connection is None:
            return False
        poll = select.poll()
        poll.register(self._connection.connection.dbapi_connection, select.POLLIN)  # type: ignore[arg-type]  # has a fileno
        if not poll.poll(0) and time.monotonic() < self._asked_at + _SECONDS_BETWEEN_QUESTIONS:
            return True
        began = time.monotonic()
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except DBAPIError:
            self.close()
            if time.monotonic() > began + _HANGS_SECONDS:
                raise  # whoever hangs would only be waited for again
            return False
        self._asked_at = time.monotonic()
        return True


def _end(connection: Connection) -> None:
    """End its session, not only this use of it."""
    connection.invalidate()
    connection.close()
