"""A share, thought through before anything is written: what the preview shows and what the worker will write."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from sharing.models import Actor, Grant, Policy, Reading, Wanted
from sharing.policy import Permission, WhoError, aws_cli, parse_who, plain, sentence
from sharing.policy.actions import INVOKE, action_class
from sharing.policy.arn import unspaced
from sharing.policy.document import LIMIT, size_after
from sharing.services.errors import Refusal
from sharing.services.masking import fingerprint, mask_tokens
from sharing.services.naming import numbers_by_name

from .deciding import check_end
from .digests import equality_of
from .ground import Ground, ground_of
from .keeping import arn_of
from .overlaps import already_granted, in_the_way
from .pausing import RESUME_FIRST, RESUME_IT, SUSPENDED
from .shapes import Plan, Problem
from .statements import same_as_granted
from .wording import until

#: Where `form_token` becomes a grant's id: the same form always plans the same statement, Sid included.
FORMS = uuid.UUID("6f0d6a52-3c8e-4d0a-9c55-0f2f6f6f8f11")

#: Form field of a permission's field.
_FIELDS = {"principal": "who", "function": "", "organization": "organization"}


def plan(
    *,
    policy: Policy,
    who: str,
    by: Actor,
    action: str = INVOKE,
    source_account: str = "",
    source_arn: str = "",
    organization: str = "",
    event_source_token: str = "",
    url_auth_type: str = "",
    via_url: bool = False,
    sid: str = "",
    ends_at: datetime | None = None,
    form_token: str | None = None,
) -> Plan:
    """Plan a share of the function, alias or version whose policy this is.

    `who`: one free text (account id or name, role or user ARN, organisation id, service, everyone). `ends_at`: aware; None
    means no end. Nothing is written and AWS is not asked: sizes and "already granted" are judged on the policy as last
    read. Raises NotFound (out of scope) and NotPermitted; everything else that is wrong is in `Plan.problems`.
    """
    ground = ground_of([policy], by=by)
    grant_id = uuid.uuid5(FORMS, form_token) if form_token else uuid.uuid4()
    try:
        principal = parse_who(who, names=numbers_by_name(), partition=arn_of(policy).partition)
    except WhoError as error:
        problems = (Problem(str(error), field="who"), *_of_place(policy, ground), *_of_end(ends_at, everyone=False))
        return Plan(
            grant_id=grant_id, policy=policy, permission=None, problems=problems, ends_at=ends_at, form_token=form_token
        )
    permission = Permission(
        function=arn_of(policy),
        sid=sid.strip() or default_sid(grant_id),
        action=action.strip(),
        principal=principal,
        source_arn=source_arn.strip() or None,
        source_account=unspaced(source_account) or None,
        organization=organization.strip().lower() or None,
        event_source_token=event_source_token.strip() or None,
        url_auth_type=url_auth_type.strip() or None,
        via_url=via_url,
    )
    return plan_permission(
        permission, policy=policy, ends_at=ends_at, by=by, grant_id=grant_id, form_token=form_token, ground=ground
    )


def default_sid(grant_id: uuid.UUID) -> str:
    """The Sid fnshare gives its own statements: the grant can be found from what AWS holds."""
    return f"fnshare-{grant_id.hex}"


def plan_permission(
    permission: Permission,
    *,
    policy: Policy,
    ends_at: datetime | None,
    by: Actor,
    grant_id: uuid.UUID,
    form_token: str | None = None,
    undo_of: Grant | None = None,
    ground: Ground | None = None,
) -> Plan:
    """Plan exactly this permission: what `plan` does once it knows who is meant, and what undo and restore start from.

    `ground`: read before for many plans; whoever read it had the right to change every policy in it.
    """
    ground = ground or ground_of([policy], by=by)
    names = ground.names
    statement = mask_tokens(permission.statement())
    token = permission.event_source_token or ""
    equality = equality_of(policy, statement)
    equal = _equal(ground.live.get(policy.pk, []), equality, ends_at)
    document = ground.document(policy)
    everyone = permission.principal.kind.value == "everyone"
    problems = [
        *(_as_problem(found) for found in permission.problems()),
        *_of_end(ends_at, everyone=everyone),
        *_of_place(policy, ground),
        *_of_suspension(permission, policy, equality, ground),
    ]
    end = f"{ends_at:%d %b %Y %H:%M} UTC" if ends_at else ""
    parts = sentence(permission, names, end)
    # The kept document has masks in place of tokens; the policy's size is that of the document in clear.
    after = policy.size + size_after(document, permission.statement()) - document.size
    if equal is None or equal.ends_at != ends_at:
        problems += _of_sid(policy, permission.sid, undo_of, grant_id, equality, ends_at, ground)
        if after > LIMIT:
            problems.append(
                Problem(
                    f"The policy would have {after:,} bytes; AWS allows {LIMIT:,}.",
                    "Take back shares that are no longer needed, share with an organisation, or share another alias.",
                    code="full",
                )
            )
    return Plan(
        grant_id=grant_id,
        policy=policy,
        permission=permission,
        problems=tuple(problems),
        warnings=(
            *(Problem(text, code="warning") for text in permission.warnings()),
            *in_the_way(policy, permission, ground),
            *_of_reading(policy),
        ),
        sentence=plain(parts),
        parts=tuple(parts),
        statement=statement,
        sid=permission.sid,
        ends_at=ends_at,
        who_label=permission.principal.label(names),
        action_class=action_class(permission.action).value,
        size_before=policy.size,
        size_after=after,
        limit=LIMIT,
        already=already_granted(policy, permission, ground),
        equal=equal,
        same_end=equal is not None and equal.ends_at == ends_at,
        second_person=permission.needs_second_person or "",
        cli=aws_cli(permission),
        event_source_token=token,
        token_fingerprint=fingerprint(token),
        equality=equality,
        form_token=form_token,
        undo_of=undo_of,
    )


def _as_problem(found: Any) -> Problem:
    return Problem(found.message, found.next, field=_FIELDS.get(found.field, found.field))


def _equal(live: Sequence[Grant], equality: str, ends_at: datetime | None) -> Grant | None:
    """A live grant with everything alike; rather one with the same end date, else the one that lasts longest."""
    found = [grant for grant in live if grant.equality == equality and grant.wanted == Wanted.PRESENT]
    same = [grant for grant in found if grant.ends_at == ends_at]
    found.sort(key=lambda grant: (grant.ends_at is None, grant.ends_at or timezone.now()))
    return same[0] if same else found[-1] if found else None


def _of_end(ends_at: datetime | None, *, everyone: bool) -> list[Problem]:
    try:
        check_end(ends_at, everyone=everyone, now=timezone.now())
    except Refusal as refusal:
        return [Problem(refusal.message, refusal.next, field="ends_at")]
    return []


def _of_place(policy: Policy, ground: Ground) -> list[Problem]:
    """Why nothing can be written there now: it is gone, or there is no way in."""
    if policy.function.vanished_at or policy.vanished_at:
        what = f"{policy.qualifier} of {policy.function.name}" if policy.qualifier else policy.function.name
        return [Problem(f"AWS does not list {what} any more.", "Sync the account to see what is there now.", code="gone")]
    refusal = ground.ways[policy.function.account_id]
    return [Problem(refusal.message, refusal.next, code=refusal.code)] if refusal else []


def _of_suspension(permission: Permission, policy: Policy, equality: str, ground: Ground) -> list[Problem]:
    """What is suspended is resumed, not shared anew beside it."""
    if why := ground.paused.get((permission.principal.account or "", policy.function.account_id)):
        return [Problem(why, RESUME_FIRST, field="who", code="suspended")]
    live = ground.live.get(policy.pk, ())
    if any(one.equality == equality and one.suspended_at and one.wanted == Wanted.ABSENT for one in live):
        return [Problem(SUSPENDED, RESUME_IT, field="who", code="suspended")]
    return []


def _of_reading(policy: Policy) -> list[Problem]:
    """How far "already granted" and the size can be trusted."""
    if policy.unread_reason:
        when = f" since {policy.unread_since:%Y-%m-%d %H:%M} UTC" if policy.unread_since else ""
        return [
            Problem(
                f"This policy could not be read{when}: {policy.unread_reason} Size and overlaps are as last known.",
                "fnshare reads it again before it writes. Re-read it to see for yourself.",
                code="unread",
            )
        ]
    if policy.reading == Reading.UNREAD:
        return [
            Problem(
                "This policy has not been read yet: its size and what is already granted are not known.",
                "fnshare reads it before it writes. Re-read it to see for yourself.",
                code="unread",
            )
        ]
    return []


def _of_sid(
    policy: Policy,
    sid: str,
    undo_of: Grant | None,
    grant_id: uuid.UUID,
    equality: str,
    ends_at: datetime | None,
    ground: Ground,
) -> list[Problem]:
    live = next((grant for grant in ground.live.get(policy.pk, ()) if grant.sid == sid), None)
    if live is not None and (live.pk, live.equality, live.ends_at) == (grant_id, equality, ends_at):
        return []  # the same form's own grant, made a moment ago by the other click of a double click
    if live is not None:
        return [
            Problem(
                f"The statement id {sid} is taken by a grant made {live.created_at:%Y-%m-%d}, {until(live.ends_at)}.",
                "Choose another, or leave the one that is offered.",
                field="sid",
                code="conflict",
            )
        ]
    stored = ground.document(policy).by_sid(sid)
    if not stored or (undo_of is not None and same_as_granted(undo_of, stored[0].raw)):
        return []
    return [
        Problem(
            f"A statement made elsewhere already has the id {sid}.",
            "Choose another statement id, or leave the one that is offered.",
            field="sid",
            code="conflict",
        )
    ]
