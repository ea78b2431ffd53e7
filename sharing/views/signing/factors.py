"""Second factors: allauth's views, with every change written down in its own transaction."""

from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sharing.models import User
from sharing.services.signing import factors, ways
from sharing.tasks import send_notice, soon
from sharing.views.permitting import P, View, open_to_consumers


def proved(view: View[P]) -> View[P]:
    """Whom the provider lets in proves it there again. allauth asks the others by itself, and would not ask these."""

    @wraps(view)
    def asking(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = request.user
        asked = isinstance(person, User) and ways.through_provider(person) and not ways.password_open(person)
        if asked and get_adapter(request).is_reauthentication_required(app="allauth.mfa"):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return asking


def freshly_proved(view: View[P]) -> View[P]:
    """For what nobody should find open on a screen left alone: who signed in some minutes ago proves again who they are."""

    @wraps(view)
    def asking(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if get_adapter(request).is_reauthentication_required(app="sharing"):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return asking


def recorded(view: View[P]) -> View[P]:
    """What a POST changes about the person's factors is told to history and, by mail, to them."""

    @wraps(view)
    @proved
    def changing(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = request.user
        if request.method != "POST" or not isinstance(person, User):
            return view(request, *args, **kwargs)
        with transaction.atomic():
            before = factors.held_by(person)
            response = view(request, *args, **kwargs)
            mail = factors.record_changes(person, before)
        for notice in mail:
            soon(send_notice, notice.pk, queue="mail")
        return response

    return changing


class _Index(base.IndexView):  # type: ignore[misc]  # allauth ships no types
    """allauth's, which also tells the page what the setting asks and who else asks."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whom REQUIRE_SECOND_FACTOR means, if this person is one of them, and the provider, if it lets them in."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        person = self.request.user
        must = settings.REQUIRE_SECOND_FACTOR if factors.must_have_one(person) else ""
        return context | {"must": must, "provider": ways.provider_name() if ways.through_provider(person) else ""}


index = open_to_consumers(_Index.as_view())
totp_add = never_cache(recorded(totp.activate_totp))
totp_remove = recorded(totp.deactivate_totp)
passkey_add = never_cache(recorded(passkeys.add_webauthn))
passkey_remove = recorded(passkeys.remove_webauthn)
codes_new = recorded(codes.generate_recovery_codes)
codes_show = never_cache(proved(codes.view_recovery_codes))
passkey_rename = proved(passkeys.edit_webauthn)


@open_to_consumers
@require_safe
def passkey_list(request: HttpRequest) -> HttpResponse:
    """allauth leads here after a passkey was changed; they are listed with the other factors."""
    return redirect("mfa_index")
