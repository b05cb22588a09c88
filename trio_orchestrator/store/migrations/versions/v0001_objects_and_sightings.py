"""Objects, their images and feature maps, sightings, and the batch that each server wrote last.

A step says what it did then, once and for all; it does not look at `schema`, which tells what is now. Where a table
exists it was made before there were steps.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_OBJECT_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "objects",
        sa.Column("id", _OBJECT_ID, sa.Identity(), nullable=False),
        sa.Column("camera_id", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.LargeBinary()),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("stopped_at", sa.BigInteger()),
        sa.Column("stop_reason", sa.String(16)),
        sa.Column("stopped_by", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="objects_key"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "objects_live",
        "objects",
        ["id"],
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
        if_not_exists=True,
    )
    for table, content in (("images", "image"), ("feature_maps", "feature_map")):
        op.create_table(
            table,
            sa.Column("object_id", _OBJECT_ID, autoincrement=False, nullable=False),
            sa.Column(content, sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("object_id", name=f"{table}_key"),
            _refers_to_object(table),
            if_not_exists=True,
        )
    op.create_table(
        "sightings",
        sa.Column("object_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("second", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("camera_id", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("best_certainty", sa.Double()),
        sa.PrimaryKeyConstraint(
            "object_id",
            "second",
            "camera_id",
            name="sightings_key",
            postgresql_include=["count", "first_at", "last_at", "best_certainty"],
        ),
        _refers_to_object("sightings"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "writers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("applied", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="writers_key"),
        if_not_exists=True,
    )


def _refers_to_object(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=f"{table}_object_id_refers", ondelete="CASCADE")
