"""A login for an invited person who has none: only for the address that the invitation went to."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Invitation, InvitationState, Role, User
from sharing.services.errors import Refusal
from sharing.services.history import record


def join(invitation: Invitation, *, name: str, password: str) -> User:
    """A new consumer with the invited address. The link showed that the mailbox is theirs; they see nothing yet.

    Raises Refusal: the invitation is over, the address has a login (also when another tab made it just now), a weak
    password.
    """
    if invitation.state != InvitationState.PENDING or invitation.expires_at <= timezone.now():
        raise Refusal(
            "This invitation waits for no answer any more.", next="Ask whoever invited you for a new one.", code="stale"
        )
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise _known(invitation)
    person = User(email=invitation.email, name=" ".join(name.split()), role=Role.CONSUMER, every_account=False)
    try:
        validate_password(password, person)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), next="Choose another password.", field="password") from None
    person.set_password(password)
    try:
        with transaction.atomic():
            person.full_clean()
            person.save(force_insert=True)
            text = f"{person.email} made a login of their own, by an invitation."
            record("person.joined", text, by=Actor.of(person), detail={"invitation": str(invitation.pk)})
    except ValidationError as problem:
        if "email" in problem.message_dict:
            raise _known(invitation) from None
        raise Refusal(" ".join(problem.messages), next="Correct it and try again.", field="name") from None
    except IntegrityError:
        raise _known(invitation) from None
    return person


def _known(invitation: Invitation) -> Refusal:
    return Refusal(f"{invitation.email} has a login here already.", next="Sign in with it.", code="conflict")
