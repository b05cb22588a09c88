"""Where SQLite and PostgreSQL differ; everything else of the store is the same for both.

`for_url` gives the `Dialect` of an address, `upsert` the one statement that SQLAlchemy spells differently, and
`meaning_of` what an error of either driver says.
"""

import sqlite3
from collections.abc import Callable
from typing import Final, TypeAlias

from sqlalchemy import Connection, Table
from sqlalchemy import Dialect as SqlAlchemyDialect
from sqlalchemy.dialects.postgresql import Insert as PostgreSqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from trio_orchestrator.store.errors import CannotOpen, StoreError

from .base import Dialect, masked, one_line
from .postgresql import REFUSALS as postgresql_refusals  # noqa: N811
from .postgresql import PostgreSql
from .postgresql import meaning_of as postgresql_meaning_of
from .sqlite import REFUSALS as sqlite_refusals  # noqa: N811
from .sqlite import Sqlite
from .sqlite import meaning_of as sqlite_meaning_of

__all__ = ["Dialect", "Upsert", "for_url", "masked", "meaning_of", "one_line", "refuse_changes", "upsert"]

Upsert: TypeAlias = SqliteInsert | PostgreSqlInsert

_REFUSALS: Final = {
    "sqlite": sqlite_refusals,
    "postgresql": postgresql_refusals,
}

_DIALECTS: Final[tuple[Dialect, ...]] = (Sqlite(), PostgreSql())


def for_url(url: URL) -> Dialect:
    """The dialect that speaks to `url`.

    Raises:
        CannotOpen: there is none.
    """
    for dialect in _DIALECTS:
        if url.drivername in dialect.drivers:
            return dialect
    forms = " or ".join(dialect.form for dialect in _DIALECTS)
    raise CannotOpen(f"cannot open the database {masked(url)}: only SQLite and PostgreSQL are known; write {forms}")


def upsert(dialect: SqlAlchemyDialect) -> Callable[[Table], Upsert]:
    """Makes an INSERT into a table that may be told what to do where the row exists (`on_conflict_do_update`)."""
    return SqliteInsert if dialect.name == "sqlite" else PostgreSqlInsert


def refuse_changes(connection: Connection, table: str) -> None:
    """From now on `table` takes new rows and nothing else, whoever asks."""
    for statement in _REFUSALS[connection.dialect.name]:
        connection.exec_driver_sql(statement.format(table=table))


def meaning_of(error: DBAPIError) -> StoreError:
    """An error of a driver as one of ours."""
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_meaning_of(error.orig)
    return postgresql_meaning_of(error)
