"""The tables. Instants are integer milliseconds since 1970, UTC.

What is large stands apart from what is listed: images and feature maps have tables of their own, so that a pass
over the objects reads small rows only, and a new feature map does not write the image anew.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    literal_column,
)
from sqlalchemy.types import TypeDecorator

MAX_INTEGER: Final = 2**63 - 1


class Utf8(TypeDecorator[str]):
    """Any Python string, kept as its UTF-8 bytes.

    Texts of peers may hold NUL, which PostgreSQL refuses in a text column; and bytes compare alike everywhere,
    whatever the collation.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """The string's bytes; a lone surrogate gets three, as Python's `surrogatepass` has it."""
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """The string that the bytes were made of."""
        return None if value is None else value.decode("utf-8", "surrogatepass")


# Every rule of the schema has a name, so that a later change of the schema can speak of it.
METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_refers",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

# SQLite numbers rows by itself only where the key's type is spelled INTEGER; it has 64 bits there.
_ObjectId = BigInteger().with_variant(Integer, "sqlite")

OBJECTS: Final = Table(
    "objects",
    METADATA,
    Column("id", _ObjectId, Identity(), primary_key=True),
    Column("camera_id", Utf8, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # Of who asked for it: the token's subject and name, or else the address.
    Column("started_by", Utf8),
    Column("started_by_name", Utf8),
    Column("started_by_address", Utf8),
    Column("expires_at", BigInteger),
    Column("stopped_at", BigInteger),
    Column("stop_reason", String(16)),
    Column("stopped_by", Utf8),
    Column("stopped_by_name", Utf8),
    Column("stopped_by_address", Utf8),
    # An id is never given twice, not even that of a last row that was deleted (PROTOCOL.md, "Object ids").
    sqlite_autoincrement=True,
)

# The few live objects among very many past ones, for the next start.
Index(
    "objects_live",
    OBJECTS.c.id,
    sqlite_where=OBJECTS.c.stopped_at.is_(None),
    postgresql_where=OBJECTS.c.stopped_at.is_(None),
)

# Objects as they are listed, newest first, and those whose time is over.
Index("objects_newest", OBJECTS.c.started_at, OBJECTS.c.id)
Index("objects_newest_on_camera", OBJECTS.c.camera_id, OBJECTS.c.started_at, OBJECTS.c.id)
Index(
    "objects_stopped",
    OBJECTS.c.stopped_at,
    sqlite_where=OBJECTS.c.stopped_at.is_not(None),
    postgresql_where=OBJECTS.c.stopped_at.is_not(None),
)

# The few among them that are live, and those that lasted longer than a day, for windows that begin in the middle of
# their time. The number stands in the statements as it does here: an index is not used for one that is bound later.
LONG_MILLISECONDS: Final = 24 * 3600 * 1000
LIVE: Final = OBJECTS.c.stopped_at.is_(None)
LASTING: Final = OBJECTS.c.stopped_at - OBJECTS.c.started_at > literal_column(str(LONG_MILLISECONDS))
Index("objects_live_newest", OBJECTS.c.started_at, OBJECTS.c.id, sqlite_where=LIVE, postgresql_where=LIVE)
Index(
    "objects_lasting",
    *(OBJECTS.c.started_at, OBJECTS.c.id, OBJECTS.c.stopped_at),
    sqlite_where=LASTING,
    postgresql_where=LASTING,
)

# What is left of an object that was erased.
TOMBSTONES: Final = Table("tombstones", METADATA, Column("object_id", _ObjectId, primary_key=True, autoincrement=False))

# Rows are added and nothing else: triggers refuse to change or delete them (`migrations`). An object is told of by its
# id alone, and not by a foreign key, so that the row stays as it is when the object is erased.
AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", _ObjectId, Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("action", String(16), nullable=False),
    Column("object_id", BigInteger, nullable=False),
    Column("subject", Utf8),
    Column("name", Utf8),
    Column("address", Utf8),
    sqlite_autoincrement=True,
)
Index("audit_newest", AUDIT.c.at, AUDIT.c.id)
Index("audit_of_object", AUDIT.c.object_id, AUDIT.c.at, AUDIT.c.id)

IMAGES: Final = Table(
    "images",
    METADATA,
    Column("object_id", _ObjectId, ForeignKey(OBJECTS.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("image", LargeBinary, nullable=False),
)

FEATURE_MAPS: Final = Table(
    "feature_maps",
    METADATA,
    Column("object_id", _ObjectId, ForeignKey(OBJECTS.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("feature_map", LargeBinary, nullable=False),
)

# The key is the order in which a timeline is read. In SQLite the table itself lies in that order, having no row id;
# in PostgreSQL the index holds all that is asked for. So one object's timeline is one stretch of neighbouring pages
# in both, however large the database is.
SIGHTINGS: Final = Table(
    "sightings",
    METADATA,
    Column("object_id", BigInteger, ForeignKey(OBJECTS.c.id, ondelete="CASCADE"), autoincrement=False),
    Column("second", BigInteger, autoincrement=False),
    Column("camera_id", Utf8),
    Column("count", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("best_certainty", Double),
    PrimaryKeyConstraint(
        "object_id",
        "second",
        "camera_id",
        postgresql_include=["count", "first_at", "last_at", "best_certainty"],
    ),
    sqlite_with_rowid=False,
)

# What each server wrote last, and what came of it: where the answer to a commit was lost, it tells whether the batch
# is on disk (docs/decisions/0009-unknown-commits.md).
WRITERS: Final = Table(
    "writers",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("applied", LargeBinary, nullable=False),
    Column("written_at", BigInteger, nullable=False),
)
