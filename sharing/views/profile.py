"""One's own profile: name, time zone, look, password, sessions."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from sharing.forms.people import ProfileForm
from sharing.models import User
from sharing.services import people
from sharing.services.errors import Refusal
from sharing.services.signing import factors, sessions, ways
from sharing.views.permitting import actor, open_to_consumers


def _person(request: HttpRequest) -> User:
    person = actor(request).person
    assert person is not None  # noqa: S101  # Actor.of always has one
    return person


@open_to_consumers
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change one's own profile."""
    person = _person(request)
    initial = {"name": person.name, "time_zone": person.time_zone, "theme": person.theme, "reminders": person.reminders}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            people.change_profile(person, by=actor(request), **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(refusal.field or None, f"{refusal.message} {refusal.next}".strip())
        else:
            messages.success(request, "Your profile was saved.")
            response = redirect("profile")
            # The sign-in page cannot know who comes: the cookie tells it how this device wants to look.
            response.set_cookie(
                "theme", person.theme, max_age=60 * 60 * 24 * 365, samesite="Lax", httponly=True, secure=settings.HTTPS
            )
            return response
    context = {
        "form": form,
        "sessions": sessions.sessions_of(person),
        "this_session": request.session.session_key,
        "factors": [held for held in factors.held_by(person) if held.type in factors.REAL],
        "password_open": ways.password_open(person),
        "provider": ways.provider_name() if ways.through_provider(person) else "",
    }
    return render(request, "profile/profile.html", context, status=422 if form.errors else 200)


@open_to_consumers
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign one of one's own sessions out."""
    sessions.end_session(_person(request), pk, by=actor(request))
    messages.success(request, "That session was ended.")
    return redirect("profile")


@open_to_consumers
@require_POST
def session_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    ended = sessions.end_other_sessions(_person(request), keep=request.session.session_key or "", by=actor(request))
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return redirect("profile")
