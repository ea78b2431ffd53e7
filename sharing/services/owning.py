"""Whose a function is: the people that its tag names, else those whose scope has its account.

An owner by tag is who is asked, reminded and alarmed. It gives no right and takes none away: rights are role and scope.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from sharing.models import Account, Function, Role, User

#: So many people at most are told about one function.
MOST = 20


@dataclass(frozen=True)
class Owners:
    """The people in the order of their addresses, at most MOST; `more`: how many others. `by_tag`: the tag named them."""

    people: tuple[User, ...]
    by_tag: bool
    more: int = 0

    @property
    def others(self) -> int:
        """How many there are besides the first five, which a page names."""
        return max(0, len(self.people) - 5) + self.more


def owners_of(function: Function) -> list[User]:
    """Who is asked about this function, reminded and alarmed: active people with the right to change it, at most MOST."""
    return list(owners(function).people)


def owners(function: Function) -> Owners:
    """The same, with how they were found."""
    return owners_by_function([function])[function.pk]


def owners_besides(function: Function, person: User | None) -> list[User]:
    """Who else than this person is asked: the other owners, or when there is none, whoever else has the right."""
    return list(owners_by_function([function], besides=person)[function.pk].people)


def owners_by_function(functions: Collection[Function], *, besides: User | None = None) -> dict[uuid.UUID, Owners]:
    """The owners of each function, by its key, as if `besides` were none. Two queries, however many."""
    if not functions:
        return {}
    accounts = {one.account_id for one in functions}
    explicit = Account.people.through.objects.filter(account_id__in=accounts)
    scopes = set(explicit.values_list("user_id", "account_id"))
    inside = Q(every_account=True) | Q(pk__in=[person for person, _ in scopes])
    may_change = User.objects.filter(inside, is_active=True, role__in=(Role.OWNER, Role.ADMIN))
    people = [person for person in may_change.order_by("email") if besides is None or person.pk != besides.pk]
    found = {}
    for function in functions:
        listed = {person.pk for person in people if (person.pk, function.account_id) in scopes}
        seeing = [person for person in people if person.every_account or person.pk in listed]
        named = addresses(function)
        tagged = [person for person in seeing if person.email in named]
        own = [person for person in seeing if not person.every_account and person.role == Role.OWNER]
        chosen = tagged or own or seeing
        found[function.pk] = Owners(tuple(chosen[:MOST]), bool(tagged), max(0, len(chosen) - MOST))
    return found


def addresses(function: Function) -> set[str]:
    """The e-mail addresses in the function's owner tag; none when no tag is configured or it was not read."""
    tags = function.tags if isinstance(function.tags, dict) else {}
    text = str(tags.get(settings.OWNER_TAG, "")) if settings.OWNER_TAG else ""
    return {word.lower() for word in re.split(r"[\s,;]+", text) if "@" in word}
