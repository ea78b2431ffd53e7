"""What of allauth is ours: nobody signs up, ways that are closed open nothing, failures and entries are written down."""

import base64
import hashlib
import secrets
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.authentication import get_authentication_records
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from sharing.models import User
from sharing.services import people
from sharing.services.errors import Refusal
from sharing.services.signing import entering, failing, sessions, sso, ways
from sharing.tasks import send_notice, soon
from sharing.views.signing import providers

log = structlog.get_logger(__name__)


class PeopleBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Passwords, where they are open. A closed one is answered as a wrong one, after the same work."""

    def _check_password(self, user: User | None, password: str) -> User | None:
        found: User | None = super()._check_password(user, password)
        if user is not None and not ways.password_open(user):
            self._stash_user(None)
            return None
        return found

    def get_user(self, user_id: uuid.UUID) -> User | None:
        """Of the request that is being answered; of any other session, as Django does it."""
        key = current.request.session.session_key if current.request else None
        found: User | None = sessions.person_of(user_id, key) if key else super().get_user(user_id)
        return found if found is not None and self.user_can_authenticate(found) else None


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's sign-up is open by default; people are added by an admin, by a group at the provider, or by an invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As TRUSTED_PROXIES says. A header that does not fit, because somebody came past the proxies, is not believed."""
        try:
            return str(super().get_client_ip(request))
        except (ImproperlyConfigured, PermissionDenied):
            return request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104  # an address to count by, not to listen on

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count it."""
        failing.failed(str(credentials.get("email", "")), ip=self.get_client_ip(request))

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """The last gate before a session: also what got past the others goes in only by a way that is open."""
        method = _method(request, user, kwargs.get("signal_kwargs"))
        opens = {"sso": True, "passkey": ways.passkey_open(user)}.get(method, ways.password_open(user))
        if not opens:
            request.session.flush()
            messages.error(request, f"You sign in through {ways.provider_name()}; this opens nothing here.")
            return redirect("account_login")
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Write it down. What the provider began ends after its hours, however busy the session is."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        method = _method(request, user, kwargs.get("signal_kwargs"))
        sid = ""
        if method == "sso" and settings.OIDC is not None:
            state = kwargs["signal_kwargs"]["sociallogin"].state
            sid = str(state.get("sid", ""))
            request.session[providers.PROVED_AT] = float(state.get("proved_at", 0))
            request.session.set_expiry(timezone.now() + timedelta(hours=settings.OIDC.session_hours))
        key = request.session.session_key or ""
        for notice in entering.came_in(user, method=method, session_key=key, ip=self.get_client_ip(request), sid=sid):
            soon(send_notice, notice.pk, queue="mail")
        return response

    def is_reauthentication_required(self, app: str) -> bool:
        """Who signed in, or proved it again, in the last minutes is not asked again."""
        request = current.request
        records = get_authentication_records(request, request.user)
        proofs = [float(record.get("at", 0)) for record in records if record.get("method") != "socialaccount"]
        since = max([*proofs, float(request.session.get(providers.PROVED_AT, 0))])
        return timezone.now().timestamp() - since > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Whom the provider let in proves it there again, by whatever it asks."""
        if user.is_authenticated and ways.through_provider(user) and not ways.password_open(user):
            again = {"id": "sso", "description": ways.provider_name(), "url": reverse("sso-again")}
            return [again]
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return found

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


class FactorsAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Second factors: secrets are kept encrypted, and passkeys belong to the public address."""

    def encrypt(self, text: str) -> str:
        """With a key made of SECRET_KEY: a copy of the database alone makes no codes."""
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Another SECRET_KEY than at the time: a secret that fits nothing, so that no code is right."""
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The host of PUBLIC_URL, never the Host header."""
        return {"id": str(urlsplit(settings.PUBLIC_URL).hostname), "name": "fnshare"}

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  # allauth's name
        """What the form suggests."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "My passkey" if number == 1 else f"My passkey {number}"


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Single sign-on: allauth speaks with the provider, services.signing.sso says who comes in."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find or make the person; whoever may not come in gets a page that says why and whom to ask."""
        try:
            identity, proved_at = providers.identity_of(sociallogin)
            person, link, mail = sso.admit(identity)
        except Refusal as refusal:
            raise ImmediateHttpResponse(providers.refused(request, refusal)) from None
        for notice in mail:
            soon(send_notice, notice.pk, queue="mail")
        link.extra_data = {"iss": identity.issuer}
        link.save(update_fields=["extra_data", "last_login"])
        sociallogin.account, sociallogin.user = link, person
        sociallogin.state |= {"sid": identity.sid, "proved_at": proved_at}

    def on_authentication_error(self, request: HttpRequest, provider: Any, **kwargs: Any) -> None:
        """The provider said no, or nothing that can be believed."""
        raise ImmediateHttpResponse(providers.failed(request, kwargs.get("error"), kwargs.get("exception")))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """People are made by sso.admit alone."""
        return False

    def get_requests_session(self) -> Any:
        """For calls to the provider: https only (http on this machine), and nowhere that an answer redirects to."""
        return providers.strict(super().get_requests_session())


def _method(request: HttpRequest, user: User, signal_kwargs: dict[str, Any] | None) -> str:
    """How the person is signing in: a key of sessions.METHODS."""
    if signal_kwargs and "sociallogin" in signal_kwargs:
        return "sso"
    records = [each for each in get_authentication_records(request, user) if not each.get("reauthenticated")]
    if any(each.get("passwordless") for each in records):
        return "passkey"
    return "password+factor" if any(each.get("method") == "mfa" for each in records) else "password"


def _fernet() -> Fernet:
    digest = hashlib.sha256(f"second factors {settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
