"""What a checker role may do: try functions of connected owners, never touch its own account's."""

import json
import secrets

from sharing.aws.checking import Answer, DryRun, dry_run
from sharing.aws.errors import Unavailable
from sharing.aws.proving import SESSION_NAME
from sharing.aws.session import RoleRef, home_region
from sharing.models import Account, Connection, Purpose

from .reports import Report, Result, statement_to_add

_OWNERS_TRIED = 10


def examine_checker(connection: Connection, role: RoleRef, report: Report, result: Result) -> None:
    """Fill the result. A checker role that demands its ExternalId stands; what it lacks is named."""
    result.verbs["check"] = True
    never_own(role, report)
    owners = Account.objects.owners().exclude(pk=connection.account_id).distinct()[:_OWNERS_TRIED]
    for owner in owners:
        _may_try(owner, role, report)


def never_own(role: RoleRef, report: Report) -> None:
    """It can really invoke (aws-facts 0.7), so it must be denied its own account's functions."""
    name = "Never its own functions"
    answer = tried(role, home_region(role.partition), role.account)
    if answer.answer.is_denied:
        report.ok(name, "The role may not invoke functions of its own account.")
        return
    if answer.answer in (Answer.ALLOWED, Answer.NOT_FOUND):
        own = f"arn:{role.partition}:lambda:*:{role.account}:*"
        deny = {"Sid": "NeverOwn", "Effect": "Deny", "Action": "lambda:*", "Resource": own}
        detail = "The role could invoke functions of its own account. fnshare never does, but a stolen worker could."
        report.warning(name, detail, f"Add to the role's policy: {json.dumps(deny)}. Then test again.")
        return
    unknown(answer)
    report.warning(name, f"Could not be tried. {answer.message}", "Test again later.")


def _may_try(owner: Account, role: RoleRef, report: Report) -> None:
    """AWS names the missing half in its refusal, where it does: only then is a missing permission claimed."""
    name = f"lambda:InvokeFunction in {owner.name}"
    region = next(iter(regions_of(owner)), home_region(role.partition))
    answer = tried(role, region, owner.number)
    if answer.answer == Answer.DENIED_IDENTITY or (answer.answer == Answer.DENIED_EXPLICIT and "identity" in answer.message):
        functions = f"arn:{owner.partition}:lambda:*:{owner.number}:function:*"
        detail = f"The role may not try functions of {owner.name}: checks there would always say denied."
        report.missing(name, detail, statement_to_add(["lambda:InvokeFunction"], functions))
    elif answer.answer in (Answer.UNKNOWN, Answer.THROTTLED, Answer.BAD_REQUEST):
        unknown(answer)
        report.warning(name, f"Could not be tried. {answer.message}", "Test again later.")
    elif answer.answer == Answer.DENIED_UNKNOWN:
        report.ok(name, f"AWS does not say whether the role may try functions of {owner.name}; the first check will.")
    else:
        report.ok(name, f"The role may try functions of {owner.name}.")


def tried(role: RoleRef, region: str, account: str, *, name: str = "") -> DryRun:
    """A DryRun on a name that cannot exist, or on this one. Nothing runs."""
    arn = f"arn:{role.partition}:lambda:{region}:{account}:function:{name or f'fnshare-probe-{secrets.token_hex(8)}'}"
    return dry_run(role, arn, session_name=SESSION_NAME)


def unknown(answer: DryRun) -> None:
    """No connection at all: let the test be tried again, rather than settle on a row of warnings."""
    if answer.code in ("NoConnection", "NoCredentials"):
        raise Unavailable(answer.message, next="It is tried again by itself.", code=answer.code, operation="Invoke")


def regions_of(owner: Account) -> list[str]:
    """The regions of this account that are read."""
    managers = Connection.objects.standing().filter(account=owner, purpose=Purpose.MANAGER)
    return [region for connection in managers for region in connection.regions]
