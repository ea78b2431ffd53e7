"""Organisations: which accounts belong to one, read through a role in its management account.

`organization_of(number)` is the proof of membership: an account that is active, in an organisation whose members were read
completely and lately. Answers about access take `known()`: everybody who belongs, and which organisations are known whole,
so that whoever is not in one is known to be outside it. Whatever is older than two days, or could not be read, is unknown.
Units and who is in which are read after the members: `placed(organizations)`, and `known()`.
"""

from .departing import Departed, departed
from .knowing import UNKNOWN, Belonging, Memberships, known, members, organization_of, organizations_of
from .placing import read_units, units_due
from .reading import due, read, request_read
from .units import Placed, placed

__all__ = [
    "UNKNOWN",
    "Belonging",
    "Departed",
    "Memberships",
    "Placed",
    "departed",
    "due",
    "known",
    "members",
    "organization_of",
    "organizations_of",
    "placed",
    "read",
    "read_units",
    "request_read",
    "units_due",
]
