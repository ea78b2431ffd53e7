"""Policy variables: `${aws:PrincipalAccount}` in a value of a policy, replaced by what a request says.

Facts (IAM User Guide, policy elements: variables): a variable without a value is effectively null, so nothing is equal
to or like a text that holds it; a default stands after a comma; `${*}`, `${?}` and `${$}` are the characters themselves;
what is put in holds no wildcard; only version 2012-10-17 knows variables, and a Resource only after its fifth colon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .matching import LITERAL


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one key in a request: its values, none when it is absent.

    `possible` is a pattern of other values it could have (a session's ARN does not show its role's path);
    `unknown` says that nothing is known at all.
    """

    values: tuple[str, ...] = ()
    possible: str | None = None
    unknown: bool = False


class _AnyRequest(dict[str, Known]):
    def get(self, key: str, default: object = None) -> Known:  # it knows every key
        return _UNKNOWN


_UNKNOWN: Final = Known(unknown=True)
_ABSENT: Final = Known()

#: The keys of no request in particular: whatever a variable asks for may be anything, or missing.
ANY_REQUEST: Final[Mapping[str, Known]] = _AnyRequest()


def expanded(value: str, keys: Mapping[str, Known]) -> str | Literal[False] | None:
    """A value with its variables replaced; False where one has no value, None where one cannot be told."""
    out: list[str] = []
    unknown = False
    rest = value
    while True:
        before, found, rest = rest.partition("${")
        out.append(before)
        if not found:
            return None if unknown else "".join(out)
        name, closed, rest = rest.partition("}")
        text = _value(name, keys) if closed else None
        if text is False:
            return False
        if text is None:
            unknown = True
        else:
            out.append(text)


def _value(name: str, keys: Mapping[str, Known]) -> str | Literal[False] | None:
    if name in LITERAL or name == "$":
        return LITERAL.get(name, name)
    name, comma, default = name.partition(",")
    known = keys.get(name.strip().lower(), _ABSENT)
    if known.unknown or known.possible is not None or len(known.values) > 1 or not name.strip():
        return None
    if known.values:
        text = known.values[0]
    elif comma:
        text = default.strip().removeprefix("'").removesuffix("'")
    else:
        return False
    return "".join(LITERAL.get(char, char) for char in text)


def outline(value: str) -> str:
    """A pattern of everything a value may become, whatever its variables are."""
    out, rest = [], value
    while True:
        before, found, rest = rest.partition("${")
        out.append(before)
        if not found:
            return "".join(out)
        out.append("*")
        rest = rest.partition("}")[2]
