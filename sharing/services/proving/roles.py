"""What the invited person runs to make the role: only the functions they were offered are named, nobody else's account."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sharing.models import Account, Connection, Invitation, Proving, Purpose
from sharing.services import connecting


@dataclass(frozen=True)
class Recipes:
    """Three ways to make the same role, and how to delete it again. condition: what its trust policy must ask for."""

    role_name: str
    commands: str
    cloudformation: str
    terraform: str
    deletion: str
    condition: str


def recipes(proving: Proving, invitation: Invitation) -> Recipes:
    """For this person's ExternalId and role. No row is made: the connection begins when they accept."""
    account = Account(number=proving.number, partition=proving.partition, name=proving.number)
    connection = Connection(account=account, purpose=Purpose.CHECKER, external_id=proving.external_id)
    owners = list(Account.objects.filter(functions__policies__in=invitation.items.values("policy")).distinct())
    name = proving.role_arn.rpartition("/")[2]
    deletion = (
        f"aws iam delete-role-policy --role-name {name} --policy-name fnshare-check\naws iam delete-role --role-name {name}\n"
    )
    return Recipes(
        role_name=name,
        commands=connecting.role_commands(connection, share=False, name=name, owners=owners),
        cloudformation=connecting.cloudformation(connection, share=False, name=name, owners=owners),
        terraform=connecting.terraform(connection, name=name, owners=owners),
        deletion=deletion,
        condition=json.dumps({"StringEquals": {"sts:ExternalId": proving.external_id}}),
    )
