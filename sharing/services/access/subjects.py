"""Whom or what a question about access is about: a function, an account, a role, an organisation, a service, everyone."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from sharing.models import Account, Actor, Exposure, Function, Policy
from sharing.policy import ArnError, FunctionArn, Principal, PrincipalKind, WhoError, parse_who
from sharing.policy.arn import digits_of
from sharing.policy.principal import GHOST
from sharing.services.errors import Refusal
from sharing.services.naming import numbers_by_name

from .finding import find_function, find_policy

MOST = 400  # characters of a question
_SHOWN = 6
_OFFERED = 100
_ASKED = re.compile(r"\A(?:who (?:can|could) (?:invoke|call|use)|what (?:can|could))\s+", re.IGNORECASE)
_ASKING = re.compile(r"\s+(?:invoke|call|use)\Z", re.IGNORECASE)
_IDENTITIES = (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


@dataclass(frozen=True)
class Subject:
    """What was meant. `kind`: function, account, identity, organization, service, everyone, ghost.

    `text` asks the same again and means nothing else. `function` and `policy` (of an alias or version that was named, or
    None for all of the function's) are set for a function only.
    """

    kind: str
    text: str
    label: str
    principal: str = ""
    account: str = ""
    function: Function | None = None
    policy: Policy | None = None


@dataclass(frozen=True)
class Suggestion:
    """Something that was perhaps meant: the text to ask with, what it is, and the detail that tells it apart."""

    text: str
    label: str
    detail: str


class Unclear(Refusal):
    """The question means nothing here, or several things: `suggestions` to choose from."""

    def __init__(
        self,
        message: str,
        *,
        next: str = "",  # noqa: A002
        suggestions: tuple[Suggestion, ...] = (),
        code: str = "ambiguous",
    ) -> None:
        super().__init__(message, next=next, code=code, field="q")
        self.suggestions = suggestions


def subject(text: str, *, by: Actor) -> Subject:
    """What the text means, in the actor's scope. A fixed number of queries. Raises Unclear, with suggestions."""
    wanted = " ".join(text.replace("\x00", "").split())[:MOST].strip("?").strip()
    wanted = _ASKING.sub("", _ASKED.sub("", wanted)).strip()
    if not wanted:
        raise Unclear("Say whom or what the question is about.", next="Give a function, an account, a role or a service.")
    if wanted.lower().startswith("arn:") and wanted.split(":", 3)[2:3] == ["lambda"]:
        return _by_arn(wanted, by)
    functions = _functions_called(wanted, by)
    try:
        who: Principal | None = parse_who(wanted, names=numbers_by_name())
        problem = ""
    except WhoError as error:
        who, problem = None, str(error)
    meant = [*functions, *([_of_principal(who)] if who else [])]
    if not meant and GHOST.fullmatch(wanted):
        meant = [Subject("ghost", wanted, f"the deleted role or user {wanted}", wanted)]
    meant = meant or _identities_called(wanted, by)
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise Unclear(
            f"“{wanted}” is {len(meant) if len(meant) <= _SHOWN else 'many'} things.",
            next="Choose which one you mean.",
            suggestions=tuple(suggestion(one) for one in meant[:_SHOWN]),
        )
    raise Unclear(
        f"Nothing here is called “{wanted}”.",
        next=problem if problem and "AWS could share with" not in problem else "Check the spelling, or paste the ARN.",
        suggestions=_close(wanted, by),
        code="not-found",
    )


def suggestion(one: Subject) -> Suggestion:
    """A subject as something to choose."""
    if one.function is not None:
        return Suggestion(one.text, one.label, f"function in {one.function.account.name}, {one.function.region}")
    details = {
        "account": f"account {one.account}",
        "identity": one.principal,
        "organization": "organisation",
        "service": one.principal,
    }
    return Suggestion(one.text, one.label, details.get(one.kind, ""))


def _by_arn(text: str, by: Actor) -> Subject:
    try:
        arn = FunctionArn.parse(text)
        function = find_function(arn, by=by)
        policy = None
        if arn.qualifier:
            policy = function.policies.filter(qualifier=arn.qualifier).select_related("current").first()
            if policy is None and arn.is_version:  # found, it would be written down: a question writes nothing
                raise Refusal(
                    f"The policy of version {arn.qualifier} of {function.name} was never read: who it lets in is not known.",
                    next="Re-read the function on its page, if the version exists.",
                    code="unread",
                )
            policy = policy or find_policy(text, by=by)  # says which aliases there are
            policy.function = function
    except ArnError as error:
        raise Unclear(str(error), next="Copy the ARN from the function's page.", code="invalid") from None
    except Refusal as refusal:
        close = _close(text.split(":")[6] if text.count(":") >= 6 else text, by) if refusal.code == "not-found" else ()
        raise Unclear(refusal.message, next=refusal.next, suggestions=close, code=refusal.code) from None
    return _of_function(function, policy)


def _of_function(function: Function, policy: Policy | None = None) -> Subject:
    qualifier = f":{policy.qualifier}" if policy is not None and policy.qualifier else ""
    return Subject("function", f"{function.arn}{qualifier}", f"{function.name}{qualifier}", function=function, policy=policy)


def _functions_called(text: str, by: Actor) -> list[Subject]:
    """Functions of exactly that name, or of that name with an alias or version; what AWS lists comes before what is gone."""
    name, _, qualifier = text.partition(":")
    visible = Function.objects.visible_to(by).select_related("account")
    found = list(visible.filter(name=name).order_by("account__name", "region")[: _SHOWN + 1])
    found = [one for one in found if one.vanished_at is None] or found
    if not qualifier:
        return [_of_function(one) for one in found]
    policies = Policy.objects.filter(function__in=[one.pk for one in found], qualifier=qualifier).select_related(
        "function__account", "current"
    )
    return [_of_function(policy.function, policy) for policy in policies]


def _of_principal(who: Principal) -> Subject:
    account = who.account or ""
    if who.kind is PrincipalKind.EVERYONE:
        return Subject("everyone", "everyone", "everyone", "*")
    if who.kind is PrincipalKind.ACCOUNT:
        named = Account.objects.filter(number=account).first()
        return Subject("account", account, named.name if named else f"account {account}", account, account)
    if who.kind in _IDENTITIES:
        named = Account.objects.filter(number=account).first()
        return Subject("identity", who.value, who.label({account: named.name} if named else None), who.value, account)
    return Subject(who.kind.value, who.value, who.label(), who.value)


def _identities_called(text: str, by: Actor) -> list[Subject]:
    """Roles and users of that name which a policy in scope names."""
    name = text.removeprefix("role/").removeprefix("user/")
    if not re.fullmatch(r"[\w+=,.@/-]{1,128}", name, re.ASCII):
        return []
    found = _identities(Q(principal__endswith=f"/{name}"), by)
    return [_of_principal(Principal.from_stored(one)) for one in found]


def _identities(wanted: Q, by: Actor) -> list[str]:
    rows = Exposure.objects.filter(wanted, kind="identity")
    if not by.sees_every_account:
        rows = rows.filter(policy__in=Policy.objects.visible_to(by))
    return [
        one
        for one in rows.order_by("principal").values_list("principal", flat=True).distinct()[: _SHOWN + 1]
        if Principal.from_stored(one).kind in _IDENTITIES
    ]


def _close(text: str, by: Actor) -> tuple[Suggestion, ...]:
    """What is nearly called so: by a part of the name, else by likeness."""
    visible = Function.objects.visible_to(by).select_related("account").order_by("name", "arn")
    functions = list(visible.filter(name__icontains=text, vanished_at=None)[:_SHOWN])
    if not functions:
        names = list(visible.filter(vanished_at=None).values_list("name", flat=True).order_by("name").distinct()[:20_000])
        close = difflib.get_close_matches(text, names, n=3, cutoff=0.7)
        functions = list(visible.filter(name__in=close, vanished_at=None)[:_SHOWN])
    accounts = list(Account.objects.filter(_account(text))[:_SHOWN])
    found = [_of_function(one) for one in functions]
    found += [Subject("account", one.number, one.name, one.number, one.number) for one in accounts]
    found += [_of_principal(Principal.from_stored(one)) for one in _identities(Q(principal__icontains=text), by)]
    return tuple(suggestion(one) for one in found[: 2 * _SHOWN])


def _account(text: str) -> Q:
    number = digits_of(text)
    found = Q(name__icontains=text)
    return found | Q(number__contains=number) if len(number) > 2 else found


def known_texts(*, by: Actor) -> dict[str, Any]:
    """What the search box offers while one types: accounts by name, and functions by name, some of each. Two queries."""
    functions = Function.objects.visible_to(by).filter(vanished_at=None).order_by("name")
    return {
        "accounts": list(Account.objects.order_by("name").values_list("name", "number")[:_OFFERED]),
        "functions": list(functions.values_list("name", flat=True)[:_OFFERED]),
    }
