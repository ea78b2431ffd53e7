"""The words of mail about freezes (services.mailing.KINDS)."""

from __future__ import annotations

import uuid

from sharing.models import Freeze, Notice
from sharing.services.letters import Letter, link, moment_for
from sharing.services.quoting import one_line


def frozen(notice: Notice) -> Letter | None:
    """To every admin: who froze, why, and what that stops. None: it is over already."""
    about = _of(notice)
    if about is None or not about.standing:
        return None
    who = one_line(about.began_as)
    context = {
        "who": who,
        "by_worker": about.began_by_id is None and who == "fnshare",
        "reason": one_line(about.reason, 500),
        "at": moment_for(notice.person, about.began_at),
        "link": link("limits"),
    }
    return Letter("fnshare is frozen: nothing is shared until an admin ends it", "mail/frozen", context)


def unfrozen(notice: Notice) -> Letter | None:
    """To every admin: who ended the freeze."""
    about = _of(notice)
    if about is None or about.ended_at is None:
        return None
    context = {
        "who": one_line(about.ended_as),
        "reason": one_line(about.end_reason, 500),
        "at": moment_for(notice.person, about.ended_at),
        "link": link("limits"),
    }
    return Letter("fnshare shares again: the freeze was ended", "mail/unfrozen", context)


def _of(notice: Notice) -> Freeze | None:
    return Freeze.objects.filter(pk=uuid.UUID(notice.detail["freeze"])).first()
