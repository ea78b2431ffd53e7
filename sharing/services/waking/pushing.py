"""Push: statements that let a service in. Whether anything on the service's side is wired to it, nobody here reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q

from sharing.models import Grant, GrantState
from sharing.models.grant import LIVE
from sharing.policy.statement import parse_statement

from .ground import Ground, widest
from .shapes import Place, Waker, Way
from .sources import account_in, arns_in, by_token, kind_of


def pushed(ground: Ground) -> Iterator[Waker]:
    """One row for each service, source account and statement; and for each of our grants that vanished. Two queries."""
    found = list(_let_in(ground))
    yield from found
    held = {(one.policy, one.service, one.whose, one.sources) for one in found}
    for row in _vanished(ground):
        if (row.policy, row.service, row.whose, row.sources) not in held:
            yield row


def _let_in(ground: Ground) -> Iterator[Waker]:
    for row in ground.exposures(Q(kind="service", action_class="invoke")):
        yield of_exposure(row, ground.place_of(row), row["policy__qualifier"], ground.names.get(row["account"], ""))


def of_exposure(row: Mapping[str, Any], place: Place, qualifier: str, name: str) -> Waker:
    """What an exposure of a service lets in. `row`: its columns; `name`: its account's."""
    details = row["details"]
    conditions = details.get("narrowing", []) + details.get("conditions", [])
    sources = arns_in(conditions)
    if row["account"]:  # of several sources in one statement, those of this account
        sources = tuple(one for one in sources if account_in(one) in ("", row["account"]))
    return Waker(
        Way.PUSH,
        place,
        qualifier,
        kind_of(sources[0] if sources else "", row["principal"]),
        sources,
        row["account"],
        name,
        details.get("organization", ""),
        row["principal"],
        row["policy_id"],
        tuple(details.get("statements", [])),
        open=widest((row["open_service"], row["public"])),
        by_token=by_token(conditions),
        lacks=details.get("latent", ""),
    )


def _vanished(ground: Ground) -> Iterator[Waker]:
    """Grants to services whose statement another tool removed: the source was never told, and may still send."""
    grants = Grant.objects.filter(state=GrantState.VANISHED, principal_kind="service", action="lambda:InvokeFunction")
    grants = grants.filter(policy__vanished_at=None, policy__function__in=ground.functions)
    restored = Grant.objects.filter(undone_by__state__in=LIVE).values("pk")
    for grant in grants.exclude(pk__in=restored).select_related("policy__function"):
        of = grant.policy.function
        conditions = [condition.text for condition in parse_statement(grant.statement).conditions]
        sources = arns_in(conditions)
        whose = grant.principal_account or next((account_in(one) for one in sources), "")
        yield Waker(
            Way.PUSH,
            ground.place(of.pk, of.name, of.arn, of.region, of.account_id),
            grant.policy.qualifier,
            kind_of(sources[0] if sources else "", grant.principal),
            sources,
            whose,
            ground.names.get(whose, ""),
            service=grant.principal,
            policy=grant.policy_id,
            grant=grant.pk,
            by_token=by_token(conditions),
            lacks="the statement that let it in was removed outside fnshare",
        )
