"""What is written when somebody came in, and the alarm when it was past single sign-on."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Event, Notice, Role, User
from sharing.services import history, notices
from sharing.services.signing import failing, ways
from sharing.services.signing.sessions import METHODS

log = structlog.get_logger(__name__)

#: How long the overview says that the break-glass login was used.
REMEMBERED = timedelta(hours=24)


def came_in(person: User, *, method: str, session_key: str, ip: str = "", sid: str = "") -> list[Notice]:
    """Write that the person signed in. method: a key of sessions.METHODS. Returns mail to send.

    The session's row keeps how it began: sessions that the provider began end with the provider's (`sid`).
    """
    failing.tell_now(person)
    mail: list[Notice] = []
    with transaction.atomic():
        UserSession.objects.filter(session_key=session_key).update(data={"method": method, "sid": sid})
        where = f" from {ip}" if ip else ""
        how = METHODS[method]
        history.record(
            "person.signed-in", f"{person.email} signed in{where}. {how}.", by=Actor.of(person), detail={"method": method}
        )
        if method.startswith("password") and ways.through_provider(person):
            mail = _alarm(person, ip)
    return mail


def broke_glass_lately(by: Actor, now: datetime) -> Event | None:
    """The last use of the break-glass login within a day, for admins."""
    if not by.is_admin():
        return None
    return Event.objects.filter(verb="person.break-glass", at__gt=now - REMEMBERED).order_by("-sequence").first()


def _alarm(person: User, ip: str) -> list[Notice]:
    now = timezone.now()
    where = f" from {ip}" if ip else ""
    log.critical("break_glass", person=person.email, ip=ip)
    text = f"{person.email} signed in with a password{where}, past {ways.provider_name()}."
    history.record("person.break-glass", text, by=Actor.of(person))
    detail = {"email": person.email, "ip": ip or "an unknown address", "at": f"{now:%d %B %Y at %H:%M} UTC"}
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk).order_by("email")
    queued = [notices.queue("break-glass", to=each.email, person=each, detail=detail) for each in others]
    return [notice for notice in queued if notice is not None]
