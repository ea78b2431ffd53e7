"""Findings about what was not looked at and about shares that are not as decided: what is true of them now, as one set."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db.models import Count, Q

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Function,
    Grant,
    GrantState,
    Mapping,
    Policy,
    Purpose,
    Reading,
    Verdict,
)
from sharing.models.grant import LIVE
from sharing.policy.findings import Found, watched
from sharing.services import proofs
from sharing.services.gaps import lines
from sharing.services.granting.wording import named, place_of
from sharing.services.naming import account_names
from sharing.services.organizations import departed
from sharing.services.syncing import Covered, Survey
from sharing.services.waking.polling import stuck_since

from .settling import Subject

#: The rules that are judged here, as a whole, by the sweep.
WATCHED = (
    "unread",
    "never-read",
    "aliases-unlisted",
    "versions-unread",
    "region-gap",
    "connection",
    "proof-failed",
    "organization-account-left",
    "statement-changed",
    "share-vanished",
    "share-stuck",
    "revoke-failed",
    "check-denied",
    "mapping-stuck",
    "mapping-failing",
)
_OF_SHARES = (
    watched.statement_changed,
    watched.share_vanished,
    watched.share_stuck,
    watched.revoke_failed,
    watched.check_denied,
)

Found_ = tuple[Found | None, Subject]


def watch() -> dict[uuid.UUID, tuple[Found, Subject]]:
    """Everything that these rules find now. The number of queries does not depend on how much there is."""
    found: dict[uuid.UUID, tuple[Found, Subject]] = {}
    for kind in (_policies, _functions, _versions, _regions, _connections, _proofs, _departed, _shares, _mappings):
        for one, subject in kind():
            if one is not None:
                found[one.id_at(subject.text)] = (one, subject)
    return found


def _policies() -> Iterator[Found_]:
    unread = Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)
    rows = Policy.objects.present().filter(unread).exclude(unread_reason="").select_related("function__account")
    counts = dict(rows.order_by().values_list("pk").annotate(many=Count("exposures")))
    for policy in rows:
        since = f"{policy.unread_since:%Y-%m-%d %H:%M} UTC" if policy.unread_since else ""
        facts = watched.Read(
            place_of(policy), policy.current_id is not None, since, policy.unread_reason, counts.get(policy.pk, 0)
        )
        subject = Subject(policy.arn, policy.function.account, policy.function, policy, version=policy.current_id)
        yield watched.unread(facts), subject
        yield watched.never_read(facts), subject


def _functions() -> Iterator[Found_]:
    for function in Function.objects.present().exclude(aliases_failure="").select_related("account"):
        found = watched.aliases_unlisted(function.name, function.aliases_failure)
        yield found, Subject(function.arn, function.account, function)


def _versions() -> Iterator[Found_]:
    missing = Count("functions", filter=Q(functions__vanished_at=None, functions__details_read_at=None))
    counts = dict(Account.objects.order_by().values_list("pk").annotate(missing=missing).filter(missing__gt=0))
    for account in Account.objects.in_bulk(list(counts)).values():
        yield watched.versions_unread(account.name, counts[account.pk]), Subject(account.number, account)


def _regions() -> Iterator[Found_]:
    survey = Survey(Actor.system())
    for line in lines(survey, survey.gaps):
        apart = line.covered in (Covered.FAILED, Covered.NEVER)
        region = line.regions[0] if apart else ""
        where = f"{line.account.name}, {line.regions[0]}" if len(line.regions) == 1 else line.account.name
        found = watched.region_gap(where, str(line.covered), line.reason)
        yield found, Subject(f"{line.account.number} {region}".strip(), line.account, region=region)


def _connections() -> Iterator[Found_]:
    broken = Connection.objects.filter(state__in=(ConnectionState.REFUSED, ConnectionState.PAUSED)).select_related("account")
    for one in broken:
        if one.proof_failed_since is not None and one.state == ConnectionState.REFUSED:
            continue  # told by proof-failed, which says more
        reads = one.purpose == Purpose.MANAGER
        name = f"The {one.get_purpose_display().lower()} of {one.account.name}"
        why, proves = one.paused_because or one.failure, one.purpose == Purpose.CHECKER
        found = watched.connection_broken(name, one.state, why, reads=reads, proves=proves)
        yield found, Subject(f"{one.account.number} {one.purpose}", one.account)
    standing = Connection.objects.standing().filter(purpose=Purpose.MANAGER)
    left = Account.objects.filter(functions__vanished_at=None, functions__isnull=False).exclude(connections__in=standing)
    for account in left.distinct():
        name = f"The manager role of {account.name}"
        found = watched.connection_broken(name, "disconnected", "", reads=True)
        yield found, Subject(f"{account.number} {Purpose.MANAGER}", account)


def _proofs() -> Iterator[Found_]:
    for account, proof in proofs.failed():
        since = f"{proof.failed_since:%Y-%m-%d %H:%M} UTC" if proof.failed_since else ""
        found = watched.proof_failed(f"{account.name} ({account.number})", since, proof.why, others=proof.open_to_others)
        yield found, Subject(f"{account.number} proof", account)


def _departed() -> Iterator[Found_]:
    """Of no account's scope: what is counted lies in accounts of others too."""
    for one in departed():
        member = one.member
        where = f"organisation {member.organization.organization_id}"
        when = f"left {where}, as read at {one.since:%Y-%m-%d %H:%M} UTC" if one.since else ""
        what = when or f"is {member.status.lower().replace('_', ' ')} in {where}"
        roles = tuple(Purpose(purpose).label.lower() for purpose in one.roles)
        name = f"{member.name} ({member.number})" if member.name else f"Account {member.number}"
        facts = watched.Gone(name, what, one.shares, one.ways, one.given, one.open, roles)
        yield watched.organization_account_left(facts), Subject(f"{member.number} {member.organization.organization_id}")


def _shares() -> Iterator[Found_]:
    active = Q(state=GrantState.ACTIVE)
    odd = Q(state__in=(GrantState.STUCK, GrantState.VANISHED)) | active & ~Q(failure="") | active & Q(verdict=Verdict.DENIED)
    restored = Grant.objects.filter(undone_by__state__in=LIVE)
    grants = Grant.objects.filter(odd).exclude(pk__in=restored.values("pk")).select_related("policy__function__account")
    names = account_names()
    for grant in grants:
        policy = grant.policy
        if policy.vanished_at or policy.function.vanished_at:
            continue
        facts = watched.Share(
            named(grant, names),
            grant.state,
            grant.wanted,
            grant.failure,
            grant.failure_code,
            grant.failure_next,
            grant.verdict,
            grant.verdict_principal,
            grant.sid,
        )
        function = policy.function
        subject = Subject(f"grant {grant.pk}", function.account, function, policy, grant, version=policy.current_id)
        for rule in _OF_SHARES:
            yield rule(facts), subject


def _mappings() -> Iterator[Found_]:
    present = Mapping.objects.present().filter(function__vanished_at=None)
    for one in present.select_related("function__account"):
        function = one.function
        name = f"{function.name}:{one.qualifier}" if one.qualifier else function.name
        subject = Subject(f"mapping {one.pk}", function.account, function)
        since = stuck_since(one)
        if since is not None:
            yield watched.mapping_stuck(name, one.source, one.state, f"{since:%Y-%m-%d %H:%M} UTC"), subject
        yield watched.mapping_failing(name, one.source, one.last_result), subject
