"""Erasing the name of a person who left: rows go on naming them by id, and nowhere by address or name.

History too: each line that names them gets the other name, and a digest of what it was before, so that seals can still be
tried (services.sealing). What was there is kept nowhere. What AWS holds is not touched: a role or user there may be called
like a person, and so may a policy that was read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.db import models, transaction
from django.db.models import Q

from sharing.models import Actor, Erasure, Event, Installation, Seal, User
from sharing.services import people, sealing
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record
from sharing.services.sealing.verifying import ERASED, Erased, digest_of_erasures

#: Columns in which fnshare itself writes who did something or what somebody typed. Never principals and statements.
_COLUMNS: Final = frozenset(
    (
        *("requested_as", "revoked_as", "accepted_as", "created_as", "ended_as", "added_as"),
        *("reason", "revoke_reason", "accepted_reason", "ended_reason", "second_person", "extension", "note"),
        *("email", "to", "once"),
    )
)
_OF_NOTICES: Final = frozenset(("subject", "detail"))
_OF_EVENTS: Final = ("text", "actor", "reason", "detail")
#: What has rules of its own here, and the person's own row.
_APART: Final = frozenset(("Event", "Seal", "Shipment", "Erasure", "User"))


@dataclass(frozen=True)
class Gone:
    """What was erased. name: what stands there now. lines: of history; sealed: those of them that had been sealed."""

    name: str
    rows: int
    lines: int
    sealed: int


def erase(person: User, *, by: Actor) -> Gone:
    """Erase a person's address and name everywhere, and whatever signs them in. For good.

    A name of one word stays in texts that people wrote: it may be any word. Raises NotPermitted, Refusal (the last admin, or
    oneself). With a database role that may not change history this is for the owner's role.
    """
    if not by.is_admin():
        raise NotPermitted(people.ONLY_ADMINS)
    if by.person is not None and by.person.pk == person.pk:
        raise Refusal("Nobody erases themselves.", next="Ask another admin.", code="conflict")
    Installation.objects.get_or_create(pk=1)
    with transaction.atomic():
        sealing.one_at_a_time()
        people.deactivate(person, by=by)
        person = people.lock(person)
        other = f"person-{person.pk.hex[:12]}"
        words = _Words.of(person, other)
        rows = _erase_rows(words)
        erased, lines = _erase_lines(words)
        for model in (EmailAddress, Authenticator, SocialAccount):
            model.objects.filter(user=person).delete()
        User.objects.filter(pk=person.pk).update(email=f"{other}@erased.invalid", name="", time_zone="UTC")
        person.set_unusable_password()
        person.save(update_fields=["password"])
        event = record(
            ERASED,
            f"The name of {other} was erased: {rows} rows, {lines} lines of history.",
            by=by,
            detail={"digest": digest_of_erasures(erased), "lines": lines},
        )
        Erasure.objects.bulk_create(
            [Erasure(event=event.id, sequence=one.sequence, before=one.before, after=one.after) for one in erased]
        )
    return Gone(other, rows, lines, len(erased))


@dataclass(frozen=True)
class _Words:
    """What is looked for, and what stands there afterwards."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, person: User, other: str) -> _Words:
        pairs = [(person.email, f"{other}@erased.invalid")]
        if len(person.name.split()) > 1:
            pairs.append((person.name, other))
        return cls(tuple(pairs))

    def __call__(self, text: str) -> str:
        for word, instead in self.pairs:
            # Not inside a longer address: ann@example.com is not joann@example.com.
            whole = re.compile(rf"(?<![\w.+-]){re.escape(word)}(?![\w-]|\.\w)", re.IGNORECASE)
            text = whole.sub(instead, text)
        return text

    def holding(self, *columns: str) -> Q:
        """Rows that may hold one of them."""
        found = Q()
        for column in columns:
            for word, _ in self.pairs:
                # JSON may hold other letters than ASCII as escapes.
                for written in {word, json.dumps(word)[1:-1]}:
                    found |= Q(**{f"{column}__icontains": written})
        return found

    def value(self, value: Any) -> Any:
        """Of text, or of JSON."""
        if value is None or isinstance(value, str):
            return value if value is None else self(value)
        return json.loads(self(json.dumps(value, ensure_ascii=False)))


def _erase_rows(words: _Words) -> int:
    changed = 0
    for model in apps.get_app_config("sharing").get_models():
        if model.__name__ in _APART:
            continue
        wanted = _COLUMNS | (_OF_NOTICES if model.__name__ == "Notice" else frozenset())
        columns = [field.name for field in model._meta.concrete_fields if field.name in wanted]
        if columns:
            changed += _replace(models.QuerySet(model), words, columns)
    return changed


def _replace(rows: Any, words: _Words, columns: list[str]) -> int:
    changed = 0
    for row in list(rows.filter(words.holding(*columns)).values("pk", *columns)):
        pk = row.pop("pk")
        new = {name: words.value(value) for name, value in row.items()}
        if new != row:
            changed += rows.filter(pk=pk).update(**new)
    return changed


def _erase_lines(words: _Words) -> tuple[list[Erased], int]:
    """Lines of history; digests of those that are sealed. What is too young to be sealed is sealed as it is then."""
    last = Seal.objects.order_by("number").last()
    end = last.last if last else 0
    unsealed_gaps = _gaps()
    past: models.QuerySet[Event] = models.QuerySet(Event)  # the manager's own refuses
    erased = []
    lines = 0
    for event in list(past.filter(words.holding(*_OF_EVENTS)).order_by("sequence")):
        before = sealing.line_of(event).digest
        new = {name: words.value(getattr(event, name)) for name in _OF_EVENTS}
        if new == {name: getattr(event, name) for name in _OF_EVENTS}:
            continue
        past.filter(pk=event.pk).update(**new)
        lines += 1
        if event.sequence <= end and event.sequence not in unsealed_gaps:
            after = sealing.line_of(past.get(pk=event.pk)).digest
            erased.append(Erased("", event.sequence, before, after))
    return erased, lines


def _gaps() -> set[int]:
    """Numbers within sealed ranges that are in no seal."""
    gaps: set[int] = set()
    for row in Seal.objects.exclude(gaps=[]).values_list("gaps", flat=True):
        gaps |= set(row)
    for row in Seal.objects.exclude(late=[]).values_list("late", flat=True):
        gaps -= set(row)
    return gaps
