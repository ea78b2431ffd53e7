"""Signing in, by allauth, with what is ours around it: adapters, single sign-on, second factors."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

from sharing.views import limiting


@login_not_required
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """allauth needs the name of a sign-up page; there is none."""
    raise Http404


@login_not_required
def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Too many attempts to sign in or to reset a password."""
    return limiting.too_many(request, limiting.GUESSED, guessing=True)
