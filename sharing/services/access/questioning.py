"""From what a person typed to one exact question: may this caller do this to this form of the function?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from sharing.models import Account, Actor, Function, Policy, Qualifier
from sharing.policy import ACTIONS, ArnError, FunctionArn, PrincipalKind, WhoError, parse_who
from sharing.policy.actions import INVOKE, INVOKE_URL
from sharing.policy.arn import LATEST, shorten
from sharing.policy.caller import ANONYMOUS, Caller, caller_of
from sharing.policy.handing_over import BY_URL
from sharing.services.errors import NotFound, Refusal
from sharing.services.naming import numbers_by_name
from sharing.services.organizations import Belonging, known

from .belonging import MEMBERSHIP
from .finding import find_function
from .principals import Names

_OFFERED = 5
_LONGEST = 400
_NOBODY = ("anonymous", "anyone on the internet", "nobody")


@dataclass(frozen=True)
class Question:
    """One exact question. `policy` is None for a version whose policy was never read; `arn` is the form that is called.

    `actions`: every action that the call needs (a function URL needs two). `context`: what is known of the call.
    `belonging`: what was read of the organisation of the caller's account, unless the asker named one.
    """

    function: Function
    arn: FunctionArn
    policy: Policy | None
    caller: Caller
    label: str
    actions: tuple[str, ...]
    context: Mapping[str, str | Sequence[str] | None] = field(default_factory=dict)
    by_url: bool = False
    account: Account | None = None
    belonging: Belonging = Belonging()  # noqa: RUF009 - it is frozen

    @property
    def principal(self) -> str:
        """The caller as AWS writes it, "anonymous", or 12 digits for an account."""
        return self.caller.principal.value if self.caller.principal else ANONYMOUS

    @property
    def number(self) -> str:
        """The caller's account; "" for services and anonymous callers."""
        return (self.caller.principal.account or "") if self.caller.principal else ""

    @property
    def deed(self) -> str:
        """What is to be done, after "may": `invoke label-uploads:live`."""
        return f"{ACTIONS[self.actions[0]].verb} {self.place}"

    @property
    def is_plain_call(self) -> bool:
        """Whether it is a call by the API, which a DryRun can try."""
        return self.actions == (INVOKE,) and not self.by_url

    @property
    def place(self) -> str:
        """The form of the function in words."""
        return f"{self.function.name}:{self.arn.qualifier}" if self.arn.qualifier else self.function.name


def question(
    *,
    by: Actor,
    function: str,
    principal: str,
    action: str = INVOKE,
    by_url: bool = False,
    context: Mapping[str, str | Sequence[str] | None] | None = None,
) -> Question:
    """Read what was asked. Raises Refusal, with the field at fault (`function`, `principal`, `action`), and NotFound."""
    if action not in ACTIONS:
        raise Refusal("Choose an action of the list.", field="action")
    found, arn = locate(function, by=by)
    caller = read_caller(principal, arn.partition)
    number = caller.principal.account if caller.principal else None
    names = Names.of([number or "", found.account.number])
    by_url = by_url or action == INVOKE_URL or caller.kind == ANONYMOUS
    given = {key.lower() for key in context or {}}
    belonging = known().of(number) if number and not given & MEMBERSHIP else Belonging()
    member: dict[str, str | Sequence[str]] = {"aws:PrincipalOrgID": belonging.home} if belonging.home else {}
    if belonging.path:
        member["aws:PrincipalOrgPaths"] = [belonging.path]
    return Question(
        function=found,
        arn=arn,
        policy=policy_of(found, arn),
        caller=caller,
        label=caller.principal.label(names.texts) if caller.principal else "an anonymous caller",
        actions=BY_URL if by_url and action in BY_URL else (action,),
        context={**(context or {}), **member, **_channel(found, arn, by_url)},
        by_url=by_url,
        account=names.accounts.get(number or ""),
        belonging=belonging,
    )


def _channel(function: Function, arn: FunctionArn, by_url: bool) -> dict[str, str]:
    if not by_url:
        return {}
    found = {"lambda:InvokedViaFunctionUrl": "true"}
    kind = (function.urls or {}).get(arn.qualifier or "")
    if kind:
        found["lambda:FunctionUrlAuthType"] = str(kind)
    return found


def policy_of(function: Function, arn: FunctionArn) -> Policy | None:
    """The policy of exactly that form, if it was ever seen."""
    found = function.policies.filter(qualifier=arn.qualifier or "").select_related("current").first()
    if found is not None:
        found.function = function
    elif not arn.is_version:
        raise NotFound(f"{function.name}:{arn.qualifier}", next=_forms(function))
    return found


def _forms(function: Function) -> str:
    names = Qualifier.objects.filter(function=function, kind="alias", vanished_at=None).values_list("name", flat=True)
    known = ", ".join(sorted(names))
    return f"Its aliases: {known}." if known else "It has no alias that was read. If it is new, re-read the function."


def read_caller(text: str, partition: str) -> Caller:
    """Whom a person names as the caller: a name, digits, an ARN, a service, or nobody in particular by URL.

    Raises Refusal (field `principal`).
    """
    wanted = " ".join(text.replace("\x00", "").split())[:2048]
    if wanted.casefold() in _NOBODY:
        return caller_of(ANONYMOUS, partition)
    try:
        if wanted.startswith("arn:"):
            return _of_arn(wanted, partition)
        found = parse_who(wanted, names=numbers_by_name(), partition=partition)
    except WhoError as error:
        raise Refusal(str(error), field="principal") from error
    if found.kind is PrincipalKind.EVERYONE:
        raise Refusal(
            "Everyone is not one caller.",
            next="Write “anonymous” for somebody who calls the function's URL unsigned, or any account to ask about it.",
            field="principal",
        )
    if found.kind is PrincipalKind.ORGANIZATION:
        raise Refusal(
            "An organisation does not call; its accounts do.",
            next="Write one of its accounts, and the organisation's id among what is known of the call.",
            field="principal",
        )
    return caller_of(found.value, partition)


def _of_arn(wanted: str, partition: str) -> Caller:
    try:
        return caller_of(wanted, partition)
    except ValueError:
        parse_who(wanted, partition=wanted.split(":", 2)[1] or partition)  # says better what is wrong with it
        raise Refusal(
            f"“{shorten(wanted)}” cannot call a function.",
            next="Write an account, or the ARN of a role, user or session.",
            field="principal",
        ) from None


def locate(text: str, *, by: Actor) -> tuple[Function, FunctionArn]:
    """The function that an ARN or a name means, in the actor's scope, and the form that is called.

    `NAME`, `NAME:ALIAS`, `ACCOUNT:function:NAME[:ALIAS]` and `REGION/NAME[:ALIAS]` are understood where they mean one
    function. Raises Refusal, with what was perhaps meant, and NotFound: the same words for what is out of scope.
    """
    wanted = "".join(text.replace("\x00", "").split())[:_LONGEST]
    if not wanted:
        raise Refusal(
            "Say which function.", next="Write its name or ARN, with the alias or version that is called.", field="function"
        )
    if not wanted.startswith("arn:"):
        return _by_name(wanted, by)
    try:
        arn = FunctionArn.parse(wanted)
    except ArnError as error:
        raise Refusal(str(error), field="function") from error
    _not_latest(arn.qualifier, str(arn.unqualified))
    return _present(find_function(arn, by=by), arn)


def _not_latest(qualifier: str | None, instead: str) -> None:
    if qualifier and qualifier.startswith(LATEST):
        raise Refusal(
            "AWS keeps no policy for $LATEST, so nobody of another account can call it by that name.",
            next=f"Leave it out: {instead} runs the same code.",
            code="latest",
            field="function",
        )


def _present(function: Function, arn: FunctionArn) -> tuple[Function, FunctionArn]:
    if function.vanished_at is not None:
        raise Refusal(
            f"AWS does not list {function.name} any more.",
            next="Sync the account to see what is there now.",
            code="gone",
            field="function",
        )
    return function, arn


def _by_name(wanted: str, by: Actor) -> tuple[Function, FunctionArn]:
    region, slash, rest = wanted.rpartition("/")
    number, marked, rest = rest.rpartition("function:") if "function:" in rest else ("", "", rest)
    name, _, qualifier = rest.partition(":")
    _not_latest(qualifier, name)
    found = Function.objects.visible_to(by).filter(vanished_at=None, name=name).select_related("account").order_by("arn")
    if slash:
        found = found.filter(region=region)
    if marked:
        found = found.filter(account__number=number.rstrip(":"))
    listed = list(found[: _OFFERED + 1])
    if not listed:
        raise NotFoundField(shorten(wanted), next="Write the name as it stands in the list of functions, or the whole ARN.")
    arns = [f"{one.arn}:{qualifier}" if qualifier else one.arn for one in listed]
    if len(listed) > 1:
        offered = " or ".join(arns[:_OFFERED])
        raise Refusal(f"More than one function is called {name}.", next=f"Write which: {offered}.", field="function")
    try:
        return listed[0], FunctionArn.parse(arns[0])
    except ArnError as error:
        raise Refusal(str(error), field="function") from error


class NotFoundField(NotFound):
    """Nothing of that name: said on the field it was typed into."""

    def __init__(self, what: str, *, next: str) -> None:  # noqa: A002
        super().__init__(what, next=next)
        self.field = "function"


def suggestions(text: str, *, by: Actor, most: int = 12) -> list[str]:
    """ARNs of functions, and of their aliases, whose name or ARN holds the text. One query, two with aliases."""
    wanted = text.replace("\x00", "").strip()[:_LONGEST]
    if len(wanted) < 2:
        return []
    visible = Function.objects.visible_to(by).filter(vanished_at=None)
    base = ":".join(wanted.split(":")[:7]) if wanted.startswith("arn:") else wanted.partition(":")[0]
    functions = list(visible.filter(Q(name__icontains=base) | Q(arn__startswith=base)).order_by("name", "arn")[:most])
    aliases: dict[object, list[str]] = {}
    for pk, name in (
        Qualifier.objects.filter(function__in=[one.pk for one in functions], kind="alias", vanished_at=None)
        .order_by("name")
        .values_list("function_id", "name")
    ):
        aliases.setdefault(pk, []).append(name)
    found = []
    for one in functions:
        found += [one.arn, *(f"{one.arn}:{name}" for name in aliases.get(one.pk, []))]
    return found[: most * 2]
