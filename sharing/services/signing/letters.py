"""The words of mail about signing in (services.mailing.KINDS)."""

from __future__ import annotations

from sharing.models import Notice
from sharing.services.letters import Letter
from sharing.services.signing import ways


def second_factor(notice: Notice) -> Letter | None:
    """To the person: what changed about their second factors."""
    return Letter("Your second factor was changed", "mail/second-factor", {"what": notice.detail["what"]})


def sso_linked(notice: Notice) -> Letter | None:
    """To the person: from now on they sign in through the provider."""
    context = {"provider": notice.detail.get("provider") or ways.provider_name()}
    return Letter(f"You now sign in through {context['provider']}", "mail/sso-linked", context)


def break_glass(notice: Notice) -> Letter | None:
    """To every other admin: somebody used the break-glass login."""
    return Letter(f"{notice.detail['email']} used the break-glass login", "mail/break-glass", dict(notice.detail))
