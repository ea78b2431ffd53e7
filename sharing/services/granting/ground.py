"""What plans are judged on, read once for however many: names, live grants, ways in, sibling policies, documents."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sharing.models import Account, Actor, Connection, Grant, Policy, Purpose
from sharing.policy import Document
from sharing.services.errors import Refusal
from sharing.services.naming import account_names

from . import rights
from .pausing import paused_in
from .revoking import why_no_way_in
from .statements import document_of


@dataclass(frozen=True)
class Ground:
    """Of some policies. `live`: grants that are not over, by policy. `ways`: by account, why no worker could write there.

    `paused`: by consumer's digits and owner's account, why nothing is shared with it there now.
    """

    names: Mapping[str, str]
    live: Mapping[uuid.UUID, list[Grant]]
    ways: Mapping[uuid.UUID, Refusal | None]
    paused: Mapping[tuple[str, uuid.UUID], str]
    _siblings: Mapping[uuid.UUID, list[Policy]]
    _documents: dict[uuid.UUID, Document] = field(default_factory=dict)

    def document(self, policy: Policy) -> Document:
        """The policy as last read, parsed once."""
        if policy.pk not in self._documents:
            self._documents[policy.pk] = document_of(policy)
        return self._documents[policy.pk]

    def siblings(self, policy: Policy) -> list[Policy]:
        """The policies of the function's other forms that AWS still lists."""
        return [one for one in self._siblings.get(policy.function_id, ()) if one.pk != policy.pk]


def ground_of(policies: Collection[Policy], *, by: Actor) -> Ground:
    """Read it for these policies, the function and account loaded. Raises NotFound and NotPermitted for any of them.

    The number of queries does not grow with the policies, but for the rights of a person whose scope is listed.
    """
    accounts: dict[uuid.UUID, Account] = {one.function.account_id: one.function.account for one in policies}
    for pk in accounts:
        rights.require_change_in(pk, by=by, what="That function")
    functions = {one.function_id: one.function for one in policies}
    live: dict[uuid.UUID, list[Grant]] = defaultdict(list)
    for grant in Grant.objects.live().filter(policy__in=[one.pk for one in policies]):
        live[grant.policy_id].append(grant)
    managers = Connection.objects.standing().filter(account__in=accounts, purpose=Purpose.MANAGER)
    by_account = {one.account_id: one for one in managers}
    siblings: dict[uuid.UUID, list[Policy]] = defaultdict(list)
    for sibling in Policy.objects.filter(function__in=functions, vanished_at=None).select_related("current"):
        sibling.function = functions[sibling.function_id]
        siblings[sibling.function_id].append(sibling)
    return Ground(
        names=account_names(),
        live=live,
        paused=paused_in(accounts),
        ways={pk: why_no_way_in(account, by_account.get(pk)) for pk, account in accounts.items()},
        _siblings=siblings,
    )
