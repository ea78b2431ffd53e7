"""Function URLs with the two statements each needs, and statements that wait for a URL that is not there."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db.models import Q

from sharing.models import Exposure, Policy, Reading

from .ground import Ground, widest
from .shapes import Named, Place, Waker, Way, callers_of

# How sharing.policy.verdicts begins what a URL statement may lack.
HALF = "the other half of the pair"
NO_URL = "the function has no URL"
OTHER_TYPE = "the function's URL is of type"
_MARKS = ("lambda:functionurlauthtype", "lambda:invokedviafunctionurl")

Rows = list[dict[str, Any]]


def addressed(ground: Ground) -> Iterator[Waker]:
    """A row for each URL, and for each principal whom a statement lets in by a URL that is not there. Six queries."""
    about = Exposure.objects.filter(action_class="invoke-url").values("policy")
    by_url = Q(action_class="invoke-url") | Q(action_class="invoke") & (Q(latent=True) | Q(policy__in=about))
    by_policy: dict[uuid.UUID, Rows] = defaultdict(list)
    for row in ground.exposures(by_url & ~Q(kind="service")):
        by_policy[row["policy_id"]].append(row)
    having = ground.functions.filter(urls__isnull=False).exclude(urls={})
    urls = {
        (pk, qualifier): (ground.place(pk, name, arn, region, owner), auth)
        for pk, name, arn, region, owner, configs in having.values_list("pk", "name", "arn", "region", "account_id", "urls")
        for qualifier, auth in (configs or {}).items()
    }
    known = Policy.objects.filter(vanished_at=None, function__in=having)
    policies = {(of, name): pk for of, name, pk in known.values_list("function_id", "qualifier", "pk")}
    unread = set(known.filter(Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)).values_list("pk", flat=True))
    for (pk, qualifier), (place, auth) in urls.items():
        policy = policies.get((pk, qualifier))
        rows = by_policy.get(policy, []) if policy else []
        yield _url(ground, place, qualifier, str(auth), policy, rows, unread=policy is None or policy in unread)
    used = _used(ground)
    read = set(ground.functions.filter(urls__isnull=False).values_list("pk", flat=True)) if by_policy else set()
    for policy, rows in by_policy.items():
        yield from _waiting(ground, policy, rows, used.get(policy, set()))
        if rows[0]["policy__function_id"] not in read:
            marked = [row for row in rows if not row["latent"] and _is_marked(row)]
            if marked:
                yield _url(ground, ground.place_of(marked[0]), marked[0]["policy__qualifier"], "", policy, marked)


def _url(
    ground: Ground,
    place: Place,
    qualifier: str,
    auth: str,
    policy: uuid.UUID | None,
    rows: Rows,
    *,
    unread: bool = False,
) -> Waker:
    """One URL. `auth` "": URLs were not read, and statements speak of one. `unread`: its policy is not known as it is now."""
    live = [row for row in rows if not row["latent"] and row["action_class"] == "invoke-url"]
    halves = [row for row in rows if _lacks(row).startswith(HALF)]
    let_in = {(row["kind"], row["principal"]) for row in live}
    pairs = [row for row in rows if not row["latent"] and (row["kind"], row["principal"]) in let_in]
    named = _named(live)
    lacks = ""
    if halves and not live:
        missing = _lacks(halves[0]).removeprefix(f"{HALF}: ")
        lacks = f"only half of the pair of statements is there: {missing} is missing"
    elif auth == "NONE" and not live and not unread:
        lacks = "no statement lets anybody call it, so it answers 403 to everyone"
    return Waker(
        Way.URL,
        place,
        qualifier,
        "url",
        policy=policy,
        statements=_statements([*pairs, *halves]),
        auth=auth,
        callers=callers_of(named, ground.names),
        named=named,
        open=widest(str(row["public"]) for row in live),
        lacks=lacks,
        unread=unread,
    )


def _waiting(ground: Ground, policy: uuid.UUID, rows: Rows, used: Collection[int]) -> Iterator[Waker]:
    """Statements for a URL that is not there, or of another type, by whom they name; not those that let in otherwise."""
    named: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in rows:
        if _lacks(row).startswith((NO_URL, OTHER_TYPE)) and not set(row["details"].get("statements", [])) & set(used):
            named[row["kind"], row["principal"]].append(row)
    for waiting in named.values():
        yield Waker(
            Way.URL,
            ground.place_of(waiting[0]),
            waiting[0]["policy__qualifier"],
            "url",
            whose=waiting[0]["account"],
            whose_name=ground.names.get(waiting[0]["account"], ""),
            policy=policy,
            statements=_statements(waiting),
            callers=callers_of(_named(waiting[:1]), ground.names),
            named=_named(waiting[:1]),
            lacks=_lacks(waiting[0]),
        )


def _used(ground: Ground) -> dict[uuid.UUID, set[int]]:
    """Of policies with a way in by URL that cannot be used: the statements that let somebody in all the same."""
    latent = Exposure.objects.filter(action_class="invoke-url", latent=True).values("policy")
    found: dict[uuid.UUID, set[int]] = defaultdict(set)
    for row in ground.exposures(Q(latent=False, policy__in=latent)):
        found[row["policy_id"]].update(row["details"].get("statements", []))
    return found


def _named(rows: Rows) -> tuple[Named, ...]:
    return tuple(dict.fromkeys((str(row["kind"]), str(row["principal"]), str(row["account"])) for row in rows))


def _lacks(row: Mapping[str, Any]) -> str:
    return str(row["details"].get("latent", ""))


def _is_marked(row: Mapping[str, Any]) -> bool:
    """Whether the statement says itself that it is about a URL."""
    conditions = row["details"].get("narrowing", []) + row["details"].get("conditions", [])
    return any(mark in text.lower() for text in conditions for mark in _MARKS)


def _statements(rows: Rows) -> tuple[int, ...]:
    return tuple(sorted({place for row in rows for place in row["details"].get("statements", [])}))
