"""Policies as a sync keeps them, for tests of what is read from rows: statements in, exposures out of the real reduction."""

import json
from typing import Any

from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Account, Function, Policy, Qualifier, QualifierKind
from sharing.services import tallying
from sharing.services.syncing import store_policy
from tests import factories

ACME, GLOBEX, INITECH = "111122223333", "222233334444", "333344445555"
ORGANIZATION = "o-k3s8w1q9zt"
GHOST = "AROA4KQ7PXEXAMPLE2Z9V"


def allow(principal: Any, action: str = "InvokeFunction", *, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    """A statement without its Resource; `principal`: digits, `*`, an organisation id, a service, a role ARN or an element."""
    found: dict[str, Any] = {"Effect": effect, "Action": f"lambda:{action}"}
    if not isinstance(principal, str):
        found["Principal"] = principal
    elif principal.startswith("o-"):
        found["Principal"] = "*"
        condition |= {"StringEquals": {"aws:PrincipalOrgID": principal}}
    elif principal.endswith(".amazonaws.com"):
        found["Principal"] = {"Service": principal}
    elif principal == "*":
        found["Principal"] = "*"
    else:
        found["Principal"] = {"AWS": f"arn:aws:iam::{principal}:root" if principal.isdigit() else principal}
    if condition:
        found["Condition"] = condition
    return found


def kept(function: Function, *statements: dict[str, Any], qualifier: str = "") -> Policy:
    """The function's (or alias's, or version's) policy, read just now."""
    policy, _ = Policy.objects.get_or_create(function=function, qualifier=qualifier)
    policy.function = function
    if qualifier:
        kind = QualifierKind.VERSION if qualifier.isdigit() else QualifierKind.ALIAS
        Qualifier.objects.get_or_create(function=function, name=qualifier, defaults={"kind": kind, "points_to": "1"})
    written = [{"Sid": f"s{place}", **one, "Resource": policy.arn} for place, one in enumerate(statements)]
    document = json.dumps({"Version": "2012-10-17", "Statement": written})
    store_policy(policy, StoredPolicy(document, "a-revision") if statements else None, read_at=timezone.now())
    return policy


def owner(name: str = "Platform") -> Account:
    """An account whose functions are read."""
    return factories.connection(factories.account(name)).account


def counted() -> int:
    """What a worker does within a minute."""
    return tallying.count_due()
