"""Condition blocks of IAM policies, evaluated as the IAM user guide describes.

All operators and all keys must hold; the values of one key are alternatives (for negated operators: none may match).
Key names are case-insensitive. A key that the request lacks fails a positive operator and satisfies a negated one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

Context = Mapping[str, list[str]]
"""What is known about a request: lower-case condition key -> its values."""


#: What `${*}`, `${?}` and wildcards inside a filled-in variable become: characters that stand for themselves.
_LITERAL = {"*": "\uf8f0", "?": "\uf8f1"}
_WRITTEN = {mark: char for char, mark in _LITERAL.items()}


@lru_cache(maxsize=4096)
def glob(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """`*` and `?` wildcards as a compiled pattern for the whole text."""
    text = "".join(".*" if c == "*" else "." if c == "?" else re.escape(_WRITTEN.get(c, c)) for c in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """True when the whole of `text` fits the wildcard pattern."""
    return glob(pattern, ignore_case).fullmatch(text) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """ArnLike: each of the six parts is matched by itself, so that `*` in one never reaches into the next."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) == 6 and all(matches(w, f) for w, f in zip(wanted, found, strict=True))


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compare(wanted: str, found: str) -> bool:
        try:
            return test(float(found), float(wanted))
        except ValueError:
            return False

    return compare


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def _date(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compare(wanted: str, found: str) -> bool:
        try:
            return test(_moment(found), _moment(wanted))
        except ValueError:
            return False

    return compare


def _in_network(wanted: str, found: str) -> bool:
    try:
        return ip_address(found) in ip_network(wanted, strict=False)
    except ValueError:
        return False


#: operator in lower case -> (negated, test of one policy value against one request value)
OPERATORS: dict[str, tuple[bool, Callable[[str, str], bool]]] = {
    "stringequals": (False, lambda w, f: w == f),
    "stringnotequals": (True, lambda w, f: w == f),
    "stringequalsignorecase": (False, lambda w, f: w.lower() == f.lower()),
    "stringnotequalsignorecase": (True, lambda w, f: w.lower() == f.lower()),
    "stringlike": (False, matches),
    "stringnotlike": (True, matches),
    "arnequals": (False, arn_matches),
    "arnlike": (False, arn_matches),
    "arnnotequals": (True, arn_matches),
    "arnnotlike": (True, arn_matches),
    "bool": (False, lambda w, f: w.lower() == f.lower()),
    "binaryequals": (False, lambda w, f: w == f),
    "ipaddress": (False, _in_network),
    "notipaddress": (True, _in_network),
    "numericequals": (False, _number(lambda f, w: f == w)),
    "numericnotequals": (True, _number(lambda f, w: f == w)),
    "numericlessthan": (False, _number(lambda f, w: f < w)),
    "numericlessthanequals": (False, _number(lambda f, w: f <= w)),
    "numericgreaterthan": (False, _number(lambda f, w: f > w)),
    "numericgreaterthanequals": (False, _number(lambda f, w: f >= w)),
    "dateequals": (False, _date(lambda f, w: f == w)),
    "datenotequals": (True, _date(lambda f, w: f == w)),
    "datelessthan": (False, _date(lambda f, w: f < w)),
    "datelessthanequals": (False, _date(lambda f, w: f <= w)),
    "dategreaterthan": (False, _date(lambda f, w: f > w)),
    "dategreaterthanequals": (False, _date(lambda f, w: f >= w)),
}


def as_list(value: Any) -> list[Any]:
    """A policy value that may be one thing or a list of them. None is no value."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def text_of(value: Any) -> str:
    """A condition value as text: JSON booleans read `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_operator(operator: str) -> tuple[str, str, bool]:
    """(set prefix, bare operator, IfExists) of an operator name, all in lower case."""
    name = operator.lower()
    prefix = ""
    for candidate in ("forallvalues:", "foranyvalue:"):
        if name.startswith(candidate):
            prefix, name = candidate[:-1], name[len(candidate) :]
    if name.endswith("ifexists"):
        return prefix, name[: -len("ifexists")], True
    return prefix, name, False


def known_operator(operator: str) -> bool:
    _, name, if_exists = split_operator(operator)
    return name in OPERATORS or (name == "null" and not if_exists)


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def expanded(text: str, context: Context, *, wild: bool) -> str | None:
    """Policy variables filled in from the request; None when one of them is unknown, so that nothing matches.

    wild: the text is a wildcard pattern, in which what is filled in stands for itself.
    """
    unknown = False

    def fill(found: re.Match[str]) -> str:
        nonlocal unknown
        name, _, default = found.group(1).partition(",")
        values = context.get(name.strip().lower(), [])
        if found.group(1) in ("*", "?", "$"):
            value = name
        elif len(values) == 1:
            value = values[0]
        elif default:
            value = default.strip().strip("'")
        else:
            unknown = True
            return ""
        return "".join(_LITERAL.get(char, char) for char in value) if wild else value

    filled = _VARIABLE.sub(fill, text)
    return None if unknown else filled


def _one_holds(operator: str, key: str, wanted: list[Any], context: Context, *, variables: bool) -> bool:
    prefix, name, if_exists = split_operator(operator)
    found = context.get(key.lower())
    texts = [text_of(w) for w in wanted]
    if name == "null":
        return any((found is None) == (text.lower() == "true") for text in texts)
    if name not in OPERATORS:
        return False
    negated, test = OPERATORS[name]
    if not found:
        if prefix == "forallvalues":
            return True
        if prefix == "foranyvalue":
            return False
        return if_exists or negated
    if variables:
        wild = name.startswith("arn") or name.endswith("like")
        texts = [filled for text in texts if (filled := expanded(text, context, wild=wild)) is not None]

    def fits(value: str) -> bool:
        hit = any(test(text, value) for text in texts)
        return not hit if negated else hit

    if prefix == "forallvalues":
        return all(fits(value) for value in found)
    if prefix == "foranyvalue":
        return any(fits(value) for value in found)
    return all(fits(value) for value in found) if negated else any(fits(value) for value in found)


def hold(block: Any, context: Context, *, variables: bool = True) -> bool:
    """True when every condition of the block holds. variables: expand `${...}` (policy version 2012-10-17 only)."""
    if not block:
        return True
    return all(
        _one_holds(operator, key, as_list(wanted), context, variables=variables)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )
