"""The sign-in page, and the password's own page."""

from typing import Any

from allauth.account import views as allauth
from allauth.account.adapter import get_adapter
from allauth.core import context as current
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sharing.models import User
from sharing.services.errors import Refusal
from sharing.services.signing import failing, ways
from sharing.views.permitting import open_to_consumers


class _Login(allauth.LoginView):  # type: ignore[misc]  # allauth ships no types
    """allauth's, which also tells the page what the provider is called."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The provider's name, and whether it is the way for everybody but outsiders."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        only = settings.OIDC is not None and settings.OIDC.only
        return context | {"provider": ways.provider_name(), "only": only}


login = _Login.as_view()


class CodeForm(AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The second step's. A wrong code is a failed sign-in like a wrong password."""

    def _emit_authentication_failed(self, authenticator: Authenticator) -> None:
        request = current.request
        failing.failed(self.user.email, ip=get_adapter(request).get_client_ip(request))
        super()._emit_authentication_failed(authenticator)


@open_to_consumers
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: HttpRequest) -> HttpResponse:
    """Another password, for those whom a password lets in."""
    if isinstance(request.user, User) and not ways.password_open(request.user):
        raise Refusal(
            f"You sign in through {ways.provider_name()}, not with a password.", next="Change it there.", code="conflict"
        )
    response: HttpResponse = allauth.password_change(request)
    return response
