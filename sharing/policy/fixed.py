"""Which values of an identity key are fixed, so that the caller has no choice.

"Fixed" is per key: `o-x/r-y/*`, an ARN with a fixed account and `role/*`, a whole unique id `AROA…:*` are fixed enough;
`o-*`, `arn:aws:iam::*:role/x`, `*:x` and anything with a policy variable are not.

Each function answers with the fixed form, "" for a text that nobody real has, None for a value that leaves a choice.
"""

from __future__ import annotations

import re
from typing import Final

from .arn import is_account_id
from .conditions import Atom
from .matching import has_wildcard

#: Stands for "the organisation of the function's own account".
OWN_ORGANIZATION: Final = "${aws:resourceorgid}"


def is_open(value: str, atom: Atom) -> bool:
    """Whether a value holds a wildcard, whatever the operator makes of it, or a policy variable."""
    return has_wildcard(value) or (atom.variables and "${" in value)


def account(value: str, atom: Atom) -> str | None:
    """Twelve digits."""
    if is_account_id(value):
        return value
    return None if is_open(value, atom) else ""


def arn(value: str, atom: Atom) -> str | None:
    """An ARN whose account is fixed."""
    if atom.variables and "${" in value:
        return None
    parts = value.split(":", 5)
    if len(parts) < 6 or not is_account_id(parts[4]):
        return None if has_wildcard(value) else ""
    # Outside the ARN operators a wildcard runs over colons: only what stands before it is fixed.
    if atom.family != "arn" and has_wildcard(":".join(parts[:5])):
        return None
    return value


def unique_id(value: str, atom: Atom) -> str | None:
    """A whole unique id (`AROA…`, `AIDA…`) or account id before the colon."""
    unique = value.split(":", 1)[0]
    if has_wildcard(unique) or (atom.variables and "${" in value):
        return None
    return value if is_account_id(unique) or len(unique) >= 16 else ""


def organization(value: str, atom: Atom) -> str | None:
    """`o-…`, or the variable for our own organisation."""
    if atom.variables and value.lower() == OWN_ORGANIZATION:
        return OWN_ORGANIZATION
    if is_open(value, atom):
        return None
    if atom.family == "fold":
        value = value.lower()
    return value if value.startswith("o-") else ""


def organization_path(value: str, atom: Atom) -> str | None:
    """`o-…` when the path takes in the whole organisation (`o-x/*`, `o-x/r-y/*`), else the path itself."""
    if atom.variables and "${" in value:
        return None
    if atom.family == "fold":
        value = value.lower()
    root, slash, rest = value.partition("/")
    if has_wildcard(root) or (has_wildcard(value) and not slash):
        return None
    if not root.startswith("o-"):
        return ""
    return root if _WHOLE.fullmatch(rest) else value


#: What follows `o-…/` in a path that takes in every unit: nothing at all, `*`, or the root and everything under it.
_WHOLE: Final = re.compile(r"|\*(/\*)?|r-[a-z0-9]+/\*", re.ASCII)


def is_within(inner: str, outer: str) -> bool:
    """Whether an organisation or unit path lies in another one."""
    return inner == outer or inner.startswith(f"{outer.rstrip('/*')}/")
