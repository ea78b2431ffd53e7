"""One likely cause of a refusal, with what can be done about it: a repair to click here, or something to hand over."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.models import Grant
from sharing.policy import FunctionArn, Principal, PrincipalKind
from sharing.policy.handing_over import identity_policy_text, invoke_command

from .questioning import Question
from .reasoning import Reasoned


@dataclass(frozen=True)
class Repair:
    """What can be done here. `kind`: share, re-read, grant, statement. `who`, `qualifier`, `action`: for a share."""

    kind: str
    words: str
    who: str = ""
    qualifier: str = ""
    action: str = ""
    grant: Grant | None = None
    index: int | None = None


@dataclass(frozen=True)
class HandOver:
    """Something to copy and give to whoever can act on it."""

    label: str
    text: str


@dataclass(frozen=True)
class Cause:
    """One likely cause. `side`: owner, caller, call (how it was called), or unknown. `code` is stable, for programs.

    `told`: it rests on AWS's words alone, which are a hint; otherwise on the policy as last read.
    """

    code: str
    side: str
    title: str
    text: str
    repair: Repair | None = None
    hand_over: tuple[HandOver, ...] = ()
    told: bool = False


def handed_over(found: Reasoned) -> tuple[HandOver, ...]:
    """What the caller's account needs: the least policy, and the call in the form that was asked about."""
    asked = found.question
    if found.caller.kind in ("service", "anonymous"):
        return ()
    return (HandOver("Least identity policy for their role or user", identity_policy_text(asked.actions, asked.arn)),)


def tried(asked: Question, arn: FunctionArn) -> tuple[HandOver, ...]:
    """The command that tries a call without running anything; nothing for what no DryRun tries."""
    return (HandOver("Try it without running anything", invoke_command(arn, dry=True)),) if asked.is_plain_call else ()


def share(found: Reasoned, who: str = "") -> Repair:
    """The share form, filled in for this caller and the form that was called."""
    asked = found.question
    return Repair(
        "share",
        f"Share {asked.place} with them…",
        who=who or whom_to_name(asked.caller.principal),
        qualifier=asked.arn.qualifier or "",
        action=asked.actions[0],
    )


def whom_to_name(principal: Principal | None) -> str:
    """Whom to share with so that this caller gets in: of a session its role, whose path the session does not show."""
    if principal is None:
        return "*"
    role = principal.role_name
    if principal.kind is PrincipalKind.SESSION and role:
        path = "aws-reserved/sso.amazonaws.com/" if role.startswith("AWSReservedSSO_") else ""
        return f"arn:{principal.partition}:iam::{principal.account}:role/{path}{role}"
    return principal.value
