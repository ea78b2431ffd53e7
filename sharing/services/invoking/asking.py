"""Asking for a test invoke: a row that a worker answers. Nothing is called here."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Connection, Invocation, InvocationType, Policy, User
from sharing.services import connecting
from sharing.services.errors import NotFound, Refusal
from sharing.services.history import record

from .doors import is_door, may_ask
from .payloads import payload_of

#: Payload, answer and log live so long, counted from the click.
KEPT_FOR = timedelta(minutes=15)
A_MINUTE = timedelta(minutes=1)
PER_MINUTE = 10


def ask(policy: Policy, *, through: Connection, kind: str, payload: str, by: Actor, form_token: str = "") -> Invocation:
    """Keep the wish to call this function, alias or version once, as the invoker role `through`.

    The same form twice (double click, back button) gives the same row. Raises NotPermitted, NotFound (not one of `by`'s
    doors), Refusal: no JSON, too large, unknown type, gone from AWS, outside what the role was made for, too many a minute.
    """
    person = may_ask(by)
    if not is_door(through, policy, by=by):
        raise NotFound("That function")
    if kind not in InvocationType.values:
        raise Refusal("A test invoke waits for the answer, or hands an event over.", next="Choose one of both.", field="kind")
    wanted = payload_of(payload)
    if form_token and (sent := _sent(form_token, policy, kind, wanted, by)):
        return sent  # also when what follows would not allow a new one
    if policy.vanished_at or policy.function.vanished_at:
        raise Refusal("AWS lists this function, alias or version no more.", next="Re-read the function.", code="conflict")
    if not connecting.reaches(through, policy.arn):
        raise Refusal(
            f"The invoker role is limited to {', '.join(through.limited_to)}, and {policy.arn} is not among them.",
            next="An admin can change that under Settings, Accounts.",
            code="not-reached",
        )
    now = timezone.now()
    try:
        with transaction.atomic():
            # The person's row is the lock: a double click finds the first one's row, and two windows stay within the rate.
            User.objects.select_for_update(no_key=True).get(pk=person.pk)
            if form_token and (sent := _sent(form_token, policy, kind, wanted, by)):
                return sent
            _within_rate(person)
            one = Invocation.objects.create(
                policy=policy,
                connection=through,
                person=person,
                kind=kind,
                payload=wanted,
                payload_size=len(wanted.encode()),
                form_token=form_token or None,
                created_at=now,
                wipe_at=now + KEPT_FOR,
            )
            record(
                "invocation.asked",
                f"Test invoke of {policy.arn} asked ({kind}, {one.payload_size:,} bytes), as {through.role_arn}.",
                by=by,
                function=policy.function,
                qualifier=policy.qualifier,
                detail={"kind": kind, "bytes": one.payload_size, "role": through.role_arn, "invocation": str(one.pk)},
            )
    except IntegrityError:  # somebody else's form, at the same moment
        raise _stale() from None
    return one


def _sent(form_token: str, policy: Policy, kind: str, payload: str, by: Actor) -> Invocation | None:
    """What was asked with this form before. A form that was changed since is another wish, and says so."""
    one = Invocation.objects.filter(form_token=form_token).first()
    if one is None:
        return None
    same = (one.person, one.policy, one.kind) == (by.person, policy, kind)
    if not same or (one.wipe_at is not None and one.payload != payload):
        raise _stale()
    return one


def _stale() -> Refusal:
    return Refusal(
        "This form was sent already, and was changed since: nothing was called again.",
        next="Look at it once more and press the button, if you mean a second call.",
        code="stale",
    )


def _within_rate(person: User) -> None:
    lately = Invocation.objects.filter(person=person, created_at__gt=timezone.now() - A_MINUTE).count()
    if lately >= PER_MINUTE:
        raise Refusal(
            f"These are {PER_MINUTE} test invokes within a minute: no more for now.",
            next="Wait a minute. For load use your own code.",
            code="too-many",
        )
