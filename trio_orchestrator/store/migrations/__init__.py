"""From the schema that a database has to the one of this server, step by step (`versions`), in one transaction.

The name of its last step is kept in the database, in the table `schema_version`.
"""

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from trio_orchestrator.store.errors import DatabaseUnavailable

VERSION_TABLE: Final = "schema_version"

_FOLDER: Final = Path(__file__).parent


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database up to `revision`, in the transaction that `connection` is in.

    Raises:
        DatabaseUnavailable: it has been brought to a later revision than this server knows.
    """
    logging.getLogger("alembic.runtime.migration").addFilter(_as_debug)
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    has = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    if unknown := ", ".join(sorted(set(has) - known)):
        raise DatabaseUnavailable(
            f"a newer version of this server has changed it (to {unknown}; known here is up to {max(known)});"
            " start that version"
        )
    command.upgrade(config, revision)


def _as_debug(record: logging.LogRecord) -> bool:
    """Alembic tells as info what is of use to nobody who runs the server."""
    if record.levelno == logging.INFO:
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    return logging.getLogger(record.name).isEnabledFor(record.levelno)
