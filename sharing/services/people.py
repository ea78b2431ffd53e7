"""People: who may sign in, what each may do, on which accounts.

Admins add and change people. Nobody deletes one: history names them. One active admin always remains.
"""

import zoneinfo
from collections.abc import Iterable, Sequence

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from sharing.models import Account, Actor, Membership, Role, Theme, User
from sharing.services import history
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.signing import sessions, ways

ONLY_ADMINS = "Only an admin of fnshare adds or changes people."


def visible_to(actor: Actor) -> "QuerySet[User, User]":
    """Everybody, for admins; only oneself for others."""
    people = User.objects.order_by("-is_active", "email")
    if actor.is_admin():
        return people
    return people.filter(pk=actor.person.pk) if actor.person else people.none()


def called(text: str, people: "QuerySet[User, User]") -> "QuerySet[User, User]":
    """Of these people whose name or address holds the text, and who see or act for an account that is called so."""
    if not text:
        return people
    accounts = Account.objects.called(text).order_by().values("pk")
    owning = User.accounts.through.objects.filter(account__in=accounts).values("user")
    acting = Membership.objects.current().filter(account__in=accounts).order_by().values("person")
    named = Q(name__icontains=text) | Q(email__icontains=text)
    return people.filter(named | Q(pk__in=owning) | Q(pk__in=acting))


def add_person(
    email: str,
    *,
    role: str,
    by: Actor,
    name: str = "",
    every_account: bool = True,
    accounts: Iterable[Account] = (),
    password: str | None = None,
) -> User:
    """A new person. Without a password they set one through `password_link`.

    Admins always see every account. Raises Refusal for a taken or malformed address, a weak password, an empty scope.
    """
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    chosen = _scope(role, every_account, accounts)
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        raise Refusal(
            f"{email} is known already.", next="Change that person instead of adding another.", code="conflict", field="email"
        )
    person = User(email=email, name=name.strip(), role=role, every_account=chosen is None)
    if password is None:
        person.set_unusable_password()
    else:
        _check_password(password, person)
        person.set_password(password)
    try:
        with transaction.atomic():
            person.full_clean()
            person.save()
            person.accounts.set(chosen or ())
            history.record("person.added", f"{person.email} was added as {_described(person, chosen)}.", by=by)
    except ValidationError as problem:
        raise _as_refusal(problem) from None
    except IntegrityError:
        raise Refusal(f"{email} is known already.", code="conflict", field="email") from None
    return person


def change_person(
    person: User, *, role: str, by: Actor, name: str | None = None, every_account: bool, accounts: Iterable[Account] = ()
) -> User:
    """Another role, scope or name. It holds from the person's next click. The last active admin stays one."""
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    chosen = _scope(role, every_account, accounts)
    with transaction.atomic():
        person = lock(person)
        if ways.from_groups(person) and not _stays(person, role, chosen):
            raise Refusal(
                f"Role and scope of {person.email} come from their groups at {ways.provider_name()}, anew at each sign-in.",
                next="Change the groups there, or which group gives which role (OIDC_ROLES).",
                code="conflict",
                field="role",
            )
        if role != Role.ADMIN:
            _keep_one_admin(person)
        old_name = person.name
        if name is not None:
            person.name = name.strip()
        change = give(person, role, chosen)
        if change:
            history.record("person.changed", change, by=by)
        elif person.name != old_name:
            history.record("person.changed", f"{person.email} is now called {person.name or 'by the address'}.", by=by)
    return person


def give(person: User, role: str, chosen: list[Account] | None) -> str:
    """Write role and scope (None: every account); the sentence that tells the change, empty when there is none.

    The caller has checked who asks, holds the row's lock and records the event. Raises Refusal.
    """
    before = _described(person, None if person.every_account else list(person.accounts.all()))
    person.role = role
    person.every_account = chosen is None
    try:
        person.full_clean()
    except ValidationError as problem:
        raise _as_refusal(problem) from None
    person.save()
    person.accounts.set(chosen or ())
    after = _described(person, chosen)
    return "" if after == before else f"{person.email} is now {after}; was {before}."


def lock(person: User) -> User:
    """The person's row, locked until the transaction ends, and all active admins': two cannot demote each other."""
    list(User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk"))
    return User.objects.select_for_update().get(pk=person.pk)


def is_last_admin(person: User) -> bool:
    """Whether no active admin would be left without this one."""
    if person.role != Role.ADMIN or not person.is_active:
        return False
    return not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk).exists()


def deactivate(person: User, *, by: Actor) -> User:
    """The person cannot sign in any more; every session of theirs ends now."""
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    with transaction.atomic():
        person = lock(person)
        if not person.is_active:
            return person
        _keep_one_admin(person)
        person.is_active = False
        person.save(update_fields=["is_active"])
        ended = sessions.end_all(person)
        history.record(
            "person.deactivated",
            f"{person.email} was deactivated; {ended} session{'' if ended == 1 else 's'} ended.",
            by=by,
        )
    return person


def reactivate(person: User, *, by: Actor) -> User:
    """The person may sign in again, with the role, scope and password they had."""
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    with transaction.atomic():
        person = lock(person)
        if person.is_active:
            return person
        person.is_active = True
        person.save(update_fields=["is_active"])
        history.record("person.reactivated", f"{person.email} may sign in again.", by=by)
    return person


def password_link(person: User) -> str:
    """The address at which the person sets a password: works once, for three days (PASSWORD_RESET_TIMEOUT)."""
    key = default_token_generator.make_token(person)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(person), "key": key})
    return f"{settings.PUBLIC_URL}{path}"


def first_password_link(person: User, *, by: Actor) -> str:
    """The link, for an admin to hand over by a way of their own. Only while the person has no password yet.

    Afterwards it would let an admin act as somebody else, a second approver included.
    """
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    if not person.is_active:
        raise Refusal(f"{person.email} is deactivated.", next="Reactivate the person first.", code="conflict")
    if not ways.password_open(person):
        raise Refusal(f"{person.email} signs in through {ways.provider_name()}, not with a password.", code="conflict")
    if person.has_usable_password():
        raise Refusal(
            f"{person.email} has a password already.",
            next="They can ask for a new one themselves: Forgot your password, on the sign-in page.",
            code="conflict",
        )
    with transaction.atomic():
        history.record("person.link-made", f"A link to set the first password of {person.email} was made.", by=by)
    return password_link(person)


def set_password(person: User, password: str) -> None:
    """The person's own doing: through the reset link or the profile. Old sessions end with the old password."""
    with transaction.atomic():
        person.set_password(password)
        person.save()
        history.record("person.password-set", f"{person.email} set a new password.", by=Actor.of(person))


def change_profile(person: User, *, name: str, time_zone: str, theme: str, reminders: bool = True, by: Actor) -> User:
    """One's own name, time zone, theme, and whether mail reminds them. No event: it changes nothing for anybody else."""
    if by.person is None or by.person.pk != person.pk:
        raise NotPermitted("A profile is changed by the person themselves.")
    if time_zone not in zoneinfo.available_timezones():
        raise Refusal(f"{time_zone[:64]} is no time zone.", next="Choose one from the list.", field="time_zone")
    if theme not in Theme.values:
        raise Refusal("That theme does not exist.", next="Choose one from the list.", field="theme")
    person.name, person.time_zone, person.theme, person.reminders = name.strip(), time_zone, theme, reminders
    try:
        person.full_clean()
    except ValidationError as problem:
        raise _as_refusal(problem) from None
    person.save(update_fields=["name", "time_zone", "theme", "reminders"])
    return person


def find_accounts(numbers: Sequence[str], *, by: Actor) -> list[Account]:
    """The known accounts with these 12-digit numbers. NotFound names the first that is not known."""
    known = {account.number: account for account in Account.objects.visible_to(by).filter(number__in=numbers)}
    for number in numbers:
        if number not in known:
            raise NotFound(f"Account {number}", next="Connect the account first (manage.py connect), or leave it out.")
    return [known[number] for number in numbers]


def _scope(role: str, every_account: bool, accounts: Iterable[Account]) -> list[Account] | None:
    """None: every account."""
    if role not in Role.values:
        raise Refusal("That role does not exist.", next=f"Use {', '.join(Role.values)}.", field="role")
    chosen = list(accounts)
    if role == Role.CONSUMER:
        if chosen or every_account:
            raise Refusal(
                "A consumer sees what is shared with the accounts they act for, and no account by itself.",
                next="Leave the accounts out; an invitation that is accepted says for which account they act.",
                field="accounts",
            )
        return []
    if role == Role.ADMIN:
        if chosen and not every_account:
            raise Refusal(
                "An admin sees every account.",
                next="Leave the accounts out, or choose owner or auditor.",
                field="accounts",
            )
        return None
    if every_account:
        return None
    if not chosen:
        raise Refusal(
            "Without an account this person would see nothing.", next="Choose at least one, or every account.", field="accounts"
        )
    return chosen


def _described(person: User, accounts: list[Account] | None) -> str:
    if person.role == Role.CONSUMER:
        return "consumer"
    if accounts is None:
        return f"{person.get_role_display().lower()} of every account"
    numbers = ", ".join(sorted(account.number for account in accounts))
    return f"{person.get_role_display().lower()} of {numbers or 'no account'}"


def _stays(person: User, role: str, chosen: list[Account] | None) -> bool:
    """Whether the person has this role and scope already."""
    if person.role != role or person.every_account != (chosen is None):
        return False
    return chosen is None or {account.pk for account in chosen} == {account.pk for account in person.accounts.all()}


def _keep_one_admin(person: User) -> None:
    if is_last_admin(person):
        raise Refusal(
            f"{person.email} is the last admin.", next="Make somebody else an admin first.", code="conflict", field="role"
        )


def _check_password(password: str, person: User) -> None:
    try:
        validate_password(password, person)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), next="Choose another password.", field="password") from None


def _as_refusal(problem: ValidationError) -> Refusal:
    if hasattr(problem, "error_dict"):
        field, errors = next(iter(problem.message_dict.items()))
        return Refusal(" ".join(errors), next="Correct it and try again.", field="" if field == "__all__" else field)
    return Refusal(" ".join(problem.messages), next="Correct it and try again.")
