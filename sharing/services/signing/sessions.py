"""Where people are signed in. Anybody ends their own sessions, admins everybody's."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Subquery
from django.utils import timezone

from sharing.models import Actor, User
from sharing.services import history
from sharing.services.errors import NotFound, NotPermitted
from sharing.services.prepared import SOME_KEY, SOMEBODY, Prepared, as_moment

#: How a session began, as UserSession.data["method"] and in people's words.
METHODS = {
    "password": "Password",
    "password+factor": "Password and second factor",
    "passkey": "Passkey",
    "sso": "Single sign-on",
}


def sessions_of(person: User) -> list[UserSession]:
    """Where the person is signed in, last seen first; what is over already is left out."""
    sessions = UserSession.objects.purge_and_list(person)
    for session in sessions:
        session.method = METHODS.get(str((session.data or {}).get("method")), "")
    return sorted(sessions, key=lambda session: session.last_seen_at, reverse=True)


def end_session(person: User, session_pk: int, *, by: Actor) -> None:
    """End one of one's own sessions; an admin, one of anybody's. NotFound for somebody else's, as for none."""
    session = UserSession.objects.filter(pk=session_pk, user=person).first()
    if not (_own(person, by) or by.is_admin()) or session is None:
        raise NotFound("That session", next="It may be over already. Reload the page.")
    with transaction.atomic():
        session.end()
        history.record("person.sessions-ended", f"A session of {person.email} was ended.", by=by)


def end_other_sessions(person: User, *, keep: str, by: Actor) -> int:
    """End every session of one's own but the one with the session key `keep`; returns how many."""
    if not _own(person, by):
        raise NotPermitted("Sessions are ended by the person themselves.")
    with transaction.atomic():
        ended = _end(UserSession.objects.filter(user=person).exclude(session_key=keep))
        if ended:
            history.record("person.sessions-ended", f"{counted(ended)} of {person.email} ended.", by=by)
    return ended


def end_all_by_admin(person: User, *, by: Actor) -> int:
    """An admin signs the person out everywhere; returns from how many sessions."""
    if not by.is_admin():
        raise NotPermitted("Only an admin of fnshare ends the sessions of others.")
    with transaction.atomic():
        ended = end_all(person)
        if ended:
            history.record("person.sessions-ended", f"{counted(ended)} of {person.email} ended.", by=by)
    return ended


def end_all(person: User) -> int:
    """End every session of the person, now. The caller records why."""
    return _end(UserSession.objects.filter(user=person))


def counted(number: int) -> str:
    """ "1 session", "3 sessions"."""
    return f"{number} session{'' if number == 1 else 's'}"


def person_of(user_id: uuid.UUID, session_key: str) -> User | None:
    """Whom a session names, with the moment it was last noted as in use: each page needs both, and one query has them."""
    asked = _asked()
    for person in User.objects.raw(asked.sql, asked.values(user_id, session_key)):
        person.session_seen_at = as_moment(person.session_seen_at)
        return person
    return None


@cache
def _asked() -> Prepared:
    last_seen = UserSession.objects.filter(session_key=SOME_KEY).values("last_seen_at")
    asked = User.objects.filter(pk=SOMEBODY)
    asked = asked.annotate(session_seen_at=Subquery(last_seen))  # type: ignore[no-redef]  # it is that attribute
    return Prepared(asked, SOMEBODY, SOME_KEY)


def seen(session_key: str, last: datetime | None) -> None:
    """Note that a session is in use, at most every five minutes: polling pages must not write at every poll."""
    now = timezone.now()
    if last is not None and now - last > timedelta(minutes=5):
        UserSession.objects.filter(session_key=session_key).update(last_seen_at=now)


def _own(person: User, by: Actor) -> bool:
    return by.person is not None and by.person.pk == person.pk and not by.claimed


def _end(sessions: Any) -> int:
    ended = 0
    for session in sessions:
        session.end()
        ended += 1
    return ended
