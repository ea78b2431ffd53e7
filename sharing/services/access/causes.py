"""Why a call was refused, as far as fnshare knows: each cause with the repair to click, or what to hand to the other side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.utils import timezone

from sharing.models import GrantState
from sharing.models.grant import UNSETTLED
from sharing.policy import Outcome, PrincipalKind
from sharing.policy.access_denied import AccessDenied, PolicyType
from sharing.services.checking.asking import PROPAGATION

from .missing import missed, other_form
from .reasoning import Reasoned
from .repairs import Cause, HandOver, Repair, handed_over, share, tried

_ELSEWHERE: Final[dict[PolicyType, tuple[str, str]]] = {
    PolicyType.SERVICE_CONTROL: (
        "A service control policy of their organisation",
        "Only an administrator of the caller's AWS organisation can change it. Give them the action and the function's ARN.",
    ),
    PolicyType.RESOURCE_CONTROL: (
        "A resource control policy of the function owner's organisation",
        "Only an administrator of the owner's AWS organisation can change it. No share can override it.",
    ),
    PolicyType.BOUNDARY: (
        "The permissions boundary of the calling role or user",
        "Whoever administers that role or user has to widen its boundary; an identity policy alone does not help.",
    ),
    PolicyType.SESSION: (
        "The session policy given when the role was assumed",
        "Whoever assumes the role narrows the session: they have to allow the action on this ARN there.",
    ),
    PolicyType.ENDPOINT: (
        "The policy of the VPC endpoint the call went through",
        "Whoever runs that network has to allow the action on this ARN in the endpoint's policy.",
    ),
    PolicyType.IDENTITY: (
        "An identity policy of the calling role or user",
        "An administrator of the calling account has to take that Deny out; no share can override it.",
    ),
}


def causes_of(found: Reasoned, told: AccessDenied) -> list[Cause]:
    """What may have refused the call, the likeliest first. Not empty."""
    causes = [
        *_deny(found, told),
        *_unread(found),
        *_spreading(found),
        *_owner(found, told),
        *_caller(found, told),
    ]
    return causes or [
        Cause(
            "unclear",
            "unknown",
            "Nothing here explains it",
            "The policy as last read lets them in, and AWS gave no reason. What is left is what is not known here.",
            hand_over=handed_over(found),
        )
    ]


def _deny(found: Reasoned, told: AccessDenied) -> Iterator[Cause]:
    owner, asked = found.owner, found.question
    if owner.outcome is Outcome.DENIED and not owner.problem:
        names = ", ".join(f"“{one.name}”" for one in owner.statements)
        yield Cause(
            "deny",
            "owner",
            f"The function's own policy denies it: {names}",
            f"A Deny beats every Allow. It was read in the policy of {asked.place}; as long as it stands, no share helps.",
            Repair("statement", "Show the Deny", index=owner.statements[0].index if owner.statements else None),
        )
    elif told.explicit and told.policy_type is PolicyType.RESOURCE:
        yield Cause(
            "deny-unseen",
            "owner",
            "AWS speaks of a Deny in the function's policy",
            f"The policy of {asked.place} as last read holds none that applies to them for certain. It may have changed since.",
            Repair("re-read", "Re-read the function"),
            told=True,
        )
    elif told.policy_type in _ELSEWHERE and (told.explicit or told.policy_type is not PolicyType.IDENTITY):
        what, following = _ELSEWHERE[told.policy_type]
        verb = "denies it" if told.explicit else "does not allow it"
        named = f" AWS names it: {told.policy_arn}." if told.policy_arn else ""
        yield Cause(
            f"{told.policy_type.name.lower().replace('_', '-')}-{'deny' if told.explicit else 'silent'}",
            "owner" if told.policy_type is PolicyType.RESOURCE_CONTROL else "caller",
            f"{what} {verb}",
            f"{following}{named}",
            hand_over=(HandOver("Action and resource", f"{told.action} on {asked.arn}"),),
            told=True,
        )
    elif told.explicit and told.policy_type is None:
        yield Cause(
            "deny-somewhere",
            "unknown",
            "AWS speaks of an explicit Deny, and not of where",
            "No Deny that certainly applies to them was read in the function's policy: look at their identity policies, "
            "permissions boundary, session policy and service control policies.",
            hand_over=(HandOver("Action and resource", f"{told.action} on {asked.arn}"),),
            told=True,
        )


def _unread(found: Reasoned) -> Iterator[Cause]:
    owner = found.owner
    problem = owner.problem or owner.stale
    if problem:
        code = "gone" if owner.settled else "stale" if owner.stale else "unread"
        yield Cause(
            code,
            "owner" if owner.settled else "unknown",
            "They cannot call it that way" if owner.settled else "The owner's side is not known",
            f"{problem} What is said below rests on the last read." if owner.stale else problem,
            Repair("re-read", "Re-read the function"),
        )


def _spreading(found: Reasoned) -> Iterator[Cause]:
    """A change that AWS may not have spread yet: IAM is eventually consistent."""
    changed = found.owner.changed_at
    settled = [one.settled_at for one in found.caller.grants if one.state == GrantState.ACTIVE and one.settled_at]
    latest = max([moment for moment in (changed, *settled) if moment is not None], default=None)
    if latest is not None and timezone.now() - latest < PROPAGATION and found.owner.outcome is Outcome.ALLOWED:
        yield Cause(
            "propagation",
            "call",
            "The policy changed a moment ago",
            "If that change is what lets them in, AWS may not have spread it everywhere yet. Wait a minute, then try again.",
        )


def _owner(found: Reasoned, told: AccessDenied) -> Iterator[Cause]:
    owner, asked = found.owner, found.question
    if owner.problem or found.caller.kind == "same":
        return
    caller = asked.caller.principal
    if caller is not None and caller.kind is not PrincipalKind.SERVICE and caller.partition != asked.arn.partition:
        yield Cause(
            "partition",
            "call",
            "They are in another partition of AWS",
            f"The caller is in {caller.partition}, the function in {asked.arn.partition}: AWS lets nobody in across "
            "partitions. No share can change that; they need a principal of the function's partition.",
        )
        return
    if not owner.certain and found.depends_on:
        yield Cause(
            "depends",
            "unknown",
            "Whether the function's policy lets them in hangs on something that is not known here",
            " ".join(f"{one[:1].upper()}{one[1:]}." for one in found.depends_on),
            Repair("statement", "Show the statement", index=owner.statements[0].index) if owner.statements else None,
        )
    if owner.outcome is Outcome.ALLOWED:
        if owner.certain and told.policy_type is PolicyType.RESOURCE and not told.explicit:
            yield Cause(
                "contradiction",
                "unknown",
                "AWS's words and the policy as read do not fit",
                f"AWS says that no resource-based policy allows it; the policy of {asked.place} as last read does. It may have "
                "changed since, or not have spread yet: re-read it, try again after a minute.",
                Repair("re-read", "Re-read the function"),
                told=True,
            )
        return
    if owner.outcome is Outcome.DENIED:
        return
    yield from other_form(found)
    for miss in owner.misses:
        yield from missed(found, miss)
    yield from _decided_before(found)
    if owner.certain and not owner.misses and not owner.forms:
        named = "AWS has no policy there at all" if not owner.has_policy else "no statement of its policy takes them in"
        yield Cause(
            "not-shared",
            "owner",
            f"{asked.place} is not shared with them",
            f"As last read, {named}. Sharing it is the owner's half of what they need.",
            share(found),
        )


def _decided_before(found: Reasoned) -> Iterator[Cause]:
    """The latest decision about their account that is on the form called, where it explains what AWS holds now."""
    for grant in found.caller.grants:
        if grant.policy.qualifier != (found.question.arn.qualifier or ""):
            continue
        show = Repair("grant", "Show that grant", grant=grant)
        if grant.state == GrantState.REQUESTED:
            text = "It was asked for and waits for a second person. AWS holds nothing until then."
            yield Cause("requested", "owner", "A share with their account waits for approval", text, show)
        elif grant.state in UNSETTLED:
            text = "A worker is writing or removing it at this moment. Wait until it is settled, then try again."
            yield Cause("unsettled", "owner", "A share with their account is not settled yet", text, show)
        elif grant.state == GrantState.SUSPENDED:
            when = f" until {grant.resume_at:%Y-%m-%d %H:%M} UTC" if grant.resume_at else " until somebody resumes it"
            text = f"AWS does not hold it{when}. {grant.failure} {grant.failure_next}".strip()
            yield Cause("suspended", "owner", "A share with their account is suspended", text, show)
        elif grant.state != GrantState.ACTIVE:
            text = f"Its state is {grant.get_state_display().lower()}. {grant.failure} {grant.revoke_reason}".strip()
            yield Cause("ended", "owner", "A share with their account is over", text, show)
        return


def _caller(found: Reasoned, told: AccessDenied) -> Iterator[Cause]:
    """Their own half."""
    owner, asked, kind = found.owner, found.question, found.caller.kind
    if kind in ("service", "anonymous"):
        return
    said = told.policy_type is PolicyType.IDENTITY and not told.explicit
    elsewhere = told.explicit or (told.policy_type is not None and not said)
    if said or kind == "same" or (owner.outcome is Outcome.ALLOWED and not owner.problem and not elsewhere):
        inside = "Inside the function's own account an identity policy alone is enough."
        across = "Across accounts both sides must allow it: the function's policy and an identity policy of the caller."
        root = (
            " The function's policy names only their account, which leaves the choice to its administrators."
            if owner.delegated
            else ""
        )
        yield Cause(
            "identity",
            "caller",
            f"{asked.label[:1].upper()}{asked.label[1:]} needs an identity policy that allows it",
            f"{inside if kind == 'same' else across}{root} It has to name exactly {asked.arn}.",
            hand_over=(*handed_over(found), *tried(asked, asked.arn)),
            told=said and owner.outcome is not Outcome.ALLOWED,
        )
