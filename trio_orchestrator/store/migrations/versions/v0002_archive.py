"""Who started and stopped an object, tombstones of erased objects, the audit, and indexes for lists of objects."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from trio_orchestrator.store.dialects import refuse_changes

revision: Final = "0002"
down_revision: Final = "0001"

_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    for actor in ("started_by", "stopped_by"):
        for known in ("name", "address"):
            op.add_column("objects", sa.Column(f"{actor}_{known}", sa.LargeBinary()))
    op.create_index("objects_newest", "objects", ["started_at", "id"])
    op.create_index("objects_newest_on_camera", "objects", ["camera_id", "started_at", "id"])
    op.create_index(
        "objects_stopped",
        "objects",
        ["stopped_at"],
        sqlite_where=sa.text("stopped_at IS NOT NULL"),
        postgresql_where=sa.text("stopped_at IS NOT NULL"),
    )
    op.create_table(
        "tombstones",
        sa.Column("object_id", _ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="tombstones_key"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.LargeBinary()),
        sa.Column("name", sa.LargeBinary()),
        sa.Column("address", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="audit_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_newest", "audit", ["at", "id"])
    op.create_index("audit_of_object", "audit", ["object_id", "at", "id"])
    refuse_changes(op.get_bind(), "audit")
