"""Keeping functions, aliases and versions as listed. Writes only what is new, changed or gone."""

import random
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from sharing.aws.functions import ListedAlias, ListedFunction
from sharing.aws.mapped import ListedMapping
from sharing.models import Account, Actor, Function, Mapping, Policy, Qualifier, QualifierKind
from sharing.policy.arn import ArnError, FunctionArn, is_account_id
from sharing.services import history, tallying, waking

from .drift import vanish_all

#: The first slow pass over an account is spread over this long; afterwards each function comes round as often.
DETAILS_EVERY = timedelta(days=7)
_SOON = timedelta(hours=1)


def keep_listed(
    account: Account, region: str, listed: Iterable[ListedFunction], *, at: datetime, first: bool
) -> tuple[list[str], int]:
    """Keep one page of ListFunctions: the ARNs it names, and how many known ones changed or came back.

    Entries whose ARN is not of this account and region are left out: they are no answer to what was asked. first: the
    place was never read before, so details are spread over a week; later a new function's come within the hour.
    """
    wanted = {one.arn: one for one in listed if _belongs(one, account, region)}
    known = {function.arn: function for function in Function.objects.filter(arn__in=wanted)}
    new = [
        Function(
            account=account,
            region=region,
            name=one.name,
            arn=arn,
            first_seen_at=at,
            details_due_at=at + _spread(DETAILS_EVERY if first else _SOON),
            **_facts(one),
        )
        for arn, one in wanted.items()
        if arn not in known
    ]
    changed = [(known[arn], one) for arn, one in wanted.items() if arn in known and _differs(known[arn], one)]
    if new or changed:
        with transaction.atomic():
            Function.objects.bulk_create(new)
            Policy.objects.bulk_create([Policy(function=function) for function in new])
            tallying.note(account.pk)
            for function, one in changed:
                _update(function, one, at)
    return list(wanted), len(changed)


def _belongs(one: ListedFunction, account: Account, region: str) -> bool:
    try:
        arn = FunctionArn.parse(one.arn)
    except ArnError:
        return False
    return (arn.account, arn.region, arn.name, arn.qualifier) == (account.number, region, one.name, None)


def _facts(one: ListedFunction) -> dict[str, str]:
    return {
        "description": one.description[:300],
        "runtime": one.runtime[:40],
        "last_modified": one.last_modified[:40],
        "execution_role": one.role if len(one.role) <= 300 else "",
    }


def _differs(function: Function, one: ListedFunction) -> bool:
    return function.vanished_at is not None or any(getattr(function, name) != value for name, value in _facts(one).items())


def _update(function: Function, one: ListedFunction, at: datetime) -> None:
    changes: dict[str, Any] = _facts(one)
    if function.vanished_at is not None:
        changes["vanished_at"] = None
        waking.note(function.pk)
        Policy.objects.filter(function=function, qualifier="").update(vanished_at=None)
        history.record("function.returned", f"{function.name} is there again", by=Actor.system(), function=function)
    if function.last_modified != one.last_modified[:40]:
        # A changed function often has a new version too, with a policy of its own.
        soon = at + _spread(_SOON)
        changes["details_due_at"] = min(function.details_due_at or soon, soon)
    Function.objects.filter(pk=function.pk).update(**changes)


def vanish_functions(account: Account, region: str, seen: Collection[str], at: datetime) -> int:
    """Functions that a complete listing did not name are gone, with their aliases, versions and policies. How many."""
    present = Function.objects.filter(account=account, region=region, vanished_at=None).values_list("pk", "arn")
    gone = [pk for pk, arn in present.iterator(chunk_size=2000) if arn not in seen]
    for pk in gone:
        vanish_function(pk, at)
    return len(gone)


def vanish_function(pk: Any, at: datetime) -> None:
    """One function is gone from AWS: deleted there, its policies with it."""
    with transaction.atomic():
        function = Function.objects.select_related("account").get(pk=pk)
        # Before the function, as wherever a policy is kept and its function with it.
        list(Policy.objects.select_for_update(no_key=True).filter(function=pk).order_by("pk").values_list("pk"))
        if not Function.objects.filter(pk=pk, vanished_at=None).update(vanished_at=at):
            return
        tallying.note(function.account_id)
        waking.note(function.pk)
        function.qualifiers.filter(vanished_at=None).update(vanished_at=at)
        function.mappings.filter(vanished_at=None).update(vanished_at=at)
        function.policies.filter(vanished_at=None).update(vanished_at=at, unread_since=None, unread_reason="")
        lost = vanish_all(function, f"The function {function.name} was deleted in AWS.", at)
        shares = f", {lost} of our shares with it" if lost else ""
        history.record(
            "function.vanished",
            f"{function.name} is gone from AWS{shares}",
            by=Actor.system(),
            function=function,
            detail={"grants": lost},
        )


def keep_aliases(function: Function, aliases: Collection[ListedAlias], at: datetime) -> int:
    """Keep the aliases of a function; those not listed are gone with their policies. How many changes."""
    return _keep_qualifiers(function, QualifierKind.ALIAS, {alias.name: alias.version for alias in aliases}, at)


def keep_versions(function: Function, versions: Collection[str], at: datetime) -> int:
    """Keep the published versions of a function, likewise."""
    return _keep_qualifiers(function, QualifierKind.VERSION, dict.fromkeys(versions, ""), at)


def _keep_qualifiers(function: Function, kind: QualifierKind, listed: dict[str, str], at: datetime) -> int:
    known = {one.name: one for one in function.qualifiers.all() if one.kind == kind}
    new = [name for name in listed if name not in known]
    moved = [
        known[name]
        for name, target in listed.items()
        if name in known and (known[name].vanished_at is not None or known[name].points_to != target)
    ]
    gone = [name for name, one in known.items() if name not in listed and one.vanished_at is None]
    if not (new or moved or gone):
        return 0
    with transaction.atomic():
        tallying.note(function.account_id)
        waking.note(function.pk)
        Qualifier.objects.bulk_create(
            [Qualifier(function=function, kind=kind, name=name, points_to=listed[name], first_seen_at=at) for name in new],
            ignore_conflicts=True,
        )
        Policy.objects.bulk_create([Policy(function=function, qualifier=name) for name in new], ignore_conflicts=True)
        for one in moved:
            Qualifier.objects.filter(pk=one.pk).update(points_to=listed[one.name], vanished_at=None)
            Policy.objects.filter(function=function, qualifier=one.name).update(vanished_at=None)
        if gone:
            _qualifiers_gone(function, kind, gone, at)
    return len(new) + len(moved) + len(gone)


def _qualifiers_gone(function: Function, kind: QualifierKind, names: list[str], at: datetime) -> None:
    Qualifier.objects.filter(function=function, kind=kind, name__in=names).update(vanished_at=at)
    Policy.objects.filter(function=function, qualifier__in=names, vanished_at=None).update(
        vanished_at=at, unread_since=None, unread_reason=""
    )
    for name in names:
        lost = vanish_all(function, f"The {kind} {name} of {function.name} was deleted in AWS.", at, qualifiers=[name])
        shares = f", {lost} of our shares with it" if lost else ""
        history.record(
            "qualifier.vanished",
            f"The {kind} {name} of {function.name} is gone from AWS{shares}",
            by=Actor.system(),
            function=function,
            qualifier=name,
            detail={"grants": lost},
        )


def keep_mappings(function: Function, listed: Collection[ListedMapping], at: datetime) -> int:
    """Keep the event source mappings of a function as listed at `at`; those not listed are gone. How many changes.

    A list is asked for once a run and may be old when it is kept: a mapping that was read by itself since is left alone.
    """
    known = {one.pk: one for one in Mapping.objects.filter(function=function)}
    newer = {pk for pk, one in known.items() if one.read_at is not None and one.read_at > at}
    kept = [one for one in listed if one.id not in newer]
    changed = sum(keep_mapping(function, one, at, held=known.pop(one.id, None)) for one in kept)
    Mapping.objects.filter(pk__in=[one.id for one in kept]).update(read_at=at)
    gone = [pk for pk, one in known.items() if one.vanished_at is None and pk not in newer]
    if gone:
        Mapping.objects.filter(pk__in=gone).update(vanished_at=at)
        waking.note(function.pk)
    return changed + len(gone)


def keep_mapping(function: Function, one: ListedMapping, at: datetime, *, held: Mapping | None) -> bool:
    """Keep one event source mapping as AWS tells it, in a transaction. Whether anything is new. `held`: the row as it was."""
    facts = {
        "qualifier": one.function.qualifier or "",
        "source_arn": one.source[:1024],
        "source_account": _account_of(one.source),
        "state": one.state[:40],
        "state_reason": one.reason[:300],
        "last_result": one.result[:500],
        "last_modified": one.modified,
        "options": one.options,
        "vanished_at": None,
    }
    if held is not None and all(getattr(held, name) == value for name, value in facts.items()):
        if held.is_on_its_way:  # found so once more: it may be stuck
            waking.note(function.pk)
        return False
    if held is None:  # new, or of another function until now: people may have it run another one
        for before in Mapping.objects.filter(pk=one.id).exclude(function=function).values_list("function", flat=True):
            waking.note(before)
    since = {"state_since": at} if held is None or held.state != facts["state"] or held.vanished_at else {}
    Mapping.objects.update_or_create(pk=one.id, defaults={"function": function, "read_at": at, **facts, **since})
    waking.note(function.pk)
    return True


def _account_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and is_account_id(parts[4]) else ""


def _spread(over: timedelta) -> timedelta:
    return over * random.random()  # noqa: S311  # spreads work, guards nothing
