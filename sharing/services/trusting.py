"""The trust list: accounts and organisations that are no strangers. It colours, it never hides or excuses anything."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from sharing.models import Account, Actor, Trusted, TrustKind
from sharing.policy.arn import digits_of, unspaced
from sharing.services import history
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.naming import spoken

_NAMED = 6  # entries named where the line is one of many on a page
ONLY_ADMINS = "Only an admin of fnshare changes whom the organisation trusts."


@dataclass(frozen=True)
class Trust:
    """The list as the policy room takes it: account ids and organisation ids."""

    accounts: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """One line for reports: which list an answer was coloured with."""
        listed = [*sorted(self.accounts), *sorted(self.organizations)]
        return f"Trusted: {', '.join(listed)}" if listed else "Nobody is on the trust list"

    @property
    def brief(self) -> str:
        """The same for pages, beside a link to the list: of a long one how many there are."""
        if len(self.accounts) + len(self.organizations) <= _NAMED:
            return self.words
        many = ((len(self.accounts), "account"), (len(self.organizations), "organisation"))
        return "Trusted: " + " and ".join(f"{count:,} {one}{'' if count == 1 else 's'}" for count, one in many if count)


def trust() -> Trust:
    """Everybody on the list. One query."""
    found: dict[str, set[str]] = {kind: set() for kind in TrustKind.values}
    for kind, value in Trusted.objects.values_list("kind", "value"):
        found[kind].add(value)
    return Trust(frozenset(found[TrustKind.ACCOUNT]), frozenset(found[TrustKind.ORGANIZATION]))


def called(text: str) -> QuerySet[Trusted]:
    """Entries whose digits, id, note or account's name hold the text; all of them without any."""
    if not text:
        return Trusted.objects.all()
    accounts = Account.objects.called(text).order_by().values("number")
    found = Q(value__icontains=text) | Q(note__icontains=text) | Q(value__in=accounts)
    digits = digits_of(text)  # also of an account that is not known otherwise
    return Trusted.objects.filter(found | Q(value__contains=digits) if digits else found)


def add(value: str, *, by: Actor, note: str = "") -> Trusted:
    """Trust an account id (spaces and dashes are fine) or an organisation id. Raises NotPermitted, Refusal."""
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    value = value.strip()
    kind = TrustKind.ORGANIZATION if value.startswith("o-") else TrustKind.ACCOUNT
    if kind == TrustKind.ACCOUNT:
        value = unspaced(value)
    entry = Trusted(kind=kind, value=value, note=note.strip(), added_by=by.person, added_as=by.label[:300])
    try:
        with transaction.atomic():
            entry.full_clean()
            entry.save()
            history.record("trust.added", f"Trusted from now on: {_spoken(entry)}.", by=by, reason=note)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), code="invalid", field="value") from None
    except IntegrityError:
        raise Refusal(f"{value} is trusted already.", code="conflict", field="value") from None
    return entry


def remove(entry: Trusted, *, by: Actor) -> None:
    """Trust it no longer. Twice is once. Raises NotPermitted."""
    if not by.is_admin():
        raise NotPermitted(ONLY_ADMINS)
    with transaction.atomic():
        if Trusted.objects.filter(pk=entry.pk).delete()[0]:
            history.record("trust.removed", f"Not trusted any more: {_spoken(entry)}.", by=by)


def _spoken(entry: Trusted) -> str:
    return spoken(entry.value) if entry.kind == TrustKind.ACCOUNT else f"organisation {entry.value}"
