"""What the provider says about somebody, and what follows: they come in with what their groups give, or stay out.

Groups are asked at every sign-in. Whoever has no mapped group any more loses their sessions at that moment; everybody
else's end after SSO_SESSION_HOURS and go through the provider again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Event, Notice, Role, User
from sharing.provider import KEY, Given, Provider
from sharing.services import history, notices, people
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.signing import sessions, ways

ASK = "Ask whoever runs fnshare here, and name the groups that you are in."


@dataclass(frozen=True)
class Identity:
    """Whom the provider vouches for. email_verified: only a plain yes counts. sid: the provider's session, if it says."""

    issuer: str
    sub: str
    email: str
    email_verified: bool
    groups: tuple[str, ...] = ()
    name: str = ""
    sid: str = ""


def admit(identity: Identity) -> tuple[User, SocialAccount, list[Notice]]:
    """The person, made or changed as their groups say, their link to the provider, and mail to send.

    Raises Refusal (code "sso"): they stay out, and history says why.
    """
    provider = ways.provider()
    if provider is None:
        raise Refusal("There is no single sign-on here.", code="sso")
    try:
        try:
            with transaction.atomic():
                return _admit(identity, provider)
        except IntegrityError:  # the same person in two windows, for the first time, at once: by now the other one is done
            with transaction.atomic():
                return _admit(identity, provider)
    except Refusal as refusal:
        _keep_out(identity, refusal)
        raise Refusal(refusal.message, next=refusal.next or ASK, code="sso") from None


def unlink(person: User, *, by: Actor) -> None:
    """Forget who the person is at the provider: the next one who comes with their verified address is taken for them."""
    if not by.is_admin():
        raise NotPermitted(people.ONLY_ADMINS)
    with transaction.atomic():
        gone, _ = SocialAccount.objects.filter(user=person).delete()
        if not gone:
            raise Refusal(f"{person.email} has not come through single sign-on.", code="conflict")
        ended = sessions.end_all(person)
        text = f"{person.email} was unlinked from single sign-on; {sessions.counted(ended)} ended."
        history.record("person.sso-unlinked", text, by=by)


def logged_out(sub: str, sid: str) -> int:
    """The provider says that somebody signed out there, or was thrown out: their sessions that it began end here too."""
    found = UserSession.objects.filter(data__method="sso").select_related("user")
    if sub:
        found = found.filter(user__in=SocialAccount.objects.filter(provider=KEY, uid=sub).values("user"))
    if sid:
        found = found.filter(data__sid=sid)
    if not sub and not sid:
        return 0
    with transaction.atomic():
        ended: Counter[str] = Counter()
        for session in found:
            session.end()
            ended[session.user.email] += 1
        for email, number in sorted(ended.items()):
            text = f"{sessions.counted(number)} of {email} ended: {ways.provider_name()} said so."
            history.record("person.sessions-ended", text, by=Actor.system())
    return ended.total()


def _admit(identity: Identity, provider: Provider) -> tuple[User, SocialAccount, list[Notice]]:
    if not identity.email or not identity.email_verified:
        raise Refusal(
            f"{provider.name} does not say that your e-mail address is verified.",
            next="People are known here by it. Verify it there, then try again.",
        )
    person, link = _known(identity, provider)
    if person is not None:
        person = people.lock(person)
        if not person.is_active:
            raise Refusal(f"{person.email} is deactivated here.", next="Ask an admin of fnshare to reactivate you.")
    given = provider.given(identity.groups)
    if given is None:
        raise Refusal("None of your groups gives you a role in fnshare.", next=ASK)
    chosen = _accounts(given)
    if person is None:
        person = _new(identity, given, chosen)
    mail: list[Notice] = []
    if link is None:
        facts = {"iss": identity.issuer}
        link = SocialAccount.objects.create(user=person, provider=KEY, uid=identity.sub, extra_data=facts)
        history.record("person.sso-linked", f"{person.email} now signs in through {provider.name}.", by=Actor.of(person))
        sessions.end_all(person)  # those that a password or passkey opened: neither opens anything from now on
        notice = notices.queue("sso-linked", to=person.email, person=person, detail={"provider": provider.name})
        mail = [notice] if notice else []
    _apply(person, given, chosen, provider)
    return person, link, mail


def _known(identity: Identity, provider: Provider) -> tuple[User | None, SocialAccount | None]:
    """Who this is here. The address decides, and an address once linked stays with the identity that it was linked to."""
    email = identity.email.strip().lower()
    person = User.objects.filter(email=email).first()
    link = SocialAccount.objects.filter(provider=KEY, uid=identity.sub).select_related("user").first()
    if link is not None and link.user.email != email:
        raise Refusal(
            f"You are known here as {link.user.email}, but {provider.name} says {email}.",
            next="Ask an admin of fnshare to unlink you on your page under People; then come again.",
        )
    if person is None or link is not None:
        return person, link
    for other in SocialAccount.objects.filter(user=person, provider=KEY):
        if other.extra_data.get("iss") == identity.issuer:
            raise Refusal(
                f"{email} belongs to somebody else at {provider.name}: the identity behind the address has changed.",
                next="If it is you, ask an admin of fnshare to unlink you on your page under People; then come again.",
            )
        other.delete()  # the provider itself was changed
    return person, None


def _accounts(given: Given) -> list[Account] | None:
    """The accounts of the scope that are known here; None: every one."""
    if given.numbers is None:
        return None
    found = list(Account.objects.filter(number__in=given.numbers))
    if not found:
        raise Refusal("The accounts that your groups are for are not connected here yet.", next="Ask an admin of fnshare.")
    return found


def _new(identity: Identity, given: Given, chosen: list[Account] | None) -> User:
    name = " ".join(identity.name.split())[:100]
    return people.add_person(
        identity.email, role=given.role, name=name, every_account=chosen is None, accounts=chosen or (), by=Actor.system()
    )


def _apply(person: User, given: Given, chosen: list[Account] | None, provider: Provider) -> None:
    """Role and scope as the groups say now. Another role or scope than before ends what was open with the old one."""
    if given.role != Role.ADMIN and people.is_last_admin(person):
        raise Refusal(
            f"Your groups make you {given.role}, but you are the last admin of fnshare.",
            next="Make somebody else an admin first; BREAK_GLASS can name one.",
        )
    change = people.give(person, given.role, chosen)
    if change:
        ended = sessions.end_all(person)
        text = f"{change} Their groups at {provider.name} say so; {sessions.counted(ended)} ended."
        history.record("person.changed", text, by=Actor.system())


def _keep_out(identity: Identity, refusal: Refusal) -> None:
    """Tell it once a quarter of an hour, and end what the person still has open here."""
    person = SocialAccount.objects.filter(provider=KEY, uid=identity.sub).select_related("user").first()
    who = identity.email.strip().lower()[:254] or f"somebody without an address ({identity.sub[:60]})"
    with transaction.atomic():
        ended = sessions.end_all(person.user) if person else 0
        text = f"{who} was refused at single sign-on: “{refusal.message}”"
        if ended:
            text += f" {sessions.counted(ended)} ended."
        lately = Event.objects.filter(verb="person.sso-refused", text=text, at__gt=timezone.now() - timedelta(minutes=15))
        if ended or not lately.exists():
            history.record("person.sso-refused", text, by=Actor.system())
