"""What a changed policy means for grants: their statement is gone, or is not what was granted any more."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from sharing.models import Actor, Function, Grant, GrantState, Policy, Wanted
from sharing.models.grant import NOT_SUSPENDED
from sharing.policy import Document, PrincipalKind, Statement, same_statement
from sharing.services import history, waking
from sharing.services.masking import mask_tokens, same_token
from sharing.services.naming import spoken

_CHANGED = "statement-changed"
#: A suspended grant whose statement another tool wrote again.
PUT_BACK = "put-back"


def note_drift(policy: Policy, document: Document, *, read_at: datetime) -> None:
    """Compare active grants with the policy as read (in clear). Call inside the transaction that stores it."""
    held = Q(state=GrantState.ACTIVE, wanted=Wanted.PRESENT) | Q(state=GrantState.SUSPENDED, settled_at__isnull=False)
    for grant in Grant.objects.filter(held, policy=policy).order_by():
        grant.policy = policy
        if grant.settled_at is not None and grant.settled_at > read_at:
            continue  # settled after this read was made: it has been looked at more lately
        found = _statement_of(grant, document)
        if grant.state == GrantState.SUSPENDED:
            if found is not None and _as_granted(grant, found.raw):
                _put_back(grant, read_at)
        elif found is None:
            vanish(grant, "AWS no longer has the statement, and fnshare did not remove it.", read_at)
        elif not _as_granted(grant, found.raw):
            _changed(grant, found)
        elif grant.failure_code == _CHANGED:
            _as_it_was(grant)


def vanish(grant: Grant, failure: str, at: datetime) -> bool:
    """Active → vanished, with its event. False: it was not active any more."""
    moved = Grant.objects.filter(pk=grant.pk, state=GrantState.ACTIVE, wanted=Wanted.PRESENT).update(
        state=GrantState.VANISHED,
        settled_at=at,
        unsettled_since=None,
        next_try_at=None,
        check_due_at=None,
        failure=failure,
        failure_code="vanished",
        failure_next="Restore it if it is still wanted, or leave it.",
    )
    if moved:
        waking.note(grant.policy.function_id)
        history.record(
            "grant.vanished",
            f"The share with {_whom(grant)} is gone from AWS: {failure[:1].lower()}{failure[1:]}",
            by=Actor.system(),
            grant=grant,
        )
    return bool(moved)


def _put_back(grant: Grant, at: datetime) -> None:
    """Suspended → active, since that is what AWS holds: nothing that lets somebody in is called suspended."""
    by = grant.revoked_as
    moved = Grant.objects.filter(pk=grant.pk, state=GrantState.SUSPENDED).update(
        state=GrantState.ACTIVE,
        wanted=Wanted.PRESENT,
        settled_at=at,
        next_try_at=None,
        check_due_at=at,
        **NOT_SUSPENDED,
        failure=f"Another tool put the statement back while it was suspended (by {by}): it lets them in.",
        failure_code=PUT_BACK,
        failure_next="Suspend or revoke it again, or leave it as it is.",
    )
    if moved:
        text = f"The suspended share with {_whom(grant)} is in AWS again, and fnshare did not put it back."
        history.record("grant.put-back", text, by=Actor.system(), grant=grant)


def vanish_all(function: Function, failure: str, at: datetime, *, qualifiers: list[str] | None = None) -> int:
    """Every active grant on the function (or on these aliases and versions of it) is gone with it. How many."""
    grants = Grant.objects.filter(policy__function=function, state=GrantState.ACTIVE, wanted=Wanted.PRESENT)
    if qualifiers is not None:
        grants = grants.filter(policy__qualifier__in=qualifiers)
    return sum(vanish(grant, failure, at) for grant in grants.select_related("policy__function__account"))


def _statement_of(grant: Grant, document: Document) -> Statement | None:
    named = document.by_sid(grant.sid)
    if len(named) > 1:
        return next((one for one in named if _as_granted(grant, one.raw)), named[0])
    return named[0] if named else None


def _as_granted(grant: Grant, stored: Any) -> bool:
    """The same meaning; tokens are compared by their fingerprint."""
    if not same_statement(_without_tokens(stored), _without_tokens(grant.statement)):
        return False
    return not grant.token_fingerprint or same_token(stored, grant.token_fingerprint)


def _without_tokens(statement: Any) -> Any:
    """The statement with one and the same mask for every token: grants keep another mask than policies."""
    return _level(mask_tokens(statement))


def _level(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: "masked" if str(key).lower() == "lambda:eventsourcetoken" else _level(value) for key, value in raw.items()}
    return [_level(item) for item in raw] if isinstance(raw, list) else raw


def _changed(grant: Grant, found: Statement) -> None:
    ghosts = [principal for principal in found.principals if principal.kind.value == "ghost"]
    if ghosts:
        failure = f"{grant.principal} was deleted in AWS: the statement names its id {ghosts[0].value} and lets nobody in."
        following = "If it was made again, take this share back and share anew; else take it back."
    else:
        failure = "The statement in AWS is not what was granted: another tool changed it."
        following = "Look at the policy. Take the share back and share anew, or accept what is there."
    told = (
        Grant.objects.filter(pk=grant.pk, state=GrantState.ACTIVE)
        .exclude(failure=failure)
        .update(failure=failure, failure_code=_CHANGED, failure_next=following)
    )
    if told:
        history.record(
            "statement.changed",
            f"The statement “{grant.sid}” of the share with {_whom(grant)} changed outside fnshare. {failure}",
            by=Actor.system(),
            grant=grant,
        )


def _as_it_was(grant: Grant) -> None:
    """AWS shows the unique id of a role that was only just made for a while (aws-facts 1.7); tools repair what they broke."""
    Grant.objects.filter(pk=grant.pk, failure_code=_CHANGED).update(failure="", failure_code="", failure_next="")
    history.record(
        "statement.restored",
        f"The statement “{grant.sid}” of the share with {_whom(grant)} is as granted again",
        by=Actor.system(),
        grant=grant,
    )


def _whom(grant: Grant) -> str:
    return spoken(grant.principal) if grant.principal_kind == PrincipalKind.ACCOUNT else grant.principal
