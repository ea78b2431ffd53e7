"""From an ARN somebody typed to the policy it means, with a way out where it means nothing."""

import difflib

from django.db import transaction

from sharing.models import Actor, Function, Policy, Qualifier
from sharing.policy import ArnError, FunctionArn
from sharing.policy.arn import LATEST
from sharing.services import waking
from sharing.services.errors import NotFound, Refusal

_SUGGESTED = 3


def find_policy(text: str, *, by: Actor) -> Policy:
    """The policy of the function, alias or version that the ARN names exactly.

    A published version that was not read yet gets a row (unread): versions' policies are read rarely. Raises Refusal when
    the text is no function ARN or names $LATEST; NotFound, with what was perhaps meant, when it is unknown or out of scope.
    """
    arn = _parsed(text, by)
    if arn.qualifier and arn.qualifier.startswith(LATEST):
        raise Refusal(
            "AWS keeps no policy for $LATEST.",
            next=f"Leave it out: {arn.unqualified} runs the same code.",
            code="invalid",
            field="function_arn",
        )
    function = find_function(arn, by=by)
    found = function.policies.filter(qualifier=arn.qualifier or "").select_related("current").first()
    if found is None and arn.is_version:
        with transaction.atomic():
            found, made = Policy.objects.get_or_create(function=function, qualifier=arn.qualifier)
            if made:
                waking.note(function.pk)
    if found is None:
        names = list(Qualifier.objects.filter(function=function, kind="alias", vanished_at=None).values_list("name", flat=True))
        known = f"Its aliases: {', '.join(sorted(names))}." if names else "It has no alias that was read."
        raise NotFound(f"{function.name}:{arn.qualifier}", next=f"{known} If it is new, sync the account and try again.")
    found.function = function
    return found


def find_function(arn: FunctionArn, *, by: Actor) -> Function:
    """The function of that ARN, whatever the qualifier. Raises NotFound."""
    visible = Function.objects.visible_to(by).select_related("account")
    function = visible.filter(arn=str(arn.unqualified)).first()
    if function is None:
        raise NotFound(str(arn.unqualified), next=_suggestion(arn.name, by))
    return function


def _parsed(text: str, by: Actor) -> FunctionArn:
    try:
        return FunctionArn.parse(text)
    except ArnError as error:
        following = "" if text.strip().startswith("arn:") else _suggestion(text.strip(), by)
        raise Refusal(
            str(error), next=following or "Copy the ARN from the function's page.", code="invalid", field="function_arn"
        ) from error


def _suggestion(name: str, by: Actor) -> str:
    visible = Function.objects.visible_to(by).filter(vanished_at=None)
    same = list(visible.filter(name=name).order_by("arn").values_list("arn", flat=True)[:_SUGGESTED])
    if same:
        return f"Did you mean {' or '.join(same)}?"
    names = visible.order_by("name").values_list("name", flat=True).distinct()[:20_000]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    if close:
        arns = visible.filter(name=close[0]).order_by("arn").values_list("arn", flat=True)[:_SUGGESTED]
        return f"Did you mean {' or '.join(arns)}?"
    return "Check the spelling, or sync the account and try again."
