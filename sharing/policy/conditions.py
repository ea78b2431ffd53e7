"""Conditions: what each operator means, as data, and the truth of a condition for given or missing keys.

Facts (IAM User Guide, condition operators, multivalued keys, policy variables): all operators and keys must hold, one
value of a key is enough, for negated operators none may match; a missing key makes positive operators false, negated
ones true, `…IfExists` true, `ForAllValues:` true, `ForAnyValue:` false; key names ignore letter case.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from .matching import LITERAL, Truth, all_of, any_of, arn_matches, glob_matches, negate, overlap
from .statement import Condition
from .variables import Known, expanded


@dataclass(frozen=True, slots=True)
class Operator:
    """`family` says how two values compare, `negated` that none may match, `compare` the order for numbers and dates."""

    family: str
    negated: bool = False
    compare: str = "="


#: Every documented condition operator, lower case, without `ForAllValues:`, `ForAnyValue:` and `IfExists`.
OPERATORS: Final[dict[str, Operator]] = {
    "stringequals": Operator("equal"),
    "stringnotequals": Operator("equal", negated=True),
    "stringequalsignorecase": Operator("fold"),
    "stringnotequalsignorecase": Operator("fold", negated=True),
    "stringlike": Operator("like"),
    "stringnotlike": Operator("like", negated=True),
    "numericequals": Operator("number"),
    "numericnotequals": Operator("number", negated=True),
    "numericlessthan": Operator("number", compare="<"),
    "numericlessthanequals": Operator("number", compare="<="),
    "numericgreaterthan": Operator("number", compare=">"),
    "numericgreaterthanequals": Operator("number", compare=">="),
    "dateequals": Operator("date"),
    "datenotequals": Operator("date", negated=True),
    "datelessthan": Operator("date", compare="<"),
    "datelessthanequals": Operator("date", compare="<="),
    "dategreaterthan": Operator("date", compare=">"),
    "dategreaterthanequals": Operator("date", compare=">="),
    "bool": Operator("bool"),
    "binaryequals": Operator("equal"),
    "ipaddress": Operator("ip"),
    "notipaddress": Operator("ip", negated=True),
    "arnequals": Operator("arn"),
    "arnlike": Operator("arn"),
    "arnnotequals": Operator("arn", negated=True),
    "arnnotlike": Operator("arn", negated=True),
    "null": Operator("null"),
}
#: Families whose values may hold policy variables.
_TEXT: Final = frozenset({"equal", "fold", "like", "arn"})
_AS_LITERAL: Final = str.maketrans(LITERAL)
#: Families in which `*` and `?` are wildcards; elsewhere they are ordinary characters.
WILD: Final = frozenset({"like", "arn"})


class Atom(NamedTuple):
    """One condition in the form everything else works with.

    True for a request when, for a key that is present, some (`every` False) or all (`every` True) of its values match
    (`want` True) or do not match (`want` False) one of `values`; and `absent` when the key is missing.
    Family "null" looks only at presence: `want` is its truth when present. Family "unknown" can never be judged.
    `vague` says that the documentation gives two answers for a missing key (`ForAnyValue:…IfExists`).
    `key` is lower case; `source` is the condition as written, for people. `derived` marks one implied by a Deny,
    `hidden` one that is not written anywhere and only pins a piece of an answer.
    """

    key: str
    family: str
    compare: str
    values: tuple[str, ...]
    want: bool
    absent: bool
    every: bool
    variables: bool
    source: Condition
    derived: bool = False
    hidden: bool = False
    vague: bool = False

    def negated(self) -> Atom:
        """The condition that holds exactly when this one does not."""
        return self._replace(want=not self.want, absent=not self.absent, every=not self.every, derived=not self.derived)

    @property
    def text(self) -> str:
        """The condition for people, a shared secret masked; one that a Deny implies is said as its opposite."""
        return f"not ({self.source.text})" if self.derived else self.source.text

    def values_with_variables(self) -> tuple[str, ...]:
        """The values that hold a policy variable."""
        return tuple(value for value in self.values if "${" in value) if self.variables else ()


@lru_cache(maxsize=1024)
def _translated(written: str) -> tuple[str, str, bool, bool, bool, bool]:
    """An operator as written: (family, order, want, absent, every, vague)."""
    quantifier, _, rest = written.lower().rpartition(":")
    if_exists = rest.endswith("ifexists")
    operator = OPERATORS.get(rest.removesuffix("ifexists"))
    quantified = {"": None, "forallvalues": True, "foranyvalue": False}
    if operator is None or quantifier not in quantified:
        return "unknown", "=", True, False, False, False
    if operator.family == "null":
        return ("unknown" if if_exists or quantifier else "null"), "=", True, False, False, False
    every = quantified[quantifier]
    missing = operator.negated if every is None else every
    return operator.family, operator.compare, not operator.negated, missing or if_exists, missing, if_exists and every is False


_lowered = lru_cache(maxsize=4096)(str.lower)


def atom_of(condition: Condition, variables: bool = True) -> Atom:
    """Translate a condition as written. `variables`: whether the policy's version expands `${…}`."""
    written, key, values = condition
    family, order, want, absent, every, vague = _translated(written)
    if not values:
        family = "unknown"
    elif family == "null":
        wanted = {value.lower() for value in values}
        if wanted not in ({"true"}, {"false"}):
            family = "unknown"
        absent = wanted == {"true"}
        want = not absent
    expands = False
    if variables and family in _TEXT:
        for value in values:
            if "${" in value:
                expands = True
    return Atom(_lowered(key), family, order, values, want, absent, every, expands, condition, vague=vague)


def truth(atom: Atom, context: Mapping[str, Known]) -> Truth:
    """Whether the condition holds. `context`: lower-case keys; a key not in it is absent."""
    if atom.family == "unknown":
        return None
    known = context.get(atom.key)
    if known is not None and known.unknown:
        return None
    if known is None or not known.values:
        return None if atom.vague else atom.absent
    if atom.family == "null":
        return atom.want
    patterns = [expanded(value, context) if atom.variables else value for value in atom.values]
    # Patterns hold stand-ins for literal wildcards then, so the values must hold them too.
    values = [value.translate(_AS_LITERAL) for value in known.values] if atom.variables else known.values
    judged = [_one_value(atom, value, patterns, known.possible) for value in values]
    return all_of(judged) if atom.every else any_of(judged)


def _one_value(atom: Atom, value: str, patterns: list[str | Literal[False] | None], possible: str | None) -> Truth:
    # A pattern is False where a variable in it has no value: nothing matches it.
    matched = any_of(compare(atom, pattern, value) if isinstance(pattern, str) else pattern for pattern in patterns)
    if matched is False and possible is not None and atom.family in _TEXT:
        matched = None if any(pattern and _may_match(atom, pattern, possible) for pattern in patterns) else False
    return matched if atom.want else negate(matched)


def _may_match(atom: Atom, pattern: str, possible: str) -> bool:
    """Whether some text that the pattern `possible` stands for matches a value of the policy."""
    return overlap(pattern, possible) if atom.family in WILD else glob_matches(possible, pattern)


def compare(atom: Atom, pattern: str, value: str) -> Truth:
    """Whether one value of a request matches one value of the policy, by the atom's family."""
    match atom.family:
        case "equal":
            return pattern == value
        case "fold":
            return pattern.casefold() == value.casefold()
        case "like":
            return glob_matches(pattern, value)
        case "arn":
            return arn_matches(pattern, value)
        case "bool":
            wanted = pattern.lower()
            return wanted == value.lower() if wanted in ("true", "false") else None
        case "number":
            return _ordered(_number(value), _number(pattern), atom.compare)
        case "date":
            return _ordered(moment(value), moment(pattern), atom.compare)
        case "ip":
            network = network_of(pattern)
            address = _address(value)
            return None if network is None or address is None else address in network
    return None


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(text: str) -> Network | None:
    """An address or CIDR range; None if it is neither."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """An ISO 8601 time (UTC where it says nothing) or seconds since 1970; None if it is neither."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _ordered(value: Decimal | datetime | None, bound: Decimal | datetime | None, order: str) -> Truth:
    if value is None or bound is None:
        return None
    if order == "=":
        return value == bound
    if order in ("<=", ">=") and value == bound:
        return True
    less = value < bound  # type: ignore[operator]  # both come from one family
    return (less if order in ("<", "<=") else not less) and value != bound
