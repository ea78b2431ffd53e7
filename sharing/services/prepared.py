"""Queries that come with every page: always the same but for some values, so they are put into SQL once for a process.

Django builds a query anew each time it is asked, which takes several times as long as the database takes to answer such
small ones. What is asked is still written with models, once, with stand-ins for the values that differ.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from django.db.models import CharField, DateTimeField, Field, QuerySet, UUIDField, Value

#: Stand for a person, a moment and a key.
SOMEBODY: Final = uuid.UUID(int=0)
SOME_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
SOME_KEY: Final = "a key"

_FIELDS: Final[dict[type, Field[Any, Any]]] = {uuid.UUID: UUIDField(), datetime: DateTimeField(), str: CharField()}
_MOMENT: Final = Value(None, output_field=DateTimeField())


class Prepared:
    """A query in SQL. `stand_ins` are those of its values that are given each time; no other value equals one of them."""

    def __init__(self, query: QuerySet[Any, Any], *stand_ins: object) -> None:
        self.sql, self._values = query.query.sql_with_params()
        self._stand_ins = [_stored(one) for one in stand_ins]

    def values(self, *given: object) -> list[Any]:
        """What goes with the SQL, with these values in place of the stand-ins."""
        instead = dict(zip(self._stand_ins, map(_stored, given), strict=True))
        return [instead.get(value, value) for value in self._values]


def as_moment(read: object) -> datetime | None:
    """A moment as a cursor has it: SQLite keeps it as text."""
    for convert in connection.ops.get_db_converters(_MOMENT):
        read = convert(read, _MOMENT, connection)
    return read if isinstance(read, datetime) else None


def _stored(value: object) -> object:
    return _FIELDS[type(value)].get_db_prep_value(value, connection)
