"""The elements of a statement, read without ever failing: what is malformed is kept, and named among the problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .elements import Condition, Doubled
from .principal import Principal, PrincipalKind

_PRINCIPAL_KEYS: Final = {"aws": "AWS", "service": "Service", "federated": "Federated", "canonicaluser": "CanonicalUser"}


#: (element, sentence) for everything in a statement that cannot be judged.
Problems = list[tuple[str, str]]


def _element(name: str) -> str:
    return name.removeprefix("Not")


def texts_of(value: Any, name: str, problems: Problems) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        found = tuple(item for item in value if isinstance(item, str))
        if len(found) != len(value):
            problems.append((_element(name), f"{name} holds something that is not text"))
        elif not found:
            problems.append((_element(name), f"{name} is an empty list"))
        return found
    problems.append((_element(name), f"{name} is neither text nor a list"))
    return ()


def either_of(raw: Mapping[str, Any], name: str, problems: Problems) -> tuple[tuple[str, ...], tuple[str, ...]]:
    positive = negative = ()  # type: tuple[str, ...]
    has, has_not = name in raw, f"Not{name}" in raw
    if has:
        positive = texts_of(raw[name], name, problems)
    if has_not:
        negative = texts_of(raw[f"Not{name}"], f"Not{name}", problems)
    if has == has_not:
        problems.append((name, f"it needs either {name} or Not{name}"))
    return positive, negative


def partition_of(resources: tuple[str, ...]) -> str:
    for resource in resources:
        parts = resource.split(":", 2)
        if len(parts) == 3 and parts[0] == "arn" and "*" not in parts[1]:
            return parts[1]
    return ""


def principals_of(raw: Mapping[str, Any], name: str, partition: str, problems: Problems) -> tuple[Principal, ...]:
    if name not in raw:
        return ()
    value = raw[name]
    if isinstance(value, str):
        return (Principal.from_stored(value, key="", partition=partition),)
    if not isinstance(value, Mapping):
        problems.append(("Principal", f"{name} is neither * nor a JSON object"))
        return ()
    if isinstance(value, Doubled):
        problems.append(("Principal", f"{name} names a key twice"))
    if not value:
        problems.append(("Principal", f"{name} names nobody"))
    found: list[Principal] = []
    for key, values in value.items():
        known = _PRINCIPAL_KEYS.get(str(key).lower())
        if known is None:
            problems.append(("Principal", f"{name} has the unknown key {key}"))
        found.extend(
            Principal.from_stored(text, key=known or str(key), partition=partition) for text in texts_of(values, name, problems)
        )
    for principal in found:
        if principal.kind is PrincipalKind.UNKNOWN:
            problems.append(("Sid", f"{name} holds {principal.value or 'an empty text'}, which names nobody AWS knows"))
    return tuple(found)


def conditions_of(value: Any, problems: Problems) -> tuple[Condition, ...]:
    if not isinstance(value, Mapping):
        problems.append(("Condition", "Condition is not a JSON object"))
        return ()
    found: list[Condition] = []
    doubled = isinstance(value, Doubled)
    for operator, keys in value.items():
        if not isinstance(keys, Mapping):
            problems.append(("Condition", f"Condition {operator} is not a JSON object"))
            continue
        doubled = doubled or isinstance(keys, Doubled)
        for key, values in keys.items():
            texts = _condition_values(values)
            if texts is None:
                problems.append(("Condition", f"Condition {operator} {key} has values that are not text"))
                continue
            found.append(Condition(str(operator), str(key), texts))
    if doubled:
        problems.append(("Condition", "Condition names an operator or key twice"))
    return tuple(found)


def _condition_values(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, int | float):
        return (str(value),)
    if isinstance(value, list | tuple):
        texts: list[str] = []
        for item in value:
            one = None if isinstance(item, list | tuple) else _condition_values(item)
            if one is None:
                return None
            texts.extend(one)
        return tuple(texts)
    return None
