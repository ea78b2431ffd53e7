"""Push: statements that let a service in. Whether anything on the service's side is wired to it, nobody here reads."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from .ground import Ground, widest
from .shapes import Waker, Way
from .sources import account_in, arns_in, by_token, kind_of


def pushed(ground: Ground) -> Iterator[Waker]:
    """One row for each service, source account and statement. One query."""
    for row in ground.exposures(Q(kind="service", action_class="invoke")):
        details = row["details"]
        conditions = details.get("narrowing", []) + details.get("conditions", [])
        sources = arns_in(conditions)
        if row["account"]:  # of several sources in one statement, those of this account
            sources = tuple(one for one in sources if account_in(one) in ("", row["account"]))
        yield Waker(
            Way.PUSH,
            ground.place_of(row),
            row["policy__qualifier"],
            kind_of(sources[0] if sources else "", row["principal"]),
            sources,
            row["account"],
            ground.names.get(row["account"], ""),
            details.get("organization", ""),
            row["principal"],
            row["policy_id"],
            tuple(details.get("statements", [])),
            open=widest((row["open_service"], row["public"])),
            by_token=by_token(conditions),
            lacks=details.get("latent", ""),
        )
