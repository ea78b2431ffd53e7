"""A forgotten password: the form of allauth's page, with the mail left to a worker."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django.http import HttpRequest

from sharing.services import passwords
from sharing.tasks import soon
from sharing.tasks.mailing import send_notice


class ForgottenForm(ResetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    """Asks for the mail. Known or unknown, the address takes the same time and gets the same words."""

    def save(self, request: HttpRequest, **_kwargs: Any) -> str:
        """A row; a worker makes the link and sends it."""
        email = str(self.cleaned_data["email"]).lower()
        if notice := passwords.ask(email):
            soon(send_notice, notice.pk, queue="mail")
        return email
