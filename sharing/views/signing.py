"""Signing in, by allauth, with what is ours: no sign-up, links with the public address, mail that cannot break a page."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from sharing.models import User
from sharing.services import people

log = structlog.get_logger(__name__)


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's sign-up is open by default; people are added by an admin (`manage.py add-person`, or the People page)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves."""
        return False

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The public address, never the Host header of whoever asked."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.PUBLIC_URL}{path.replace('UID-KEY', key)}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to the profile."""
        return reverse("profile")

    def set_password(self, user: User, password: str) -> None:
        """Through our service, so that history has it."""
        people.set_password(user, password)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that does not answer is a line in the log; the page says the same as ever, and betrays no address."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as problem:  # smtplib's errors are OSErrors too
            log.error("mail_not_sent", template=template_prefix, problem=type(problem).__name__)


@login_not_required
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """allauth needs the name of a sign-up page; there is none."""
    raise Http404


@login_not_required
def too_many(request: HttpRequest) -> HttpResponse:
    """Too many attempts to sign in or to reset a password."""
    return render(request, "errors/429.html", status=429)
