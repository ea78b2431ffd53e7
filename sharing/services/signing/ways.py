"""Which ways to sign in are open to a person. Doors ask here; pages say the same in words."""

from __future__ import annotations

from django.conf import settings

from sharing.models import Role, User
from sharing.provider import Provider


def provider() -> Provider | None:
    """The provider of single sign-on, if one is configured."""
    configured: Provider | None = settings.OIDC
    return configured


def provider_name() -> str:
    """As people call it; empty without one."""
    configured = provider()
    return configured.name if configured else ""


def linked(person: User) -> bool:
    """Whether the person has signed in through the provider. Costs no query where `socialaccount_set` was prefetched."""
    return any(True for _ in person.socialaccount_set.all())  # type: ignore[attr-defined]  # allauth ships no types


def from_groups(person: User) -> bool:
    """Whether role and scope come from the person's groups at the provider: then nobody sets them here."""
    return provider() is not None and person.role != Role.CONSUMER and linked(person)


def breaks_glass(person: User) -> bool:
    """Whether this is the one person who may use a password although single sign-on is there."""
    configured = provider()
    return configured is not None and configured.break_glass != "" and person.email == configured.break_glass


def through_provider(person: User) -> bool:
    """Whether the person is to sign in through the provider and in no other way (break-glass aside).

    With SSO_ONLY that is every owner, admin and auditor; without it those who came through it once: whoever leaves the
    organisation must not come back by an old password. Consumers are outsiders, whom the provider does not know.
    """
    configured = provider()
    if configured is None or person.role == Role.CONSUMER:
        return False
    return configured.only or linked(person)


def password_open(person: User) -> bool:
    """Whether a password opens the door for this person."""
    return not through_provider(person) or (breaks_glass(person) and person.role == Role.ADMIN)


def passkey_open(person: User) -> bool:
    """Whether a passkey alone does, and whether a forgotten password may be replaced by mail."""
    return not through_provider(person)


def break_glass_problem() -> str:
    """Why BREAK_GLASS would not open the door if it were needed; empty when it would, or when nobody is to be named."""
    configured = provider()
    if configured is None:
        return ""
    if not configured.break_glass:
        return "Nobody can sign in when the provider is away: BREAK_GLASS names no admin." if configured.only else ""
    person = User.objects.filter(email=configured.break_glass).first()
    if person is None:
        return f"BREAK_GLASS names {configured.break_glass}, whom nobody has added."
    if person.role != Role.ADMIN:
        return f"BREAK_GLASS names {person.email}, who is no admin: it opens nothing."
    if not person.is_active:
        return f"BREAK_GLASS names {person.email}, who is deactivated: it opens nothing."
    if not person.has_usable_password():
        return f"BREAK_GLASS names {person.email}, who has no password: it opens nothing."
    return ""
