"""Wishes AWS cannot fulfil: said before anything is written, with what can be done instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..arn import Arn, shorten
from .shapes import Refusal
from .sources import Crossing, Style

if TYPE_CHECKING:
    from .planner import Wish


def why_not(wish: Wish) -> Refusal | None:
    """Why this source cannot drive this function; None if it can, or if nobody knows that it cannot."""
    for look in (_qualifier, _bucket, _table, _accounts, _regions, _keys, _options):
        if refusal := look(wish):
            return refusal
    return None


def unknown(arn: Arn) -> Refusal:
    """An ARN of something that drives no function."""
    ways: tuple[str, ...] = ()
    if arn.service == "lambda":
        return Refusal(
            "function-as-source",
            "That is a function, not an event source.",
            ("Share this function with the role of the other one: it then calls Invoke.",),
        )
    if arn.service == "firehose":
        ways = ("Firehose transforms records with a function of its own account only; a Kinesis stream can drive yours.",)
    return Refusal(
        "unknown-source",
        f"“{shorten(str(arn))}” is nothing that Lambda takes events from.",
        (*ways, "Give the ARN of a bucket, topic, rule, alarm, queue or stream."),
    )


def _qualifier(wish: Wish) -> Refusal | None:
    if (wish.function.qualifier or "").startswith("$LATEST"):
        return Refusal(
            "latest",
            "AWS keeps no policy for $LATEST, so no source can be let in there.",
            ("Wire the function without a qualifier, which runs the $LATEST code, or an alias.",),
            field="function",
        )
    return None


def _bucket(wish: Wish) -> Refusal | None:
    if wish.kind.key == "s3" and not wish.account:
        return Refusal(
            "account-needed",
            "A bucket's ARN does not say whose it is, and a deleted bucket can be made again by a stranger.",
            ("Give the account that owns the bucket.",),
            field="source_account",
        )
    return None


def _table(wish: Wish) -> Refusal | None:
    if wish.kind.key == "dynamodb" and "/stream/" not in wish.source:
        return Refusal(
            "stream-needed",
            "That is the table; Lambda reads its stream.",
            ("Switch the table's stream on, and give the stream's ARN (it ends in /stream/ and a time).",),
        )
    return None


def _accounts(wish: Wish) -> Refusal | None:
    kind = wish.kind
    if not wish.crosses_accounts or kind.accounts is not Crossing.NO:
        return None
    why = {
        "logs": "A subscription filter's function must be in the filter's own account.",
        "alb": "A load balancer's target must be in its own account.",
    }.get(kind.key, "AWS documents no way for it across accounts.")
    return Refusal(
        "other-account",
        f"A {kind.label} of account {wish.account} cannot drive a function of account {wish.function.account}. {why}",
        kind.way_round,
    )


def _regions(wish: Wish) -> Refusal | None:
    kind, function = wish.kind, wish.function
    if not wish.region or wish.region == function.region:
        return None
    if kind.key == "sns":
        return _topic(wish)
    if kind.regions is Crossing.NO:
        return Refusal(
            "other-region",
            f"The {kind.label} is in {wish.region}, the function in {function.region}; both must be in one region.",
            kind.way_round,
        )
    return None


#: Regions that an account has to switch on (aws-facts names none: AWS's list of 2026, to be looked at when one is added).
OPT_IN = frozenset(
    {
        "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4",
        "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1",
        "eu-south-2", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
    }
)  # fmt: skip


def _topic(wish: Wish) -> Refusal | None:
    """SNS crosses regions, but into no region that has to be switched on (aws-facts 3)."""
    if wish.function.region not in OPT_IN:
        return None
    what = "one that has to be switched on" if wish.region in OPT_IN else "a default region"
    return Refusal(
        "other-region",
        f"SNS delivers from {wish.region} ({what}) to no function in {wish.function.region}, which has to be switched on.",
        ("A topic in the function's own region, subscribed to by a queue or function that forwards.", *wish.kind.way_round),
    )


def _keys(wish: Wish) -> Refusal | None:
    if wish.kind.key == "dynamodb" and wish.crosses_accounts and wish.kms == "aws-managed":
        return Refusal(
            "aws-managed-key",
            "The table is encrypted with an AWS-managed KMS key: no other account can read its stream.",
            ("Encrypt the table with a customer-managed key that lets the execution role in.", *wish.kind.way_round),
            field="kms",
        )
    return None


def _options(wish: Wish) -> Refusal | None:
    if wish.kind.style is not Style.PULL or not wish.kind.wires:
        return None
    problems = wish.options.problems(wish.kind.key, fifo=wish.source.endswith(".fifo"))
    if not problems:
        return None
    first = problems[0]
    return Refusal("options", first.message, (first.next,), field=first.field)
