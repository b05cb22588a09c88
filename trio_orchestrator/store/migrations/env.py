"""Run by Alembic for each of its commands; says on which connection."""

from alembic import context
from sqlalchemy import Connection

from trio_orchestrator.store.migrations import VERSION_TABLE

_connection: Connection = context.config.attributes["connection"]
# A transaction is under way: of what Alembic does, all happens or nothing.
context.configure(connection=_connection, version_table=VERSION_TABLE)
context.run_migrations()
