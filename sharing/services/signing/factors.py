"""Second factors: who has which, who must have one, and that every change is told."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from sharing.models import Actor, Notice, Role, User
from sharing.services import history, notices
from sharing.services.errors import NotPermitted, Refusal

TOTP, PASSKEY, CODES = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, Authenticator.Type.RECOVERY_CODES
#: Recovery codes alone are no second factor: they replace one that was lost.
REAL = (TOTP, PASSKEY)


@dataclass(frozen=True)
class Held:
    """One factor as it was: enough to tell, after it has gone, what it was."""

    pk: int
    type: str
    name: str

    def __str__(self) -> str:
        if self.type == TOTP:
            return "the authenticator app"
        return "recovery codes" if self.type == CODES else f"the passkey “{self.name}”"


def held_by(person: User) -> list[Held]:
    """The person's factors, recovery codes included, oldest first."""
    rows = Authenticator.objects.filter(user=person).order_by("pk")
    return [Held(row.pk, row.type, str(row.data.get("name", ""))[:100]) for row in rows]


def has_one(person: User) -> bool:
    """Whether the person has a second factor. Costs no query where `authenticator_set` was prefetched."""
    rows = person.authenticator_set.all()  # type: ignore[attr-defined]  # allauth ships no types
    return any(row.type in REAL for row in rows)


def must_have_one(person: User) -> bool:
    """Whether REQUIRE_SECOND_FACTOR asks one of the person."""
    return settings.REQUIRE_SECOND_FACTOR == "everyone" or (
        settings.REQUIRE_SECOND_FACTOR == "admins" and person.role == Role.ADMIN
    )


def record_changes(person: User, before: list[Held]) -> list[Notice]:
    """Tell history and the person what they changed since `before`. Called in the transaction of the change."""
    after = held_by(person)
    added = [each for each in after if each.pk not in {held.pk for held in before}]
    removed = [each for each in before if each.pk not in {held.pk for held in after}]
    if any(each.type == CODES for each in added):
        removed = [each for each in removed if each.type != CODES]  # new codes replace the old ones
    told = [("person.factor-added", f"added {each}") for each in _without_codes(added)]
    told += [("person.factor-removed", f"removed {each}") for each in _without_codes(removed)]
    return [_tell(person, verb, what) for verb, what in told]


def _without_codes(changed: list[Held]) -> list[Held]:
    """Recovery codes come with the first factor and go with the last: they are told only when they changed alone."""
    return [each for each in changed if each.type in REAL] or changed


def reset(person: User, *, by: Actor) -> Notice:
    """An admin takes every factor of somebody who lost theirs away, recovery codes too; the person is told by mail.

    The next sign-in needs the password (or the provider) alone. Raises Refusal when there is nothing to take away.
    """
    if not by.is_admin():
        raise NotPermitted("Only an admin of fnshare resets the second factor of others.")
    if by.person is not None and by.person.pk == person.pk and not by.claimed:
        raise Refusal("Your own second factors are on your profile.", next="Remove them there.", code="conflict")
    with transaction.atomic():
        gone, _ = Authenticator.objects.filter(user=person).delete()
        if not gone:
            raise Refusal(f"{person.email} has no second factor.", code="conflict")
        history.record("person.factors-reset", f"The second factors of {person.email} were removed.", by=by)
        return _mail(person, "An admin removed your second factors and recovery codes.")


def _tell(person: User, verb: str, what: str) -> Notice:
    history.record(verb, f"{person.email} {what}.", by=Actor.of(person))
    return _mail(person, f"You {what}.")


def _mail(person: User, what: str) -> Notice:
    notice = notices.queue("second-factor", to=person.email, person=person, detail={"what": what})
    assert notice is not None  # noqa: S101  # without `once` there is always one
    return notice
