"""What a policy's push rows come to, kept beside it: how many of which kind with which problems.

Everything a push row says but its source's name follows from the policy's exposures alone (`pushing.of_exposure`), and so
does what is wrong with it (`judging`), as long as no wiring and no vanished share is about its function. So it is summed
where exposures are kept, by the code that makes the rows; `survey` counts and finds pages by the sums.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from sharing.models import Exposure, Policy

from .judging import judged
from .pushing import of_exposure
from .shapes import Place, Problem, Waker

#: Kind, problems, how many rows are so.
Sum = tuple[str, tuple[Problem, ...], int]
_COLUMNS = ("kind", "principal", "account", "action_class", "open_service", "public", "latent", "details", "policy_id")
_AT_ONCE = 500


def summed(policy: Policy, exposures: Iterable[Exposure]) -> tuple[str, int]:
    """The sums as text that `sums` reads, and how many rows there are in all. No query."""
    of = policy.function
    place = Place(of.pk, of.name, of.arn, of.region, "", of.account.number)
    rows = [
        of_exposure({name: getattr(one, name) for name in _COLUMNS}, place, policy.qualifier, "")
        for one in exposures
        if one.kind == "service" and one.action_class == "invoke"
    ]
    counts = Counter((row.kind, problems(row)) for row in judged(rows))
    return json.dumps(sorted([*key, many] for key, many in counts.items()), separators=(",", ":")), len(rows)


@lru_cache(maxsize=20_000)
def sums(text: str) -> tuple[Sum, ...]:
    """What `summed` wrote; thousands of policies share a few hundred texts."""
    return tuple((kind, tuple(Problem(one) for one in found), many) for kind, found, many in json.loads(text))


def problems(row: Waker) -> tuple[Problem, ...]:
    """Which problems a row has, each once, in the order of Problem."""
    found = {trouble.problem for trouble in row.troubles}
    return tuple(one for one in Problem if one in found)


def sum_due() -> int:
    """Sum some policies that were kept before sums were; how many. Safe to run twice: exposures decide."""
    due = list(Policy.objects.filter(wakes=None, current__isnull=False).select_related("function__account")[:_AT_ONCE])
    for policy in due:
        text, many = summed(policy, Exposure.objects.filter(policy=policy).order_by("pk"))
        Policy.objects.filter(pk=policy.pk, wakes=None, current=policy.current_id).update(wakes=text, wakes_rows=many)
    return len(due)
