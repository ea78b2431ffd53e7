"""What lets an account in, from what is in somebody's scope: what is its alone, and what is shared with others.

For a suspension only what can be given back exactly is taken away: shares made here, and mappings, which are paused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from django.db.models import Q
from django.utils import timezone

from sharing.models import (
    Actor,
    Connection,
    Grant,
    GrantState,
    Invitation,
    LayerGrant,
    LayerVersion,
    Membership,
    Policy,
    Purpose,
    Wanted,
)
from sharing.models import Mapping as EventMapping
from sharing.models.offboarding import OffboardingKind
from sharing.policy import Document, Statement, origin_of
from sharing.services import access, granting
from sharing.services.access.about_who import FOLDED
from sharing.services.consumers.gathering import OF_ACCOUNTS
from sharing.services.granting.statements import document_of, why_not_removable
from sharing.services.granting.wording import doing, named, place_of
from sharing.services.layers import document_of as layer_document_of
from sharing.services.layers import named as layer_named
from sharing.services.mapping import is_ours_to_change
from sharing.services.mapping import named as mapping_named
from sharing.services.naming import account_names

from .shapes import Kept, Preview, Thing

_FOR_GOOD: Final = " It cannot be undone."
#: Of a policy: so that somebody finds a function in a list of thousands.
_BY_FUNCTION: Final = ("function__name", "function__region", "qualifier")


def preview(number: str, *, by: Actor, suspends: bool = False) -> Preview:
    """What would be taken away, for good or for a while, and what would stay. A number of queries that does not grow with
    what is found."""
    names = account_names()
    subject = access.Subject("account", number, names.get(number, f"account {number}"), number, number)
    answer = access.ask_about(subject, by=by)
    things: list[Thing] = []
    kept: list[Kept] = []
    for found in (
        _grants(number, by, names),
        _statements(number, by, names),
        _layers(number, by, names),
        _mappings(number, by),
        () if suspends else _people(number, by),
        _invited(number, by),
        _wide(answer),
        () if suspends else _checker(number),
    ):
        for one in found:
            thing = _for_a_while(one) if suspends else one
            if isinstance(thing, Thing):
                things.append(thing)
            elif thing is not None:
                kept.append(thing)
    return Preview(number, names.get(number, ""), tuple(things), tuple(kept), answer.gaps, suspends)


def _for_a_while(one: Thing | Kept) -> Thing | Kept | None:
    """What becomes of it in a suspension: what cannot be given back as it was stays. None: it lets nobody in."""
    if isinstance(one, Kept) or one.kind == OffboardingKind.MAPPING:
        return one
    grant: Grant | None = one.refs.get("grant")
    if grant is not None:
        if grant.suspended_at is not None and grant.wanted == Wanted.ABSENT:
            return None
        problem = granting.why_not_suspended(grant)
        return Kept(one.sentence, one.where, f"{problem.message} {problem.next}", grant=grant) if problem else one
    following = {
        OffboardingKind.STATEMENT: "It was made elsewhere: revoke it, if it may go for good.",
        OffboardingKind.INVITATION: "If it is accepted meanwhile, nothing is shared by it: invite again afterwards.",
    }.get(one.kind, "")
    refs = one.refs
    shared: LayerGrant | None = refs.get("layer_grant")
    return Kept(
        one.sentence.removesuffix(_FOR_GOOD),
        one.where,
        following,
        policy=refs.get("policy"),
        index=refs.get("index", 0),
        content=refs.get("content"),
        layer=shared.layer if shared is not None else refs.get("layer"),
        layer_grant=shared,
    )


def staying_layers(number: str, *, by: Actor) -> tuple[Kept, ...]:
    """Which layer versions are shared with the account now, as a suspension leaves them. Five queries, however many."""
    found = (_for_a_while(one) for one in _layers(number, by, account_names()))
    return tuple(one for one in found if isinstance(one, Kept))


def _grants(number: str, by: Actor, names: Mapping[str, str]) -> Iterator[Thing]:
    found = Grant.objects.visible_to(by).live().filter(principal_account=number, principal_kind__in=OF_ACCOUNTS)
    there = Q(wanted=Wanted.PRESENT) | Q(suspended_at__isnull=False)
    rows = found.filter(there).select_related("policy__function__account")
    for grant in rows.order_by(*(f"policy__{name}" for name in _BY_FUNCTION), "created_at", "id"):
        text = f"{named(grant, names)}, suspended" if grant.state == GrantState.SUSPENDED else named(grant, names)
        yield Thing(OffboardingKind.GRANT, text, _of(grant.policy), {"grant": grant})


def _statements(number: str, by: Actor, names: Mapping[str, str]) -> Iterator[Thing | Kept]:
    """Statements that name the account, as last read: as a principal, or as whose something is."""
    policies = Policy.objects.visible_to(by).filter(vanished_at=None, current__document__contains=number)
    rows = list(policies.select_related("function__account", "current").order_by(*_BY_FUNCTION, "id"))
    live = Grant.objects.live().filter(policy__in=[one.pk for one in rows])
    ours = {(one.policy_id, one.sid): one for one in live}
    for policy in rows:
        document = document_of(policy)
        for statement in _naming(document, number):
            grant = ours.get((policy.pk, statement.sid or ""))
            if grant is not None and grant.principal_account == number and grant.principal_kind in OF_ACCOUNTS:
                continue
            alone = _is_its_alone(statement, number)
            on_its_behalf = any(one.kind.value == "service" for one in statement.principals)
            who = "it in" if alone else "a service in on its behalf" if on_its_behalf else "in others too"
            text = f"{statement.name} lets {who}"
            if grant is not None:
                yield Kept(named(grant), _of(policy), "Revoke that share, if the others may go too.", grant=grant)
            elif not alone:
                following = "Revoke it, if that may stop." if on_its_behalf else "Share with the others alone, then revoke it."
                yield Kept(f"{text}.", _of(policy), following, policy=policy, index=statement.index)
            elif problem := why_not_removable(statement, document.statements):
                following = f"{problem.message} {problem.next}"
                yield Kept(f"{text}.", _of(policy), following, policy=policy, index=statement.index)
            else:
                refs = {"policy": policy, "content": policy.current_id, "index": statement.index}
                yield Thing(OffboardingKind.STATEMENT, _in_words(policy, statement, names), _of(policy), refs)


def _layers(number: str, by: Actor, names: Mapping[str, str]) -> Iterator[Thing | Kept]:
    found = LayerGrant.objects.visible_to(by).live().filter(principal_account=number, principal_kind="account")
    grants = found.filter(wanted=Wanted.PRESENT).select_related("layer__account")
    for grant in grants.order_by("layer__name", "layer__number", "created_at", "id"):
        yield Thing(OffboardingKind.LAYER_GRANT, layer_named(grant, names), str(grant.layer.account), {"layer_grant": grant})
    versions = LayerVersion.objects.visible_to(by).filter(vanished_at=None, exposures__account=number).distinct()
    rows = list(versions.select_related("account", "current").order_by("name", "number", "id"))
    ours = set(LayerGrant.objects.live().filter(layer__in=[one.pk for one in rows]).values_list("layer_id", "sid"))
    for layer in rows:
        document = layer_document_of(layer)
        for statement in _naming(document, number):
            if (layer.pk, statement.sid or "") in ours:
                continue
            text = f"{statement.name} of layer {layer.label}"
            problem = why_not_removable(statement, document.statements)
            if problem is None and _is_its_alone(statement, number):
                refs = {"layer": layer, "content": layer.current_id, "index": statement.index}
                sentence = f"{text} lets it in and nobody else; it was made elsewhere."
                yield Thing(OffboardingKind.LAYER_STATEMENT, sentence, str(layer.account), refs)
            else:
                following = f"{problem.message} {problem.next}" if problem else "Look at the layer's page."
                yield Kept(f"{text} lets it in.", str(layer.account), following, layer=layer)


def _mappings(number: str, by: Actor) -> Iterator[Thing | Kept]:
    found = (
        EventMapping.objects.visible_to(by).present().filter(source_account=number).exclude(function__account__number=number)
    )
    for one in found.select_related("function__account").order_by("source_arn", "id"):
        where = f"{one.function.account} · {one.function.region}"
        sentence = f"What arrives in its {mapping_named(one)} runs the function"
        if one.state == "Disabled":
            yield Kept(f"{sentence}, once it is resumed.", where, "It is paused; delete it on its page.", mapping=one)
        elif is_ours_to_change(one.source_arn):
            yield Thing(OffboardingKind.MAPPING, f"{sentence}. It is paused, not deleted.", where, {"mapping": one})
        else:
            yield Kept(f"{sentence}.", where, "Pause or delete it in AWS.", mapping=one)


def _people(number: str, by: Actor) -> Iterator[Thing | Kept]:
    members = Membership.objects.current().filter(account__number=number).select_related("person", "account")
    for one in members.order_by("person__email"):
        sentence = f"{one.person.email} acts for the account here"
        if by.is_admin():
            yield Thing(OffboardingKind.MEMBERSHIP, f"{sentence}.", "", {"membership": one})
        else:
            yield Kept(f"{sentence}.", "", "An admin of fnshare ends that.")


def _invited(number: str, by: Actor) -> Iterator[Thing]:
    now = timezone.now()
    rows = Invitation.objects.visible_to(by)
    waiting = [*rows.open(now).filter(number=number), *rows.to_confirm().filter(account__number=number)]
    for invitation in {one.pk: one for one in waiting}.values():
        sentence = f"{invitation.email} is invited for the account and has not got anything yet.{_FOR_GOOD}"
        yield Thing(OffboardingKind.INVITATION, sentence, "", {"invitation": invitation})


def _wide(answer: access.Answer) -> Iterator[Kept]:
    """What lets in everybody, or every member of an organisation, and so this account."""
    for group in answer.groups:
        if group.key in FOLDED and group.functions:
            functions = "1 function" if group.functions == 1 else f"{group.functions:,} functions"
            yield Kept(f"{group.title}: {functions}.", "", "Look at each; revoke what should not be so wide.", how=group.key)


def _checker(number: str) -> Iterator[Kept]:
    """The role by which it is proved."""
    if Connection.objects.standing().filter(account__number=number, purpose=Purpose.CHECKER).exists():
        yield Kept("Its checker role stays connected.", "", "An admin disconnects it under Settings, Accounts.")


def _naming(document: Document, number: str) -> Iterator[Statement]:
    """Statements that let somebody in and name the account anywhere but in their resource."""
    for statement in document.statements:
        said = {key: value for key, value in statement.raw.items() if key not in ("Resource", "Sid")}
        if not statement.is_deny and number in json.dumps(said):
            yield statement


def _is_its_alone(statement: Statement, number: str) -> bool:
    """Whether the statement lets in this account, or roles and users of it, and nobody else."""
    alone = all(one.kind.value in OF_ACCOUNTS and one.account == number for one in statement.principals)
    return bool(statement.principals) and alone and not statement.not_principals


def _in_words(policy: Policy, statement: Statement, names: Mapping[str, str]) -> str:
    """What a statement made elsewhere lets them do, and who might put it back."""
    who = ", ".join(one.label(names) for one in statement.principals[:3])
    what = ", ".join(doing(action) for action in statement.actions[:3]) or "do whatever is not named on"
    origin = origin_of(statement)
    again = f" {origin.text}" if origin.keeps_it else ""
    return f"{who[:1].upper()}{who[1:]} may {what} {place_of(policy)}, by {statement.name}.{again}"


def _of(policy: Policy) -> str:
    return f"{place_of(policy)} · {policy.function.account} · {policy.function.region}"
