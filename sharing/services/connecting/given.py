"""What people give when they connect an account, checked: sentences that say what to correct."""

import difflib
import re
from collections.abc import Iterable

from sharing.aws.session import known_regions
from sharing.models import Account, Actor, Installation
from sharing.policy.arn import Arn, ArnError
from sharing.services.errors import NotPermitted, Refusal

_ROLE = re.compile(r"role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII)


def only_admins(by: Actor) -> None:
    if not by.is_admin():
        raise NotPermitted("Only admins connect accounts.")


def partition_for(asked: str) -> str:
    known = Installation.objects.filter(pk=1).exclude(worker_arn="").first()
    ours = known.partition if known else ""
    if asked and ours and asked != ours:
        raise Refusal(
            f"This installation works in partition {ours}; nothing in {asked} can trust it.",
            next="Run an installation of its own there.",
            field="role_arn",
        )
    return asked or ours or "aws"


def regions_for(asked: Iterable[str], partition: str) -> list[str]:
    known = known_regions(partition)
    chosen = list(dict.fromkeys(region.strip().lower() for region in asked if region.strip()))
    for region in chosen:
        if region not in known:
            near = difflib.get_close_matches(region, known, n=1, cutoff=0.5)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise Refusal(
                f"“{region[:40]}” is not a region of partition {partition}.{meant}",
                next=f"Use a region such as {known[0]}." if known else "",
                field="regions",
            )
    return chosen


def role_arn_of(text: str, account: Account) -> str:
    try:
        arn = Arn.parse(text)
    except ArnError as problem:
        raise Refusal(str(problem), next=f"A role's ARN looks like {_example(account)}.", field="role_arn") from None
    if arn.partition != account.partition:
        raise Refusal(
            f"The role is in partition {arn.partition}, the account in {account.partition}.",
            next=f"A role's ARN looks like {_example(account)}.",
            field="role_arn",
        )
    if arn.service != "iam" or arn.region or not _ROLE.fullmatch(arn.resource):
        raise Refusal(
            f"“{text.strip()[:100]}” is not the ARN of an IAM role.",
            next=f"A role's ARN looks like {_example(account)}.",
            field="role_arn",
        )
    if arn.account != account.number:
        raise Refusal(
            f"This role belongs to account {arn.account}, not to {account.number}.",
            next="Give a role of the account itself.",
            field="role_arn",
        )
    return str(arn)


def _example(account: Account) -> str:
    return f"arn:{account.partition}:iam::{account.number}:role/fnshare-manager"
