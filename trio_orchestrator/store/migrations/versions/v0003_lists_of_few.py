"""Indexes for lists of objects that are few among very many: those that are live, and those that lasted long."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Add them."""
    live, lasting = sa.text("stopped_at IS NULL"), sa.text("stopped_at - started_at > 86400000")
    op.create_index("objects_live_newest", "objects", ["started_at", "id"], sqlite_where=live, postgresql_where=live)
    op.create_index(
        "objects_lasting",
        "objects",
        ["started_at", "id", "stopped_at"],
        sqlite_where=lasting,
        postgresql_where=lasting,
    )
