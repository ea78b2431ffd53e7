"""An invitation thought through before anything is written: what the preview shows, and what `invite` keeps."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from sharing.models import Account, Actor, Policy
from sharing.policy import PrincipalKind, WhoError, parse_who
from sharing.policy.actions import INVOKE
from sharing.services import granting, organizations
from sharing.services.errors import Refusal
from sharing.services.granting import Plan, Problem
from sharing.services.letters import Letter
from sharing.services.naming import numbers_by_name
from sharing.services.quoting import without_marks

from . import tokens, writing

LASTS = timedelta(days=7)
MOST_OFFERS = 50
MOST_NOTE = 1000
#: Stands for an account that is not named yet, when an offer is thought through; AWS has no such account.
_SOMEBODY = "000000000000"
#: Stands for the token, which is made when the mail leaves.
_LATER = "LATER"


@dataclass(frozen=True)
class Offer:
    """One function, alias or version in an invitation: what they may do, until when (aware; None: no end)."""

    policy: Policy
    action: str = INVOKE
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Thought:
    """One offer as the share it may become. `sentence` says for whom; `size_after` counts the offers before it too."""

    offer: Offer
    plan: Plan
    sentence: str
    size_after: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Draft:
    """Everything the preview shows. `problems` block and are about the whole; those of an offer stand with it.

    `number` or `organization`: whom it is for; neither: whoever proves an account. `account`: the one of that number, if it
    is known here. `warnings` inform. `letter` is the mail, with an ellipsis in place of the token; None while something blocks.
    """

    email: str
    note: str
    number: str
    organization: str
    thoughts: tuple[Thought, ...]
    problems: tuple[Problem, ...]
    account: Account | None = None
    warnings: tuple[Problem, ...] = ()
    letter: Letter | None = None

    @property
    def first_problem(self) -> Problem | None:
        """What `invite` would refuse it for."""
        every = (*self.problems, *(problem for thought in self.thoughts for problem in thought.problems))
        return every[0] if every else None


def draft(email: str, *, offers: Sequence[Offer], by: Actor, note: str = "", meant: str = "") -> Draft:
    """Think an invitation through. Nothing is written. Raises NotPermitted and NotFound; the rest is in its problems.

    meant: an account's 12 digits or name, an organisation id, or "" for whoever proves an account.
    """
    problems: list[Problem] = []
    number = organization = ""
    try:
        email = address_of(email)
    except Refusal as refusal:
        problems.append(_as_problem(refusal))
    try:
        number, organization = meant_by(meant)
    except Refusal as refusal:
        problems.append(_as_problem(refusal))
    note = without_marks(note).strip()
    if len(note) > MOST_NOTE:
        text = f"The note has {len(note):,} characters; {MOST_NOTE:,} are kept."
        problems.append(Problem(text, "Shorten it.", field="note"))
    if not offers:
        problems.append(Problem("Nothing is offered.", "Choose at least one function.", field="offers"))
    if len(offers) > MOST_OFFERS:
        text = f"An invitation offers at most {MOST_OFFERS} functions; this one has {len(offers)}."
        problems.append(Problem(text, "Make several invitations.", field="offers"))
        offers = offers[:MOST_OFFERS]
    thoughts = think(offers, number=number, organization=organization, by=by)
    found = Draft(email, note, number, organization, thoughts, tuple(problems))
    if found.first_problem is not None:
        return found
    link = f"{settings.PUBLIC_URL}{tokens.path_of(_LATER).replace(_LATER, '…')}"
    items = [writing.item_of(one.offer.policy, one.offer.action, one.offer.ends_at) for one in thoughts]
    letter = writing.letter(
        inviter=by.person, items=items, note=note, number=number, organization=organization,
        expires_at=timezone.now() + LASTS, link=link,
    )  # fmt: skip
    account = Account.objects.filter(number=number).first() if number else None
    return replace(found, account=account, warnings=_warnings(organization), letter=letter)


def _warnings(organization: str) -> tuple[Problem, ...]:
    if not organization:
        return ()
    known = organizations.known()
    if organization in known.whole:
        return ()
    why = known.stale.get(organization, "")
    text = f"Which accounts belong to {organization} is not known here, so nobody can accept this invitation now. {why}".strip()
    return (Problem(text, "Name an account instead, or ask an admin to connect the organisation first.", code="unknown"),)


def think(offers: Sequence[Offer], *, number: str, organization: str, by: Actor) -> tuple[Thought, ...]:
    """Each offer as the share it may become: what AWS or we would refuse then is a problem now."""
    found: list[Thought] = []
    added: dict[uuid.UUID, int] = {}
    named: set[tuple[uuid.UUID, str]] = set()
    for offer in offers:
        plan = granting.plan(policy=offer.policy, who=number or _SOMEBODY, by=by, action=offer.action, ends_at=offer.ends_at)
        problems = list(plan.problems)
        if (offer.policy.pk, offer.action) in named:
            text = "This function is in the invitation already, with the same action."
            problems.append(Problem(text, "Remove one, or choose another alias, version or action."))
        named.add((offer.policy.pk, offer.action))
        before = added.get(offer.policy.pk, 0)
        after = plan.size_after + before
        added[offer.policy.pk] = before + plan.size_after - plan.size_before
        if plan.size_after <= plan.limit < after:
            text = f"With the offers above the policy would have {after:,} bytes; AWS allows {plan.limit:,}."
            problems.append(Problem(text, "Offer less on it, or another alias.", code="full"))
        found.append(Thought(offer, plan, _for_whom(plan.sentence, number, organization), after, tuple(problems)))
    return tuple(found)


def _for_whom(sentence: str, number: str, organization: str) -> str:
    """The sentence of a plan for nobody in particular, about the account that will be proved."""
    if number:
        return sentence
    whom = f"the account of {organization} that they prove" if organization else "the account that they prove"
    told = f"account {_SOMEBODY} that its own administrators allow"
    return sentence.replace(told, f"{whom}, as far as its own administrators allow,")


def address_of(email: str) -> str:
    """The address as it is kept. Raises Refusal."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refusal("That is no e-mail address.", next="Write it as name@example.com.", field="email") from None
    if not email.isascii():
        # Letters that look like others make one address pass for another.
        text = "The address has letters outside a to z, 0 to 9 and the usual signs."
        raise Refusal(text, next="Write the domain as DNS has it (xn--…), or ask for another address.", field="email")
    if len(email) > 254:
        raise Refusal("The address is too long.", next="Check it.", field="email")
    return email


def meant_by(text: str) -> tuple[str, str]:
    """(account number, organisation id): one of them, or neither. Raises Refusal."""
    if not text.strip():
        return "", ""
    try:
        found = parse_who(text, names=numbers_by_name())
    except WhoError as error:
        raise Refusal(str(error), field="meant") from None
    if found.kind is PrincipalKind.ACCOUNT:
        return found.value, ""
    if found.kind is PrincipalKind.ORGANIZATION:
        return "", found.value
    raise Refusal(
        "An invitation is for an account or an organisation.",
        next="Write 12 digits, an account's name, an organisation id (o-…), or leave it empty.",
        field="meant",
    )


def _as_problem(refusal: Refusal) -> Problem:
    return Problem(refusal.message, refusal.next, field=refusal.field, code=refusal.code)
