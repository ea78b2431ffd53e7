"""From what people write about functions to policies: many at once, in a number of queries that does not grow with them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sharing.models import Actor, Function, Policy
from sharing.policy import ArnError, FunctionArn
from sharing.services.granting import Problem

T = TypeVar("T")

_CHUNK = 400
#: How it begins that a name is that of several functions; no function's name has a space.
SEVERAL = re.compile(r"\d+ functions in your scope are called ")


@dataclass(frozen=True)
class _Named:
    """A function by ARN or by name, and the alias or version that is meant ("" for the function itself)."""

    arn: str
    name: str
    qualifier: str


def policies_of(texts: Iterable[str], *, by: Actor) -> dict[str, Policy | Problem]:
    """For each text the policy that it names in the actor's scope, function and account loaded, or what is wrong with it.

    A text is a full ARN or a name, either with `:alias` or `:version`. What is out of scope is not known: the same words.
    """
    found: dict[str, Policy | Problem] = {}
    named: dict[str, _Named] = {}
    for text in dict.fromkeys(texts):
        read = _read(text)
        if isinstance(read, _Named):
            named[text] = read
        else:
            found[text] = read
    functions = _functions(named.values(), by)
    meant: dict[str, Function] = {}
    for text, one in named.items():
        fitting = functions.get(one.arn or one.name, [])
        if len(fitting) == 1:
            meant[text] = fitting[0]
        elif fitting:
            found[text] = Problem(
                f"{len(fitting)} functions in your scope are called {one.name[:80]}.",
                f"Write the ARN, such as {fitting[0].arn}.",
                code="ambiguous",
            )
        else:
            found[text] = Problem(
                f"No function in your scope is called {(one.arn or one.name)[:200]}.",
                "Check the spelling. A new function is known after the next sync.",
                code="not-found",
            )
    policies = _policies(set(meant.values()), {one.qualifier for one in named.values()})
    for text, function in meant.items():
        qualifier = named[text].qualifier
        policy = policies.get((function.pk, qualifier))
        found[text] = policy or Problem(
            f"{function.name} has no alias or version {qualifier[:80]} that was read.",
            "Check its name on the function's page, or read the function again there.",
            code="not-found",
        )
    return found


def _read(text: str) -> _Named | Problem:
    if not text:
        return Problem("No function is named.", "Write its name or ARN.", code="not-found")
    if text.startswith("arn:"):
        try:
            arn = FunctionArn.parse(text)
        except ArnError as problem:
            return Problem(str(problem), code="not-found")
        return _Named(str(arn.unqualified), arn.name, arn.qualifier or "")
    name, _, qualifier = text.partition(":")
    return _Named("", name, qualifier)


def _functions(named: Iterable[_Named], by: Actor) -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = defaultdict(list)
    visible = Function.objects.visible_to(by).present().select_related("account")
    wanted = list(named)
    for arns in _chunks({one.arn for one in wanted if one.arn}):
        for function in visible.filter(arn__in=arns):
            found[function.arn].append(function)
    for names in _chunks({one.name for one in wanted if not one.arn}):
        for function in visible.filter(name__in=names):
            found[function.name].append(function)
    return found


def _policies(functions: set[Function], qualifiers: set[str]) -> dict[tuple[object, str], Policy]:
    """Without their documents, which are many bytes: they are read where plans are made."""
    by_key = {one.pk: one for one in functions}
    found: dict[tuple[object, str], Policy] = {}
    for keys in _chunks(by_key):
        for policy in Policy.objects.filter(function__in=keys, vanished_at=None):
            if policy.qualifier not in qualifiers:
                continue
            policy.function = by_key[policy.function_id]
            found[policy.function_id, policy.qualifier] = policy
    return found


def _chunks(things: Iterable[T]) -> Iterator[list[T]]:
    listed = list(things)
    for start in range(0, len(listed), _CHUNK):
        yield listed[start : start + _CHUNK]
