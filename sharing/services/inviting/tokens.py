"""The secret in an invitation's link: random, kept as a digest only, one at a time."""

from __future__ import annotations

import hashlib
import secrets

from django.urls import reverse

from sharing.models import Invitation


def digest(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so a plain hash is as good as a slow one."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def find(token: str) -> Invitation | None:
    """The invitation whose newest link has this token, whatever its state; None for any other text."""
    related = ("created_by", "account", "connection", "accepted_by")
    return Invitation.objects.select_related(*related).filter(token_digest=digest(token)).first()


def renew(invitation: Invitation) -> str:
    """A new token, for the mail that is about to leave; the one before it opens nothing any more."""
    token = secrets.token_urlsafe(32)
    Invitation.objects.filter(pk=invitation.pk).update(token_digest=digest(token))
    invitation.token_digest = digest(token)
    return token


def path_of(token: str) -> str:
    """The address of the acceptance page."""
    return reverse("invitation-open", args=[token])
