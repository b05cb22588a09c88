"""An object → nothing but its id, among those that are never given again."""

from typing import Final

from sqlalchemy import Connection, delete, insert, select

from .schema import FEATURE_MAPS, IMAGES, OBJECTS, SIGHTINGS, TOMBSTONES

_ROWS_A_STATEMENT: Final = 50_000
"""A database that is asked for an answer within seconds must be able to give one, however long a timeline is."""


def erase(connection: Connection, object_id: int) -> bool:
    """Remove all that tells of an object, in the transaction that `connection` is in; whether there was any."""
    if connection.scalar(select(OBJECTS.c.id).where(OBJECTS.c.id == object_id)) is None:
        return False
    _erase_sightings(connection, object_id)
    for table in (FEATURE_MAPS, IMAGES):
        connection.execute(delete(table).where(table.c.object_id == object_id))
    connection.execute(delete(OBJECTS).where(OBJECTS.c.id == object_id))
    connection.execute(insert(TOMBSTONES), {"object_id": object_id})
    return True


def _erase_sightings(connection: Connection, object_id: int) -> None:
    of_object = SIGHTINGS.c.object_id == object_id
    far = select(SIGHTINGS.c.second).where(of_object).order_by(SIGHTINGS.c.second).offset(_ROWS_A_STATEMENT).limit(1)
    while (second := connection.scalar(far)) is not None:
        connection.execute(delete(SIGHTINGS).where(of_object, SIGHTINGS.c.second <= second))
    connection.execute(delete(SIGHTINGS).where(of_object))
